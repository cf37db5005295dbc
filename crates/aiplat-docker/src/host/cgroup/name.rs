//! The name of a stack's parent cgroup: never anything but one of ours.

use std::path::PathBuf;

use crate::host::HostError;

/// A checked name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parent {
    /// For the engine's `cgroupfs` driver, without the slash before it.
    Plain(String),
    /// For its `systemd` driver, `.slice` included.
    Slice(String),
}

impl Parent {
    /// `/aiplat-<id>` or `aiplat-<id>.slice`.
    pub(super) fn parse(text: &str) -> Result<Self, HostError> {
        let fits = |name: &str| {
            name.strip_prefix("aiplat-").is_some_and(|id| {
                (1..=64).contains(&id.len())
                    && id
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            })
        };
        if let Some(name) = text.strip_prefix('/').filter(|n| fits(n)) {
            return Ok(Self::Plain(name.to_owned()));
        }
        if text.strip_suffix(".slice").is_some_and(fits) {
            return Ok(Self::Slice(text.to_owned()));
        }
        let expected = "`/aiplat-` and an id, or `aiplat-`, an id and `.slice`";
        Err(HostError::BadName {
            expected,
            found: text.to_owned(),
        })
    }

    /// Where it lies below the root of a hierarchy. systemd keeps `a-b.slice` inside `a.slice`.
    pub(super) fn below(&self) -> PathBuf {
        match self {
            Self::Plain(name) => name.into(),
            Self::Slice(slice) => PathBuf::from("aiplat.slice").join(slice),
        }
    }
}
