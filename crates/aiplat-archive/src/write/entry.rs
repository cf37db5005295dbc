//! One entry as tar has it: a PAX record for what its old header has no room for, then the header.

use std::io::{self, Read, Write};

use crate::manifest::{Kind, Mtime, Record};

/// Names and links longer than this, or not ASCII, are cut in the old header, which nobody reads then.
const OLD: usize = 100;

/// Writes one entry.
pub(super) fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    record: &Record,
    content: &mut dyn Read,
) -> io::Result<()> {
    let mtime = pax_time(record.mtime);
    let mut extended = vec![("path", record.path.as_bytes())];
    extended.extend(record.target.as_ref().map(|t| ("linkpath", t.as_bytes())));
    extended.push(("mtime", mtime.as_bytes()));
    tar.append_pax_extensions(extended)?;

    let mut header = tar::Header::new_ustar();
    header.set_entry_type(match record.kind {
        Kind::File => tar::EntryType::Regular,
        Kind::Directory => tar::EntryType::Directory,
        Kind::Link => tar::EntryType::Symlink,
    });
    // bytes, not `set_path`: that one would rewrite what it dislikes
    let old = header.as_old_mut();
    fill(&mut old.name, &record.path);
    if let Some(target) = &record.target {
        fill(&mut old.linkname, target);
    }
    header.set_mode(record.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username(&record.owner)?;
    header.set_mtime(u64::try_from(record.mtime.seconds).unwrap_or(0));
    header.set_size(record.size);
    header.set_cksum();
    tar.append(&header, content)
}

fn fill(field: &mut [u8; OLD], text: &str) {
    let length = text.len().min(OLD);
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}

/// Seconds and their decimals; before 1970 both count backwards.
fn pax_time(at: Mtime) -> String {
    if at.seconds < 0 && at.nanoseconds > 0 {
        let (whole, part) = (-(at.seconds + 1), 1_000_000_000 - at.nanoseconds);
        return format!("-{whole}.{part:09}");
    }
    format!("{}.{:09}", at.seconds, at.nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_pax_has_them() {
        for (seconds, nanoseconds, text) in [
            (0, 0, "0.000000000"),
            (7, 5, "7.000000005"),
            (-1, 0, "-1.000000000"),
            (-1, 500_000_000, "-0.500000000"),
            (-2, 750_000_000, "-1.250000000"),
        ] {
            let at = Mtime {
                seconds,
                nanoseconds,
            };
            assert_eq!(pax_time(at), text);
        }
    }
}
