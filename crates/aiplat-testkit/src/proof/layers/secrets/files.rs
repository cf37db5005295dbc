//! Secrets of other stacks in a stack's directory.

use std::fs;
use std::path::Path;

use super::needles::Needles;
use crate::proof::{Cell, Layer, Scene, Stack};

/// Larger files are databases' own, and are left out.
const FILE: u64 = 1 << 20;
/// Most bytes of `data/`; everything else is read whole.
const DATA: u64 = 24 << 20;

pub(super) fn cells(scene: &Scene<'_>, stack: &Stack, needles: &Needles) -> Vec<Cell> {
    let mut look = Look {
        needles,
        found: Vec::new(),
        files: 0,
        bytes: 0,
        left: 0,
        most: u64::MAX,
    };
    let mut data = Look {
        needles,
        found: Vec::new(),
        files: 0,
        bytes: 0,
        left: 0,
        most: DATA,
    };
    for entry in fs::read_dir(stack.config.base_dir())
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        if entry.file_name() == "data" {
            data.down(&entry.path())
        } else {
            look.down(&entry.path())
        }
    }
    let others = scene
        .stacks
        .iter()
        .filter(|o| o.config.id != stack.config.id);
    let cells = others.map(|other| {
        let of = |look: &Look<'_>| -> Vec<String> {
            let theirs = look.found.iter().filter(|(whose, ..)| *whose == other.name);
            theirs.map(|(_, name, path)| format!("`{name}` stands in `{path}`")).collect()
        };
        let mut problems = of(&look);
        problems.extend(of(&data));
        let words = format!(
            "{} files, {} KiB; of `data` {} files, {} KiB, and {} left out as too large or too many",
            look.files, look.bytes >> 10, data.files, data.bytes >> 10, data.left
        );
        let cell = Cell::new(Layer::Secrets, &other.name, &stack.name, "its secrets in the other's files, logs and backups")
            .expect("none")
            .evidence(stack.config.base_dir().display().to_string());
        if problems.is_empty() && look.left > 0 {
            return cell.not_tried(format!("{} files outside `data` are larger than {} MiB; {words}", look.left, FILE >> 12));
        }
        cell.decided(&problems, words)
    });
    cells.collect()
}

/// What was looked at.
struct Look<'a> {
    needles: &'a Needles,
    /// (stack, name, place).
    found: Vec<(String, String, String)>,
    files: usize,
    bytes: u64,
    left: usize,
    most: u64,
}

impl Look<'_> {
    fn down(&mut self, path: &Path) {
        let Ok(found) = fs::symlink_metadata(path) else {
            return;
        };
        if found.is_dir() {
            for entry in fs::read_dir(path)
                .into_iter()
                .flatten()
                .filter_map(Result::ok)
            {
                self.down(&entry.path());
            }
            return;
        }
        if !found.is_file() {
            return;
        }
        // an archive is as large as what is in it, so only databases' files are left out for their size
        let bounded = self.most != u64::MAX;
        if bounded && (found.len() > FILE || self.bytes + found.len() > self.most)
            || found.len() > (FILE << 8)
        {
            self.left += 1;
            return;
        }
        let Ok(bytes) = fs::read(path) else { return };
        self.files += 1;
        self.bytes += found.len();
        let place = path.display().to_string();
        let seen = self.needles.find(&bytes);
        self.found.extend(
            seen.into_iter()
                .map(|(whose, name)| (whose.to_owned(), name.to_owned(), place.clone())),
        );
    }
}
