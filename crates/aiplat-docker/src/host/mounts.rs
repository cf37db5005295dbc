//! What is mounted where.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use procfs::FromBufRead;
use procfs::process::MountInfos;

use super::HostError;

/// One mount as this process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The kernel's number, as in `statx`.
    pub(crate) id: u64,
    /// Which folder of the file system is mounted; `/` is all of it.
    pub(crate) root: String,
    /// Where.
    pub(crate) point: PathBuf,
    /// File system type.
    pub(crate) file_system: String,
    /// What is mounted: a device, where it is one.
    pub(crate) source: PathBuf,
    /// The device's numbers, as in `8:1`.
    pub(crate) device: String,
    /// Options of the file system, as in `rw,prjquota`.
    pub(crate) options: Vec<String>,
}

/// All mounts, in the kernel's order: a later one lies above an earlier one of the same place.
pub(crate) fn mounts(proc: &Path) -> Result<Vec<Mount>, HostError> {
    let path = proc.join("self/mountinfo");
    let bytes = fs_err::read(&path).map_err(|e| HostError::io("read", &path, e))?;
    // a name that is no UTF-8 must not hide all other mounts
    let text = String::from_utf8_lossy(&bytes);
    let infos = MountInfos::from_buf_read(text.as_bytes()).map_err(|_| HostError::Malformed {
        path,
        expected: "the kernel's list of mounts",
    })?;
    Ok(infos
        .into_iter()
        .map(|info| Mount {
            id: u64::try_from(info.mnt_id).unwrap_or(0),
            root: plain(&info.root).to_string_lossy().into_owned(),
            point: PathBuf::from(plain(&info.mount_point.to_string_lossy())),
            file_system: info.fs_type,
            source: PathBuf::from(plain(info.mount_source.as_deref().unwrap_or_default())),
            device: info.majmin,
            options: info.super_options.into_keys().collect(),
        })
        .collect())
}

/// The kernel writes space, tab, line break and backslash as three octal digits after a backslash.
fn plain(escaped: &str) -> OsString {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..3).filter(|_| *first == b'\\').and_then(octal);
        if let Some(code) = code {
            bytes.push(code);
            rest = &tail[3..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    OsString::from_vec(bytes)
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_in_a_mount_point_is_a_space() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::create_dir(proc.path().join("self")).unwrap();
        std::fs::write(
            proc.path().join("self/mountinfo"),
            b"36 35 98:0 /sub\\040dir /mnt/a\\040b\\134 rw shared:1 - ext4 /dev/sda rw\n\
              37 35 98:0 / /mnt/\xff rw - tmpfs none rw\n",
        )
        .unwrap();
        let found = mounts(proc.path()).unwrap();
        assert_eq!(found[0].root, "/sub dir");
        assert_eq!(found[0].point, Path::new("/mnt/a b\\"));
        assert_eq!(found[0].id, 36);
        assert_eq!(found[1].file_system, "tmpfs");
    }
}
