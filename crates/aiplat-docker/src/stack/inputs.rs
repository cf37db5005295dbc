//! What a run is given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aiplat_core::catalogue::{Catalogue, CatalogueProblem};
use aiplat_core::names::ServiceName;

/// What a run is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// To look: nothing is written and nothing is locked.
    Plan,
    /// To carry the plan out.
    Deploy,
    /// To write the manifest and reserve what it needs, and no more.
    Setup,
}

/// Everything a run is given from outside.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a wish of its own
pub struct Inputs {
    /// From flags, under the manifest's keys.
    pub flags: BTreeMap<String, String>,
    /// From the process environment; only known keys are looked at.
    pub environment: BTreeMap<String, String>,
    /// User and group of the person who runs the command; `None` for root.
    pub invoking_user: Option<(u32, u32)>,
    /// A `BASE_DIR` that is missing is made, on whatever file system lies there.
    pub allow_unmounted: bool,
    /// Every setting of every container is compared with its specification, at the price of a call each.
    pub deep: bool,
    /// It is part of a restore, which alone may touch a stack that is being restored.
    pub restoring: bool,
    /// Keys that are taken out of the manifest, so that what follows from the rest holds again.
    pub unset: BTreeSet<String>,
    /// Services whose data is copied before another image is started on it.
    pub copied: BTreeSet<ServiceName>,
    /// What the apps stored in the vector store that `VECTOR_DB` turns away from may be left behind.
    pub lose_vectors: bool,
    /// A limit that cannot be enforced here is told and not refused.
    pub best_effort: bool,
    /// The command, for whoever meets its lock, such as `deploy`.
    pub command: String,
}

/// A service file of the user's own, with the templates beside it.
#[derive(Debug, Clone)]
pub struct ServiceFile {
    /// Where it was read.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The templates beside it, by their path as `[[files]]` names them.
    pub templates: Vec<(String, String)>,
}

impl ServiceFile {
    /// Adds it to a catalogue.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn add_to(self, catalogue: &mut Catalogue) -> Result<(), Vec<CatalogueProblem>> {
        catalogue
            .add(&self.path.display().to_string(), &self.text, self.templates)
            .map(|_| ())
    }
}
