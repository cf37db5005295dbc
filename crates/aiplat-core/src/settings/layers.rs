//! Where values come from, in order of precedence.

use std::collections::BTreeMap;
use std::fmt;

use crate::manifest::Manifest;

/// The layer a value is from; the earlier one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A command-line flag.
    Flag,
    /// The process environment.
    Environment,
    /// The manifest.
    Manifest,
    /// Nobody gave it.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Manifest => "manifest",
            Self::Default => "default",
        })
    }
}

/// What was given, unparsed, by manifest key.
#[derive(Clone, Default)]
pub struct Layers {
    /// From command-line flags, under the manifest's key (`--base-dir` is `BASE_DIR`).
    pub flags: BTreeMap<String, String>,
    /// The process environment, or the part of it that is UTF-8. Only keys that are known are looked at.
    pub environment: BTreeMap<String, String>,
    /// The manifest; an empty one where there is no file yet.
    pub manifest: Manifest,
    /// User and group id of the person who runs the command (through `sudo` too); `None` for root.
    pub invoking_user: Option<(u32, u32)>,
}

impl Layers {
    /// The first layer's text for `key` that is not blank, and that layer.
    pub(super) fn find(&self, key: &str) -> Option<(String, Source)> {
        let layer = |map: &BTreeMap<String, String>| map.get(key).cloned();
        let layers = [
            (layer(&self.flags), Source::Flag),
            (layer(&self.environment), Source::Environment),
            (
                self.manifest
                    .get(key)
                    .map(|value| value.expose().to_owned()),
                Source::Manifest,
            ),
        ];
        layers
            .into_iter()
            .filter_map(|(text, source)| Some((text?, source)))
            .find(|(text, _)| !text.trim().is_empty())
    }

    /// The manifest's line of `key`, where the value is from there.
    pub(super) fn line(&self, key: &str, source: Source) -> Option<usize> {
        (source == Source::Manifest)
            .then(|| self.manifest.line(key))
            .flatten()
    }
}

/// Prints keys only.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("flags", &self.flags.keys())
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}
