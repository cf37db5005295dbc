//! How much a stack insists on `AppArmor`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The manifest's `APPARMOR` key.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Enforce where the kernel has it, and say so where it has not.
    #[default]
    Auto,
    /// Refuse to deploy where the kernel or the engine does not enforce it.
    Require,
    /// No profiles at all.
    Off,
}

/// The word was none of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected `auto`, `require` or `off`")]
pub struct ModeError;

/// What holds on this host once [`Mode`] met what the kernel and the engine can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InForce {
    /// Profiles are loaded and every container gets its own.
    Enforced,
    /// The manifest says `off`.
    TurnedOff,
    /// The manifest says `auto` and this host has no `AppArmor`: containers run without profiles,
    /// which every report has to say.
    Unavailable,
}

/// `APPARMOR=require`, and the host cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("`APPARMOR=require`, but this host's kernel or engine does not enforce AppArmor")]
pub struct Required;

impl Mode {
    /// Decides what holds where `available` says whether the kernel *and* the engine enforce
    /// profiles. An engine silently ignores a profile where `AppArmor` is off, so both must say yes.
    pub fn decide(self, available: bool) -> Result<InForce, Required> {
        match (self, available) {
            (Self::Off, _) => Ok(InForce::TurnedOff),
            (_, true) => Ok(InForce::Enforced),
            (Self::Auto, false) => Ok(InForce::Unavailable),
            (Self::Require, false) => Err(Required),
        }
    }

    /// The key's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Require => "require",
            Self::Off => "off",
        }
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        [Self::Auto, Self::Require, Self::Off]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(ModeError)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_decisions() {
        for mode in [Mode::Auto, Mode::Require, Mode::Off] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert_eq!("AUTO".parse::<Mode>(), Err(ModeError));
        assert_eq!(Mode::Auto.decide(false), Ok(InForce::Unavailable));
        assert_eq!(Mode::Require.decide(false), Err(Required));
        assert_eq!(Mode::Require.decide(true), Ok(InForce::Enforced));
        assert_eq!(Mode::Off.decide(true), Ok(InForce::TurnedOff));
    }
}
