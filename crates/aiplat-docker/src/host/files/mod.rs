//! Directories and files that the tool makes, as root, where a stack's own user may write: nothing follows a link.

pub(crate) mod resolve;
