//! Loading profiles into the kernel and taking them out, with proof of both.

mod files;
mod labels;
mod load;
mod parser;
mod remove;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aiplat_apparmor::{ProfileName, policy_lines};
use aiplat_core::observed::AppArmorFacts;

use super::HostError;
use super::program::Program;

pub(crate) use labels::{label_of, wearer_of};

/// Where `AppArmor` is on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppArmorPaths {
    /// What the boot loads: `/etc/apparmor.d`.
    pub system_dir: PathBuf,
    /// The parser's cache of compiled profiles: `/var/cache/apparmor`.
    pub cache_dir: PathBuf,
    /// Holds `Y` where the kernel enforces: `/sys/module/apparmor/parameters/enabled`.
    pub enabled: PathBuf,
    /// The kernel's list of profiles: `/sys/kernel/security/apparmor/profiles`.
    pub profiles: PathBuf,
    /// `apparmor_parser`.
    pub parser: Program,
}

impl Default for AppArmorPaths {
    fn default() -> Self {
        Self {
            system_dir: "/etc/apparmor.d".into(),
            cache_dir: "/var/cache/apparmor".into(),
            enabled: "/sys/module/apparmor/parameters/enabled".into(),
            profiles: "/sys/kernel/security/apparmor/profiles".into(),
            parser: Program::named("apparmor_parser"),
        }
    }
}

/// The paths, and where processes are seen.
pub(crate) struct AppArmor<'a> {
    pub(crate) paths: &'a AppArmorPaths,
    pub(crate) proc: &'a Path,
}

impl AppArmor<'_> {
    pub(crate) fn facts(&self) -> AppArmorFacts {
        AppArmorFacts {
            enabled: self.enabled(),
            parser: self.paths.parser.is_installed(),
            loaded: self.loaded(),
            files: self.files(),
        }
    }

    /// Files of ours among those that are loaded at boot.
    fn files(&self) -> BTreeSet<String> {
        let entries = fs_err::read_dir(&self.paths.system_dir)
            .into_iter()
            .flatten();
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with(ProfileName::PREFIX))
            .collect()
    }

    fn enabled(&self) -> bool {
        fs_err::read_to_string(&self.paths.enabled).is_ok_and(|text| text.trim() == "Y")
    }

    pub(crate) fn require(&self) -> Result<(), HostError> {
        if self.enabled() {
            Ok(())
        } else {
            Err(HostError::NoAppArmor)
        }
    }

    /// Every profile of the kernel with its mode; none where the list cannot be read.
    fn loaded(&self) -> BTreeMap<String, String> {
        let text = fs_err::read_to_string(&self.paths.profiles).unwrap_or_default();
        policy_lines(&text)
            .map(|(name, mode)| (name, mode.to_string()))
            .collect()
    }
}
