//! The archive a kernel unpacks as its first root: cpio in the `newc` format.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// An initramfs in the making. Written here and not by `cpio` because a device node in it needs
/// root to exist on a disk first, but is only a header in the archive.
#[derive(Debug, Default)]
pub struct Initramfs {
    bytes: Vec<u8>,
    entries: u32,
    directories: BTreeSet<String>,
}

/// File type bits of `stat(2)`.
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMBOLIC_LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

impl Initramfs {
    /// An archive with `/dev/console`, so that process 1 has a standard output.
    pub fn new() -> Self {
        let mut archive = Self::default();
        archive.parents("dev/console");
        archive.entry("dev/console", CHARACTER_DEVICE | 0o600, (5, 1), &[]);
        archive
    }

    /// Adds a file at `path` (no `/` in front) with the permission bits of `mode`; the directories
    /// above it come by themselves.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.parents(path);
        self.entry(path, REGULAR | mode, (0, 0), content);
    }

    /// Adds everything below `root` under `path`, all owned by root. Other things than files,
    /// directories and symbolic links are left out.
    pub fn tree(&mut self, path: &str, root: &Path) -> io::Result<()> {
        self.parents(&format!("{path}/"));
        let mut entries: Vec<_> = fs::read_dir(root)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let (inside, outside) = (format!("{path}/{name}"), entry.path());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.tree(&inside, &outside)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(&outside)?;
                let target = target.to_string_lossy().into_owned();
                self.entry(&inside, SYMBOLIC_LINK | 0o777, (0, 0), target.as_bytes());
            } else if kind.is_file() {
                let mode = entry.metadata()?.permissions().mode() & 0o777;
                self.file(&inside, mode, &fs::read(&outside)?);
            }
        }
        Ok(())
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: there is always a console.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The finished archive, uncompressed: the kernel unpacks it faster than the host packs it.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn parents(&mut self, path: &str) {
        for (end, _) in path.match_indices('/') {
            let directory = &path[..end];
            if self.directories.insert(directory.to_owned()) {
                self.entry(directory, DIRECTORY | 0o755, (0, 0), &[]);
            }
        }
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(content.len()).expect("a test's file is far below 4 GiB");
        let name = u32::try_from(path.len() + 1).expect("a path is short");
        self.bytes.extend(b"070701");
        // inode, mode, uid, gid, links, mtime, size, device, special device, name size, checksum
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            device.0,
            device.1,
            name,
            0,
        ];
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_aligned_and_parents_come_once() {
        let mut archive = Initramfs::new();
        archive.file("a/b/c", 0o644, b"xyz");
        archive.file("a/b/d", 0o755, b"");
        assert!(!archive.is_empty() && archive.len() > 100);
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        let count = |name: &str| text.matches(&format!("{name}\0")).count();
        assert_eq!(
            [
                count("a"),
                count("a/b"),
                count("a/b/c"),
                count("dev/console")
            ],
            [1, 1, 1, 1]
        );
        assert!(text.ends_with('\0') && text.contains("TRAILER!!!\0"));
        for (at, _) in text.match_indices("070701") {
            assert_eq!(at % 4, 0);
        }
    }
}
