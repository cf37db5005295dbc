//! Which stack a command is about.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// Where a stack lies, and how that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// By `--base-dir`.
    Flag(PathBuf),
    /// By `BASE_DIR`.
    Environment(PathBuf),
    /// The current directory, or one above it, has a manifest.
    Here(PathBuf),
    /// Nobody says.
    Nowhere,
}

impl Found {
    /// The directory, when there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Flag(path) | Self::Environment(path) | Self::Here(path) => Some(path),
            Self::Nowhere => None,
        }
    }

    /// The directory where the manifest's key would not say it: by flag, or by the place where the command is run.
    pub(crate) fn as_flag(&self) -> Option<&Path> {
        match self {
            Self::Flag(path) | Self::Here(path) => Some(path),
            Self::Environment(_) | Self::Nowhere => None,
        }
    }
}

/// Looks for the stack: the flag, `BASE_DIR`, the current directory upwards.
pub(crate) fn find(flag: Option<&Path>, environment: &Environment) -> Found {
    let here = environment.directory.as_deref();
    // the system's own directories are told by absolute paths; a relative one is meant from here
    let absolute = |path: &Path| here.map_or_else(|| path.to_path_buf(), |here| here.join(path));
    if let Some(path) = flag {
        return Found::Flag(absolute(path));
    }
    if let Some(path) = environment.get("BASE_DIR") {
        return Found::Environment(PathBuf::from(path.trim()));
    }
    here.into_iter()
        .flat_map(Path::ancestors)
        .find(|dir| dir.join("config/.env").is_file())
        .map_or(Found::Nowhere, |dir| Found::Here(dir.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_goes_before_the_environment_and_that_before_the_place() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("data/x");
        std::fs::create_dir_all(&below).unwrap();
        let mut environment = Environment {
            directory: Some(below.clone()),
            ..Environment::default()
        };
        assert_eq!(find(None, &environment), Found::Nowhere);
        std::fs::create_dir(dir.path().join("config")).unwrap();
        std::fs::write(dir.path().join("config/.env"), "").unwrap();
        assert_eq!(
            find(None, &environment),
            Found::Here(dir.path().to_path_buf())
        );
        environment
            .variables
            .insert("BASE_DIR".into(), "/mnt/b".into());
        assert_eq!(
            find(None, &environment),
            Found::Environment("/mnt/b".into())
        );
        let flag = find(Some(Path::new("/mnt/c")), &environment);
        assert_eq!(flag, Found::Flag("/mnt/c".into()));
        assert_eq!(
            find(Some(Path::new("y")), &environment),
            Found::Flag(below.join("y"))
        );
    }
}
