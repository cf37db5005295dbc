//! Owners and modes on the host, and links between the directories of two stacks.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aiplat_core::spec::Owner;

use crate::proof::{Cell, Layer, Stack};

/// Most entries that are looked at below one directory.
const MOST: usize = 50_000;

pub(super) fn cell(stack: &Stack) -> Cell {
    let directories = stack
        .desired
        .directories
        .iter()
        .map(|d| (&d.path, d.owner, d.mode, true));
    let services = stack
        .desired
        .services
        .iter()
        .flat_map(|s| s.files.iter().chain(&s.format));
    let files = stack.desired.files.iter().chain(services);
    let all: Vec<_> = directories
        .chain(files.map(|f| (&f.path, f.owner, f.mode, false)))
        .collect();
    let mut problems = Vec::new();
    for (path, owner, mode, directory) in &all {
        problems.extend(wrong(path, *owner, *mode, *directory));
    }
    let base = stack.config.base_dir();
    match fs::symlink_metadata(base) {
        Ok(found) if found.mode() & 0o022 != 0 => {
            problems.push(format!(
                "`{}` can be written by others: {:o}",
                base.display(),
                found.mode() & 0o7777
            ));
        }
        Ok(_) => {}
        Err(error) => problems.push(format!("`{}`: {error}", base.display())),
    }
    Cell::new(
        Layer::Files,
        &stack.name,
        "host",
        format!("owners and modes of {} paths", all.len() + 1),
    )
    .expect("each as planned, none wider")
    .decided(&problems, "as planned")
    .evidence(base.display().to_string())
}

fn wrong(path: &Path, owner: Owner, mode: u32, directory: bool) -> Vec<String> {
    let name = path.display();
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) => return vec![format!("`{name}`: {error}")],
    };
    let mut problems = Vec::new();
    if found.is_dir() != directory || found.is_symlink() {
        problems.push(format!("`{name}` is something else than planned"));
    }
    if (found.uid(), found.gid()) != (owner.uid, owner.gid) {
        problems.push(format!(
            "`{name}` belongs to {}:{}, not {}:{}",
            found.uid(),
            found.gid(),
            owner.uid,
            owner.gid
        ));
    }
    let has = found.mode() & 0o7777;
    if has & !mode & 0o777 != 0 {
        problems.push(format!("`{name}` has mode {has:o}, wider than {mode:o}"));
    }
    problems
}

/// No file or link in one stack's directory is, or leads to, what belongs to the other.
pub(super) fn links(stack: &Stack, other: &Stack) -> Cell {
    let (mut here, mut there) = (Walk::default(), Walk::default());
    here.down(stack.config.base_dir());
    there.down(other.config.base_dir());
    let theirs: BTreeMap<(u64, u64), &PathBuf> =
        there.files.iter().map(|(path, id)| (*id, path)).collect();
    let mut problems = Vec::new();
    for (path, id) in &here.files {
        // looked at again: the number of a file that is gone is the next one's
        let still =
            |path: &Path| fs::symlink_metadata(path).is_ok_and(|f| (f.dev(), f.ino()) == *id);
        if let Some(same) = theirs.get(id)
            && still(path)
            && still(same)
        {
            problems.push(format!("`{}` is `{}`", path.display(), same.display()));
        }
    }
    for (path, to) in &here.links {
        if to.starts_with(other.config.base_dir()) {
            problems.push(format!("`{}` leads to `{}`", path.display(), to.display()));
        }
    }
    let cell = Cell::new(
        Layer::Files,
        &stack.name,
        &other.name,
        "links and hard links from one directory to the other",
    )
    .expect("none");
    let seen = format!(
        "{} files, {} links",
        here.files.len() + there.files.len(),
        here.links.len()
    );
    if problems.is_empty() && (here.more || there.more) {
        return cell.not_tried(format!("more than {MOST} entries: {seen} were looked at"));
    }
    cell.decided(&problems, seen)
        .evidence(stack.config.base_dir().display().to_string())
}

/// Files and links below a directory.
#[derive(Default)]
struct Walk {
    /// Files that have a second name, with device and number.
    files: Vec<(PathBuf, (u64, u64))>,
    links: Vec<(PathBuf, PathBuf)>,
    entries: usize,
    more: bool,
}

impl Walk {
    fn down(&mut self, directory: &Path) {
        for entry in fs::read_dir(directory)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
        {
            self.entries += 1;
            if self.entries > MOST {
                self.more = true;
                return;
            }
            let Ok(found) = entry.metadata() else {
                continue;
            };
            self.one(entry.path(), &found);
        }
    }

    fn one(&mut self, path: PathBuf, found: &Metadata) {
        if found.is_dir() {
            self.down(&path);
        } else if found.is_symlink() {
            if let Ok(to) = fs::read_link(&path) {
                self.links.push((path, to));
            }
        } else if found.nlink() > 1 {
            self.files.push((path, (found.dev(), found.ino())));
        }
    }
}
