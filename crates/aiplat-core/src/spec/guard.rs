//! What an image must be like for a service's data to stay readable and where it is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::names::ServiceName;
use crate::observed::ImageFacts;

/// What one service expects of its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageGuard {
    /// The service.
    pub service: ServiceName,
    /// Paths in the container that have a mount of the stack's, or that hold nothing worth keeping; `None` where the
    /// service keeps no data, so that a volume of the engine's would hold none either.
    pub covered: Option<BTreeSet<String>>,
    /// The version of the data.
    pub version: Option<VersionGuard>,
}

/// Data that only one version of a program reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionGuard {
    /// The file that the program keeps its version in.
    pub file: PathBuf,
    /// The version there; `None` where there is no data yet.
    pub found: Option<String>,
    /// The variable of the image's environment that says which version it is.
    pub env: String,
    /// What stands before the version in a tag, in the order in which they are tried.
    pub tag: Vec<String>,
    /// How data is brought to another version, in words.
    pub how: String,
}

/// Why a service must not be started from an image. Its data has not been touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageRefused {
    /// Its data is another version's.
    #[error("service `{service}`: its data (`{}`) is of version {found}, the image `{image}` is version {version}; stay with an image of version {found}, or {how}", .file.display())]
    Version {
        /// The service.
        service: ServiceName,
        /// The image.
        image: String,
        /// Its version.
        version: String,
        /// The version of the data.
        found: String,
        /// Where that is written.
        file: PathBuf,
        /// How data is brought to another version.
        how: String,
    },
    /// It keeps data where the stack has no directory.
    #[error(
        "service `{service}`: the image `{image}` keeps data in `{path}`, where the service file mounts nothing, so that it would be lost with the container; use an image that keeps it elsewhere, or a service file of your own with a mount there"
    )]
    Uncovered {
        /// The service.
        service: ServiceName,
        /// The image.
        image: String,
        /// The path in the container.
        path: String,
    },
}

impl ImageGuard {
    /// Why the service must not be started from this image, if it must not. Of an image that the engine does not have
    /// yet only the tag is known.
    ///
    /// # Errors
    /// [`ImageRefused`].
    pub fn judge(&self, image: &str, facts: Option<&ImageFacts>) -> Result<(), ImageRefused> {
        if let Some(guard) = &self.version
            && let Some(found) = &guard.found
            && let Some(version) = guard.version(image, facts)
            && version != *found
        {
            return Err(ImageRefused::Version {
                service: self.service.clone(),
                image: image.to_owned(),
                version,
                found: found.clone(),
                file: guard.file.clone(),
                how: guard.how.clone(),
            });
        }
        let Some(covered) = &self.covered else {
            return Ok(());
        };
        let declared = facts.and_then(|f| f.volumes.as_ref());
        match declared.and_then(|all| all.iter().find(|path| !covered.contains(*path))) {
            Some(path) => Err(ImageRefused::Uncovered {
                service: self.service.clone(),
                image: image.to_owned(),
                path: path.clone(),
            }),
            None => Ok(()),
        }
    }
}

impl VersionGuard {
    /// The version of an image: what it says itself, else what its tag says.
    fn version(&self, image: &str, facts: Option<&ImageFacts>) -> Option<String> {
        let own = facts.and_then(|f| f.env.get(&self.env)).cloned();
        own.or_else(|| {
            let name = image.split('@').next()?.rsplit('/').next()?;
            let tag = name.split_once(':')?.1;
            self.tag.iter().find_map(|before| digits_after(tag, before))
        })
    }
}

/// The digits after `before` where it begins a part of the tag.
fn digits_after(tag: &str, before: &str) -> Option<String> {
    let mut parts = tag.split(['-', '_']);
    parts.find_map(|part| {
        let rest = part.strip_prefix(before)?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        // only the first part may be a bare number
        let bare = before.is_empty() && !tag.starts_with(part);
        (end > 0 && !bare).then(|| rest[..end].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> ImageGuard {
        ImageGuard {
            service: "postgres".parse().unwrap(),
            covered: Some(["/var/lib/postgresql/data".to_owned()].into()),
            version: Some(VersionGuard {
                file: "/mnt/data/PG_VERSION".into(),
                found: Some("17".to_owned()),
                env: "PG_MAJOR".to_owned(),
                tag: vec!["pg".to_owned(), String::new()],
                how: "dump and restore".to_owned(),
            }),
        }
    }

    #[test]
    fn the_tag_tells_the_version_where_nothing_else_does() {
        for (image, version) in [
            ("postgres:17.11-trixie", Some("17")),
            ("registry.example:5000/x/postgres:18", Some("18")),
            ("pgvector/pgvector:0.8.6-pg18-trixie", Some("18")),
            ("localhost/aiplat/pgvector:0.8.6-pg17-bookworm", Some("17")),
            ("postgres:trixie", None),
            ("postgres", None),
        ] {
            let found = guard().version.unwrap().version(image, None);
            assert_eq!(found.as_deref(), version, "{image}");
        }
    }

    #[test]
    fn what_the_image_says_goes_before_its_tag() {
        let facts = ImageFacts {
            env: [("PG_MAJOR".to_owned(), "18".to_owned())].into(),
            ..ImageFacts::default()
        };
        let refused = guard().judge("mine/postgres:17", Some(&facts)).unwrap_err();
        let words = refused.to_string();
        assert!(
            words.contains("version 17") && words.contains("version 18"),
            "{words}"
        );
        assert!(words.contains("dump and restore"), "{words}");
        let mut empty = guard();
        empty.version.as_mut().unwrap().found = None;
        assert_eq!(empty.judge("mine/postgres:18", Some(&facts)), Ok(()));
    }

    #[test]
    fn a_declared_volume_without_a_mount_is_refused() {
        let facts = ImageFacts {
            volumes: Some(["/var/lib/postgresql".to_owned()].into()),
            ..ImageFacts::default()
        };
        let refused = guard().judge("postgres:17", Some(&facts)).unwrap_err();
        assert!(
            matches!(refused, ImageRefused::Uncovered { .. }),
            "{refused}"
        );
        let mut keeps_none = guard();
        keeps_none.covered = None;
        assert_eq!(keeps_none.judge("postgres:17", Some(&facts)), Ok(()));
    }
}
