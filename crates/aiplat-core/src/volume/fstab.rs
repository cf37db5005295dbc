//! The table of what is mounted at boot, line by line: ours is added, every other byte stays.

use std::path::{Path, PathBuf};

/// What is mounted how. `nofail`: a host whose volume is late or gone boots all the same, since nobody could look into
/// it otherwise; the stack's containers do not start on the empty directory, because what they mount is not there.
/// Before the engine, so that they do start where the volume is there.
const OPTIONS: &str = "defaults,nofail,x-systemd.before=docker.service";

/// One line for one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FstabEntry {
    uuid: String,
    at: PathBuf,
    quotas: bool,
}

/// Why no line can be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FstabProblem {
    /// Another volume has the place.
    #[error("line {line} of the table of mounts puts another volume at `{}`", .at.display())]
    PlaceTaken {
        /// Line, from 1.
        line: usize,
        /// The place.
        at: PathBuf,
    },
    /// The volume has another place.
    #[error("line {line} of the table of mounts puts this volume elsewhere")]
    VolumeTaken {
        /// Line, from 1.
        line: usize,
    },
}

impl FstabEntry {
    /// The line for a file system in a directory.
    pub fn new(uuid: &str, at: &Path) -> Self {
        Self {
            uuid: uuid.to_owned(),
            at: at.to_path_buf(),
            quotas: false,
        }
    }

    /// The same with project quotas, which a kernel without them would refuse to mount.
    #[must_use]
    pub fn with_quotas(self) -> Self {
        Self {
            quotas: true,
            ..self
        }
    }

    fn lines(&self) -> String {
        let at = escaped(&self.at.to_string_lossy());
        let quotas = if self.quotas { ",prjquota" } else { "" };
        format!(
            "# aiplat: the volume of the stack in {at}\nUUID={} {at} ext4 {OPTIONS}{quotas} 0 2\n",
            self.uuid
        )
    }
}

/// The table with an entry; nothing when it has it.
///
/// # Errors
/// [`FstabProblem`] when a line that is not ours is about the place or the volume.
pub fn with_entry(table: &str, entry: &FstabEntry) -> Result<Option<String>, FstabProblem> {
    let source = format!("UUID={}", entry.uuid);
    for (index, line) in table.lines().enumerate() {
        let mut words = line.split_whitespace();
        let (Some(what), Some(at)) = (words.next(), words.next()) else {
            continue;
        };
        if what.starts_with('#') {
            continue;
        }
        let what = what.replace('"', "");
        let same_place = Path::new(&unescaped(at)) == entry.at;
        match (same_place, what.eq_ignore_ascii_case(&source)) {
            (true, true) => return Ok(None),
            (true, false) => {
                return Err(FstabProblem::PlaceTaken {
                    line: index + 1,
                    at: entry.at.clone(),
                });
            }
            (false, true) => return Err(FstabProblem::VolumeTaken { line: index + 1 }),
            (false, false) => {}
        }
    }
    let gap = if table.is_empty() || table.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    Ok(Some(format!("{table}{gap}{}", entry.lines())))
}

/// Space, tab, line break and backslash as three octal digits after a backslash.
fn escaped(path: &str) -> String {
    path.chars()
        .map(|c| match c {
            ' ' | '\t' | '\n' | '\\' => format!("\\{:03o}", u32::from(c)),
            other => other.to_string(),
        })
        .collect()
}

fn unescaped(word: &str) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 4);
        if let Some(byte) = digits.and_then(|d| u8::from_str_radix(d, 8).ok()) {
            text.push(char::from(byte));
            rest = &rest[at + 4..];
        } else {
            text.push('\\');
            rest = &rest[at + 1..];
        }
    }
    text + rest
}
