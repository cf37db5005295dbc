//! Linux capabilities that a profile may name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a word is no capability that a service can be given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CapabilityError {
    /// Not a name of `capabilities(7)`.
    #[error("expected a capability such as `NET_BIND_SERVICE`")]
    Unknown,
    /// One that undoes the isolation and is never granted.
    #[error("`{0}` is never granted: it reaches past the container")]
    Never(Capability),
}

macro_rules! capabilities {
    ($($variant:ident $text:literal),+ $(,)?) => {
        /// A capability of `capabilities(7)`, by its kernel name without `CAP_`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[non_exhaustive]
        pub enum Capability {
            $(#[doc = concat!("`CAP_", $text, "`")] $variant,)+
        }

        impl Capability {
            /// Every capability that profiles pinned to `abi <abi/3.0>` can name.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As engines and manifests write it: `NET_BIND_SERVICE`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

capabilities! {
    AuditControl "AUDIT_CONTROL", AuditRead "AUDIT_READ", AuditWrite "AUDIT_WRITE",
    BlockSuspend "BLOCK_SUSPEND", Bpf "BPF", Chown "CHOWN", DacOverride "DAC_OVERRIDE",
    DacReadSearch "DAC_READ_SEARCH", Fowner "FOWNER", Fsetid "FSETID", IpcLock "IPC_LOCK",
    IpcOwner "IPC_OWNER", Kill "KILL", Lease "LEASE", LinuxImmutable "LINUX_IMMUTABLE",
    MacAdmin "MAC_ADMIN", MacOverride "MAC_OVERRIDE", Mknod "MKNOD", NetAdmin "NET_ADMIN",
    NetBindService "NET_BIND_SERVICE", NetBroadcast "NET_BROADCAST", NetRaw "NET_RAW",
    Perfmon "PERFMON", Setfcap "SETFCAP", Setgid "SETGID", Setpcap "SETPCAP", Setuid "SETUID",
    SysAdmin "SYS_ADMIN", SysBoot "SYS_BOOT", SysChroot "SYS_CHROOT", SysModule "SYS_MODULE",
    SysNice "SYS_NICE", SysPacct "SYS_PACCT", SysPtrace "SYS_PTRACE", SysRawio "SYS_RAWIO",
    SysResource "SYS_RESOURCE", SysTime "SYS_TIME", SysTtyConfig "SYS_TTY_CONFIG", Syslog "SYSLOG",
    WakeAlarm "WAKE_ALARM",
}

impl Capability {
    /// True for those that reach past any container: loading modules, the policy of `AppArmor`
    /// itself, raw hardware, the machine's power and the kernel's tracing.
    pub const fn is_never_granted(self) -> bool {
        matches!(
            self,
            Self::MacAdmin
                | Self::MacOverride
                | Self::SysModule
                | Self::SysRawio
                | Self::SysBoot
                | Self::Bpf
                | Self::DacReadSearch
        )
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    /// Takes `NET_ADMIN`, `CAP_NET_ADMIN` and `net_admin`.
    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let found = Self::ALL
            .iter()
            .copied()
            .find(|capability| capability.name() == name)
            .ok_or(CapabilityError::Unknown)?;
        if found.is_never_granted() {
            Err(CapabilityError::Never(found))
        } else {
            Ok(found)
        }
    }
}

impl TryFrom<String> for Capability {
    type Error = CapabilityError;

    fn try_from(text: String) -> Result<Self, CapabilityError> {
        text.parse()
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.name().to_owned()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings() {
        for text in ["NET_ADMIN", "CAP_NET_ADMIN", "net_admin"] {
            assert_eq!(text.parse(), Ok(Capability::NetAdmin));
        }
        assert_eq!("ALL".parse::<Capability>(), Err(CapabilityError::Unknown));
        assert_eq!(
            "SYS_MODULE".parse::<Capability>(),
            Err(CapabilityError::Never(Capability::SysModule))
        );
    }
}
