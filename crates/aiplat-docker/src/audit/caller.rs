//! Who runs this process.

use aiplat_core::audit::{Origin, Who};

use crate::host::lock::user_name;

/// What a program knows of its caller, and libraries do not look for: handed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Who called `sudo`, where that was so.
    pub sudo: Option<Origin>,
    /// The terminal, where there is one.
    pub tty: Option<String>,
    /// The program's arguments without its name, and without secrets.
    pub arguments: Vec<String>,
}

impl Caller {
    /// The caller as a record names it.
    pub(crate) fn who(&self) -> Who {
        let uid = rustix::process::getuid().as_raw();
        Who {
            uid,
            user: user_name(uid),
            sudo: self.sudo.clone(),
            tty: self.tty.clone(),
        }
    }
}
