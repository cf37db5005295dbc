//! The user's own services: `config/services/*.toml` below a stack's directory, templates beside them.

use std::path::{Path, PathBuf};

use aiplat_core::catalogue::{Catalogue, CatalogueProblem};
use aiplat_core::names::ServiceName;

use super::ServiceFile;
use crate::host::HostError;

/// A service file or template is smaller.
const LIMIT: u64 = 1 << 20;

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Service files with something wrong in them.
    #[error("{} problems in service files", .0.len())]
    Problems(Vec<CatalogueProblem>),
    /// A file that cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// The folder of a stack's own service files.
pub fn own_services(base_dir: &Path) -> PathBuf {
    base_dir.join("config/services")
}

/// The built-in catalogue with the stack's own services.
///
/// # Errors
/// [`CatalogueError`] with all problems of all files.
pub fn catalogue(base_dir: &Path) -> Result<Catalogue, CatalogueError> {
    with_folder(&own_services(base_dir))
}

/// The built-in catalogue with the services of a folder.
pub(super) fn with_folder(folder: &Path) -> Result<Catalogue, CatalogueError> {
    with_some(folder, &[])
}

/// The built-in catalogue with the stack's own services but these.
pub(super) fn without(
    base_dir: &Path,
    services: &[&ServiceName],
) -> Result<Catalogue, CatalogueError> {
    with_some(&own_services(base_dir), services)
}

/// The file that a stack keeps for one of its own services, when there is one.
pub(super) fn kept_file(
    base_dir: &Path,
    service: &ServiceName,
) -> Result<Option<ServiceFile>, HostError> {
    let path = own_services(base_dir).join(format!("{service}.toml"));
    if path.is_file() {
        read_service(&path).map(Some)
    } else {
        Ok(None)
    }
}

fn with_some(folder: &Path, but: &[&ServiceName]) -> Result<Catalogue, CatalogueError> {
    let mut catalogue = Catalogue::built_in().map_err(CatalogueError::Problems)?;
    let mut files = Vec::new();
    for path in sorted(folder)? {
        let is_one =
            |name: &&ServiceName| path.file_stem().is_some_and(|stem| stem == name.as_str());
        if path.extension().is_some_and(|e| e == "toml") && !but.iter().any(is_one) {
            files.push(read_service(&path)?);
        }
    }
    // one may need another that comes after it by name: what is refused is tried again beside those that were not
    loop {
        let (all, mut problems) = (files.len(), Vec::new());
        files.retain(|file| match file.clone().add_to(&mut catalogue) {
            Ok(()) => false,
            Err(found) => {
                problems.extend(found);
                true
            }
        });
        if files.is_empty() {
            return Ok(catalogue);
        }
        if files.len() == all {
            return Err(CatalogueError::Problems(problems));
        }
    }
}

/// Reads a service file, with the templates in the folder of the same name beside it.
///
/// # Errors
/// [`HostError`] for what cannot be read.
pub fn read_service(path: &Path) -> Result<ServiceFile, HostError> {
    let text = read(path)?;
    let stem = path
        .file_stem()
        .map(|s| s.to_string_lossy().into_owned())
        .unwrap_or_default();
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut templates = Vec::new();
    for file in sorted(&parent.join(&stem))? {
        if file.is_file() {
            let name = file.file_name().map(|n| n.to_string_lossy().into_owned());
            templates.push((format!("{stem}/{}", name.unwrap_or_default()), read(&file)?));
        }
    }
    Ok(ServiceFile {
        path: path.to_path_buf(),
        text,
        templates,
    })
}

fn read(path: &Path) -> Result<String, HostError> {
    let size = fs_err::metadata(path)
        .map_err(|e| HostError::io("read", path, e))?
        .len();
    if size > LIMIT {
        let source = std::io::Error::other("expected a service file of at most 1 MiB");
        return Err(HostError::io("read", path, source));
    }
    fs_err::read_to_string(path).map_err(|e| HostError::io("read", path, e))
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, HostError> {
    let entries = match fs_err::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| HostError::io("list", folder, e))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|e| HostError::io("list", folder, e))?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
name = "echo"
title = "Echo"
summary = "says what it hears"
tier = "app"
image = { reference = "example/echo:1.2", source = "its own page" }
licence = { spdx = "MIT" }
ports = [{ name = "http", container = 80 }]
mounts = [{ kind = "config", source = "etc", target = "/etc/echo" }]
files = [{ template = "echo/echo.conf", path = "etc/echo.conf" }]
health = { kind = "http", port = "http", path = "/", start_seconds = 10, engine_none = "has no tool for it" }
metrics = { none = "has none" }
limits = { pids = 32 }
data = { none = "keeps none" }
vector = { none = "keeps no vectors" }
"#;

    #[test]
    fn a_stacks_own_service_stands_in_its_catalogue_with_its_template() {
        let base = tempfile::tempdir().unwrap();
        let folder = own_services(base.path());
        fs_err::create_dir_all(folder.join("echo")).unwrap();
        fs_err::write(folder.join("echo.toml"), FILE).unwrap();
        fs_err::write(folder.join("echo/echo.conf"), "stack = {{ stack }}\n").unwrap();
        let catalogue = catalogue(base.path()).unwrap();
        let echo = catalogue
            .get(&"echo".parse().unwrap())
            .expect("the stack's own");
        assert_eq!(echo.title, "Echo");
        assert_eq!(
            catalogue.template("echo/echo.conf"),
            Some("stack = {{ stack }}\n")
        );
    }

    #[test]
    fn one_that_needs_another_may_come_before_it_by_name() {
        let base = tempfile::tempdir().unwrap();
        let folder = own_services(base.path());
        fs_err::create_dir_all(&folder).unwrap();
        let plain = FILE.replace(
            "files = [{ template = \"echo/echo.conf\", path = \"etc/echo.conf\" }]",
            "",
        );
        let write = |name: &str, needs: &str| {
            let own = format!("name = \"{name}\"\nneeds = [\"{needs}\"]");
            let text = plain.replace("name = \"echo\"", &own);
            fs_err::write(folder.join(format!("{name}.toml")), text).unwrap();
        };
        for (name, needs) in [("a", "b"), ("b", "c"), ("c", "redis")] {
            write(name, needs);
        }
        let catalogue = catalogue(base.path()).unwrap();
        for name in ["a", "b", "c"] {
            assert!(catalogue.get(&name.parse().unwrap()).is_some(), "{name}");
        }
        write("c", "nobody");
        let CatalogueError::Problems(problems) = super::catalogue(base.path()).unwrap_err() else {
            panic!("expected problems of a file");
        };
        let words: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(words.iter().any(|w| w.contains("`nobody`")), "{words:?}");
    }

    #[test]
    fn a_broken_file_is_told_with_its_place() {
        let base = tempfile::tempdir().unwrap();
        let folder = own_services(base.path());
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("echo.toml"), FILE.replace("1.2", "latest")).unwrap();
        let CatalogueError::Problems(problems) = catalogue(base.path()).unwrap_err() else {
            panic!("expected problems of the file");
        };
        assert!(
            problems.iter().any(|p| p.to_string().contains("echo.toml")),
            "{problems:?}"
        );
    }

    #[test]
    fn without_a_folder_it_is_the_built_in_catalogue() {
        let base = tempfile::tempdir().unwrap();
        let own = catalogue(base.path()).unwrap();
        assert_eq!(
            own.services().count(),
            Catalogue::built_in().unwrap().services().count()
        );
    }
}
