//! What the host does when it boots, before its engine starts containers: the firewall's rules of all stacks are put back,
//! since no kernel keeps them. Where systemd starts the host it is one unit of ours, which runs `aiplat firewall`.

use std::path::{Path, PathBuf};

use aiplat_core::spec::Owner;

use super::{HostError, Outcome, files};

/// The unit.
pub const UNIT: &str = "aiplat-firewall.service";

/// The folder that says that the unit is wanted, beside it.
const WANTED: &str = "multi-user.target.wants";

/// Where the unit is, and what it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// `/etc/systemd/system`.
    pub units: PathBuf,
    /// The program `aiplat`, absolute.
    pub program: PathBuf,
}

impl Boot {
    /// Whether the unit is there, wanted, and runs a program that is there.
    pub(crate) fn is_kept(&self) -> bool {
        let runs = std::fs::read_to_string(self.units.join(UNIT)).is_ok_and(|text| {
            let mut lines = text.lines();
            let program = lines.find_map(|line| line.strip_prefix("ExecStart="));
            let program = program.and_then(|words| words.strip_suffix(" firewall"));
            program.is_some_and(|path| Path::new(path).is_file())
        });
        runs && self.link().exists()
    }

    /// Has every boot put the rules back.
    pub(crate) fn keep(&self) -> Result<Outcome, HostError> {
        if self.is_kept() {
            return Ok(Outcome::Unchanged);
        }
        let root = Owner { uid: 0, gid: 0 };
        let file = self.units.join(UNIT);
        files::write_bytes(&file, self.text().as_bytes(), root, 0o644)?;
        let link = self.link();
        let failed = |error| HostError::io("write", &link, error);
        std::fs::create_dir_all(self.units.join(WANTED)).map_err(failed)?;
        match std::os::unix::fs::symlink(&file, &link) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => Ok(Outcome::Changed),
        }
    }

    /// No stack has rules any more.
    pub(crate) fn forget(&self) -> Result<(), HostError> {
        files::remove_file(&self.link())?;
        files::remove_file(&self.units.join(UNIT))
    }

    fn link(&self) -> PathBuf {
        self.units.join(WANTED).join(UNIT)
    }

    fn text(&self) -> String {
        let program = self.program.display();
        format!(
            "# written by aiplat; `aiplat deploy` writes it again, the last teardown removes it\n\
             [Unit]\n\
             Description=Rules that keep the containers of stacks from this host\n\
             # after what loads the host's own rules, so that ours come first; before any container runs\n\
             After=local-fs.target ufw.service firewalld.service nftables.service netfilter-persistent.service\n\
             Before=docker.service\n\
             \n\
             [Service]\n\
             Type=oneshot\n\
             RemainAfterExit=yes\n\
             ExecStart={program} firewall\n\
             \n\
             [Install]\n\
             WantedBy=multi-user.target\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_wanted_found_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("aiplat");
        std::fs::write(&program, "").unwrap();
        let boot = Boot {
            units: dir.path().join("system"),
            program: program.clone(),
        };
        std::fs::create_dir(&boot.units).unwrap();
        assert!(!boot.is_kept());
        assert_eq!(boot.keep().unwrap(), Outcome::Changed);
        assert_eq!(boot.keep().unwrap(), Outcome::Unchanged);
        let text = std::fs::read_to_string(boot.units.join(UNIT)).unwrap();
        assert!(text.contains("Before=docker.service"), "{text}");
        assert!(boot.units.join(WANTED).join(UNIT).exists());
        // another program does as well, as long as it is there
        let other = Boot {
            program: "/elsewhere/aiplat".into(),
            ..boot.clone()
        };
        assert!(other.is_kept());
        std::fs::remove_file(&program).unwrap();
        assert!(!boot.is_kept(), "it would run nothing");
        std::fs::write(&program, "").unwrap();
        std::fs::remove_file(boot.units.join(WANTED).join(UNIT)).unwrap();
        assert!(!boot.is_kept(), "nobody would start it");
        assert_eq!(boot.keep().unwrap(), Outcome::Changed);
        assert!(boot.is_kept());
        boot.forget().unwrap();
        boot.forget().unwrap();
        assert!(!boot.units.join(UNIT).exists());
    }
}
