//! All profiles are loaded and enforced, or all is as it was.

use std::path::Path;

use aiplat_apparmor::ProfileName;
use aiplat_core::spec::ProfileFile;

use super::AppArmor;
use super::files::{self, Before};
use super::parser::SystemParser;
use crate::host::HostError;

/// One profile on its way.
struct Task<'a> {
    file: &'a ProfileFile,
    name: ProfileName,
    before: Before,
    /// The kernel had a profile of the name.
    loaded: bool,
}

impl AppArmor<'_> {
    pub(crate) fn load(&self, profiles: &[ProfileFile]) -> Result<(), HostError> {
        if profiles.is_empty() {
            return Ok(());
        }
        self.require()?;
        let parser = SystemParser(&self.paths.parser);
        let loaded = self.loaded();
        let mut tasks = Vec::new();
        for file in profiles {
            let name = self.name(file)?;
            parser.check(&name, &file.text)?;
            let before = Before::of(file)?;
            tasks.push(Task {
                loaded: loaded.contains_key(name.as_str()),
                file,
                name,
                before,
            });
        }
        let done = self.carry_out(&tasks, &parser);
        if done.is_err() {
            self.undo(&tasks, &parser);
        }
        done
    }

    fn carry_out(&self, tasks: &[Task<'_>], parser: &SystemParser<'_>) -> Result<(), HostError> {
        for task in tasks {
            files::write(task.file)?;
        }
        let paths: Vec<&Path> = tasks.iter().map(|t| t.file.system.as_path()).collect();
        parser.load(&paths)?;
        let now = self.loaded();
        for task in tasks {
            let mode = now.get(task.name.as_str()).map_or("absent", String::as_str);
            if mode != "enforce" {
                let (name, found) = (task.name.to_string(), mode.to_owned());
                return Err(HostError::NotEnforced { name, found });
            }
        }
        Ok(())
    }

    /// As far as it goes: what is reported is the failure that led here.
    fn undo(&self, tasks: &[Task<'_>], parser: &SystemParser<'_>) {
        let now = self.loaded();
        for task in tasks {
            let _ = task.before.restore(task.file);
            // a name that was loaded may be worn: it is never taken out, only given its old text again below
            if !task.loaded && now.contains_key(task.name.as_str()) {
                let _ = parser.unload(&task.name);
            }
        }
        let old = tasks.iter().filter(|t| t.loaded && t.before.was_there());
        let paths: Vec<&Path> = old.map(|t| t.file.system.as_path()).collect();
        if !paths.is_empty() {
            let _ = parser.load(&paths);
        }
    }
}
