//! A copy of a service's data, taken while nothing writes to it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::databases::{OwnDatabase, OwnDatabases};
use crate::names::ServiceName;

/// The copy that stands for one container: taken after it was stopped and before its successor was started.
///
/// Its name holds that container's id. One that is complete therefore says that the container has not run since it was
/// taken: it is dropped before the container is started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataCopy {
    /// The service.
    pub service: ServiceName,
    /// Where it is once it is complete: `BASE_DIR/backups/upgrade-<service>-<start of the container's id>`.
    pub at: PathBuf,
    /// What is copied: directories of the stack, absolute.
    pub of: Vec<PathBuf>,
    /// What is dumped beside them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub databases: Option<OwnDatabases>,
}

impl DataCopy {
    /// The copy that stands for a container of a service: of directories alone.
    #[must_use]
    pub fn of_container(
        base_dir: &Path,
        service: &ServiceName,
        container: &str,
        of: Vec<PathBuf>,
    ) -> Self {
        let short = container.get(..12).unwrap_or(container);
        Self {
            service: service.clone(),
            at: base_dir
                .join("backups")
                .join(format!("upgrade-{service}-{short}")),
            of,
            databases: None,
        }
    }

    /// Where it is until it is complete.
    #[must_use]
    pub fn partial(&self) -> PathBuf {
        let mut name = self.at.clone().into_os_string();
        name.push(".partial");
        name.into()
    }

    /// The name of a database's dump in the copy.
    #[must_use]
    pub fn dump(own: &OwnDatabase) -> String {
        format!("{}.dump", own.database)
    }

    /// Whether a name in the folder of copies is that of a copy of this service, whichever container's.
    #[must_use]
    pub fn is_of_service(&self, name: &str) -> bool {
        let prefix = format!("upgrade-{}-", self.service);
        let id = name
            .strip_prefix(&prefix)
            .map(|rest| rest.trim_end_matches(".partial"));
        id.is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_named_after_service_and_container() {
        let copy = DataCopy::of_container(
            Path::new("/mnt/a"),
            &"dify".parse().unwrap(),
            "0123456789abcdef",
            Vec::new(),
        );
        assert_eq!(
            copy.at,
            Path::new("/mnt/a/backups/upgrade-dify-0123456789ab")
        );
        assert_eq!(
            copy.partial(),
            Path::new("/mnt/a/backups/upgrade-dify-0123456789ab.partial")
        );
        assert!(copy.is_of_service("upgrade-dify-ba9876543210"));
        assert!(copy.is_of_service("upgrade-dify-ba9876543210.partial"));
        // a service whose name begins alike
        assert!(!copy.is_of_service("upgrade-dify-web-ba9876543210"));
        assert!(!copy.is_of_service("backup-2026"));
    }
}
