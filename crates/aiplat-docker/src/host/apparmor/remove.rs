//! A profile leaves the kernel only when nobody wears it: its wearers would be unconfined at once, and for good.

use aiplat_core::spec::ProfileFile;

use super::parser::SystemParser;
use super::{AppArmor, files, wearer_of};
use crate::host::HostError;

impl AppArmor<'_> {
    pub(crate) fn remove(&self, profiles: &[ProfileFile]) -> Result<(), HostError> {
        let mut names = Vec::new();
        for file in profiles {
            names.push(self.name(file)?);
        }
        if self.enabled() {
            // all are looked at before the first is taken out
            for name in &names {
                if let Some(pid) = wearer_of(self.proc, name)? {
                    return Err(HostError::ProfileInUse {
                        name: name.to_string(),
                        pid,
                    });
                }
            }
            let parser = SystemParser(&self.paths.parser);
            let loaded = self.loaded();
            for name in names.iter().filter(|n| loaded.contains_key(n.as_str())) {
                parser.unload(name)?;
            }
            let left = self.loaded();
            if let Some(name) = names.iter().find(|n| left.contains_key(n.as_str())) {
                let output = format!("`{name}` is still loaded after its removal");
                return Err(HostError::Parser { output });
            }
        }
        for (file, name) in profiles.iter().zip(&names) {
            files::remove(file)?;
            self.forget(name.as_str());
        }
        Ok(())
    }

    /// The cache has one folder for each set of kernel features. What is left in it harms nothing.
    fn forget(&self, name: &str) {
        let Ok(entries) = fs_err::read_dir(&self.paths.cache_dir) else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            let _ = crate::host::files::remove_file(&entry.path().join(name));
        }
    }
}
