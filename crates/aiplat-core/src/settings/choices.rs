//! Settings that are one of a few words.

use super::Expected;

/// An enum whose members have one word each.
macro_rules! choice {
    ($(#[$doc:meta])* $type:ident, $expected:ident { $($(#[$member_doc:meta])* $member:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $type {
            $($(#[$member_doc])* #[serde(rename = $word)] $member,)+
        }

        impl $type {
            /// All members.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// The word in the manifest.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $word,)+
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = Expected;

            fn from_str(text: &str) -> Result<Self, Expected> {
                let is = |member: &&Self| member.as_str().eq_ignore_ascii_case(text);
                Self::ALL.iter().find(is).copied().ok_or(Expected::$expected)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

choice! {
    /// `PUBLISH`: which services have a port on the host.
    Publish, Publish {
        /// Each service that has a host port, and the front door.
        All = "all",
        /// Caddy alone.
        FrontDoor = "front-door",
    }
}

choice! {
    /// `APPARMOR`: what to do about mandatory access control.
    AppArmorMode, AppArmor {
        /// Enforce where the kernel has it, say so where not.
        Auto = "auto",
        /// Refuse to deploy where it cannot be enforced.
        Require = "require",
        /// Load nothing.
        Off = "off",
    }
}

/// On or off: `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Switch(pub bool);

impl std::str::FromStr for Switch {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Self(true)),
            "false" | "no" | "off" | "0" => Ok(Self(false)),
            _ => Err(Expected::Switch),
        }
    }
}

impl std::fmt::Display for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}
