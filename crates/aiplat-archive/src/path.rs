//! Paths inside an archive, and where links may lead.

use std::fmt;

/// The longest name in a folder, in bytes: what Linux' file systems hold.
const NAME_MAX: usize = 255;
/// The longest path, in bytes.
const PATH_MAX: usize = 4096;
/// The most folders above a file.
const DEPTH_MAX: usize = 256;

/// A relative path of plain names, separated by `/`: no empty one, no `.`, no `..`, none too long. Joined to a directory,
/// it is inside that directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(String);

/// A path or link that an archive must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nothing, or nothing between two `/`.
    #[error("has an empty name")]
    Empty,
    /// It begins with `/`.
    #[error("is absolute")]
    Absolute,
    /// It has `..` in it.
    #[error("has `..`")]
    Parent,
    /// It has `.` in it.
    #[error("has `.`")]
    Here,
    /// It has a zero byte in it.
    #[error("has a zero byte")]
    Zero,
    /// It is no text.
    #[error("is not UTF-8")]
    NotText,
    /// A name over 255 bytes, a path over 4096, or more than 256 folders.
    #[error("is too long")]
    TooLong,
    /// A link leads out of its top folder, or could through another link.
    #[error("leads out of its top folder")]
    LeadsOut,
}

impl EntryPath {
    /// Checks a path.
    pub fn new(text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.len() > PATH_MAX || text.split('/').count() > DEPTH_MAX {
            return Err(PathError::TooLong);
        }
        for name in text.split('/') {
            match name {
                "" => return Err(PathError::Empty),
                "." => return Err(PathError::Here),
                ".." => return Err(PathError::Parent),
                name if name.len() > NAME_MAX => return Err(PathError::TooLong),
                name if name.contains('\0') => return Err(PathError::Zero),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// From bytes as a file system or an archive has them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PathError> {
        std::str::from_utf8(bytes)
            .map_err(|_| PathError::NotText)
            .and_then(Self::new)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names from the top down.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The path of the folder it is in and its own name; no folder for one at the top.
    pub fn split(&self) -> (Option<&str>, &str) {
        match self.0.rsplit_once('/') {
            Some((folder, name)) => (Some(folder), name),
            None => (None, &self.0),
        }
    }

    /// A name below this path.
    pub(crate) fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        let name = std::str::from_utf8(name).map_err(|_| PathError::NotText)?;
        Self::new(&format!("{}/{name}", self.0))
    }

    /// Whether a symbolic link at this path may lead to `target`: never out of the top folder, whatever other links of the
    /// archive are on the way.
    ///
    /// `..` may stand at the front only. There it is taken from the folder of the link itself, which is a real one; after a
    /// name it would be taken from wherever a link of that name leads.
    pub fn may_link_to(&self, target: &str) -> Result<(), PathError> {
        if target.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if target.is_empty() {
            return Err(PathError::Empty);
        }
        // a link itself may end in `/` or have `//` and `.` in it: they lead nowhere
        let names = target.split('/').filter(|name| !matches!(*name, "" | "."));
        let (mut up, mut down) = (0_usize, false);
        for name in names {
            match name {
                ".." if down => return Err(PathError::LeadsOut),
                ".." => up += 1,
                name if name.contains('\0') => return Err(PathError::Zero),
                name if name.len() > NAME_MAX => return Err(PathError::TooLong),
                _ => down = true,
            }
        }
        if target.len() > PATH_MAX - 1 {
            return Err(PathError::TooLong);
        }
        // names above the link, less the top folder, which must not be left
        let above = self.names().count() - 1;
        if above == 0 || up > above - 1 {
            return Err(PathError::LeadsOut);
        }
        Ok(())
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths() {
        for good in ["a", "a/b", "a/..b", "a/b c/…", "a\nb"] {
            assert_eq!(EntryPath::new(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(256);
        let deep = vec!["d"; 257].join("/");
        for (bad, why) in [
            ("", PathError::Empty),
            ("/etc/passwd", PathError::Absolute),
            ("a//b", PathError::Empty),
            ("a/", PathError::Empty),
            ("..", PathError::Parent),
            ("a/../b", PathError::Parent),
            ("./a", PathError::Here),
            ("a\0b", PathError::Zero),
            (long.as_str(), PathError::TooLong),
            (deep.as_str(), PathError::TooLong),
        ] {
            assert_eq!(EntryPath::new(bad), Err(why), "{bad}");
        }
        assert_eq!(EntryPath::from_bytes(b"caf\xe9"), Err(PathError::NotText));
    }

    #[test]
    fn links_stay_in_their_top_folder() {
        let may = |at: &str, to: &str| EntryPath::new(at).unwrap().may_link_to(to);
        for (at, to) in [
            ("top/link", "file"),
            ("top/link", "./file"),
            ("top/a/b/link", "../../file"),
            ("top/a/link", "../file/"),
        ] {
            assert_eq!(may(at, to), Ok(()), "{at} -> {to}");
        }
        for (at, to, why) in [
            ("link", "file", PathError::LeadsOut),
            ("top/link", "..", PathError::LeadsOut),
            ("top/a/link", "../../top/file", PathError::LeadsOut),
            ("top/x", "a/b/c/up/../..", PathError::LeadsOut),
            ("top/x", "/etc/passwd", PathError::Absolute),
            ("top/x", "", PathError::Empty),
        ] {
            assert_eq!(may(at, to), Err(why), "{at} -> {to}");
        }
    }
}
