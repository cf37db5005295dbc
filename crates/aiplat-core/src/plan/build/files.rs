//! Directories and files: what is missing, and what is not as wanted.

use super::{Builder, id, refs};
use crate::observed::{Observed, PathState};
use crate::plan::problem::PlanProblem;
use crate::plan::step::{Change, Step};
use crate::spec::{DirectorySpec, FileSpec};

impl Builder<'_> {
    pub(super) fn directories(&mut self) {
        let mut wanted: Vec<&DirectorySpec> = self.desired.directories.iter().collect();
        for check in self
            .desired
            .services
            .iter()
            .filter_map(|s| s.check.as_ref())
        {
            wanted.extend(&check.directories);
        }
        let missing: Vec<_> = wanted
            .into_iter()
            .filter(|d| self.missing(d))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let why = format!("{} directories are not there yet", missing.len());
            let step = Step::Directories(missing);
            let images = self.image_ids();
            self.push(
                id::DIRECTORIES.to_owned(),
                &refs(&images),
                Change::Create,
                &why,
                step,
            );
        }
    }

    fn missing(&mut self, wanted: &DirectorySpec) -> bool {
        let wrong = |found| PlanProblem::WrongPath {
            path: wanted.path.clone(),
            found,
            expected: "a directory",
        };
        match self.observed.path(&wanted.path) {
            PathState::Absent => true,
            // what a fresh volume is: nothing in it, and root's
            PathState::Directory {
                owner, empty: true, ..
            } if owner.uid == 0 => *owner != wanted.owner,
            PathState::Directory { owner, .. } if *owner != wanted.owner => {
                self.problems.push(PlanProblem::WrongOwner {
                    path: wanted.path.clone(),
                    found: *owner,
                    expected: wanted.owner,
                });
                false
            }
            // a service may narrow its own directory, as databases do
            PathState::Directory { mode, .. } => *mode & !wanted.mode & 0o777 != 0,
            PathState::File { .. } => {
                self.problems.push(wrong("a file"));
                false
            }
            PathState::Link => {
                self.problems.push(wrong("a symbolic link"));
                false
            }
            PathState::Other => {
                self.problems.push(wrong("a socket, device or pipe"));
                false
            }
        }
    }

    /// The files that are not on disk as wanted, and whether any of them exists at all.
    pub(super) fn outdated(&mut self, wanted: &[FileSpec]) -> (Vec<FileSpec>, Change) {
        let found = Outdated::of(wanted, self.observed);
        self.problems.extend(found.problems);
        let exists = |f: &FileSpec| *self.observed.path(&f.path) != PathState::Absent;
        let change = if found.files.iter().any(exists) {
            Change::Update
        } else {
            Change::Create
        };
        (found.files, change)
    }

    pub(super) fn files(&mut self, id: String, after: &[&str], what: &str, wanted: &[FileSpec]) {
        let (outdated, change) = self.outdated(wanted);
        if !outdated.is_empty() {
            let names: Vec<_> = outdated
                .iter()
                .filter_map(|f| f.path.file_name())
                .map(|n| n.to_string_lossy().into_owned())
                .collect();
            let verb = if change == Change::Create {
                "new"
            } else {
                "changed"
            };
            let why = format!("{verb} {what}: {}", names.join(", "));
            self.push(id, after, change, &why, Step::Files(outdated));
        }
    }

    pub(super) fn secrets(&mut self) {
        let files = self.desired.files.clone();
        let mut after = self.image_ids();
        after.push(id::DIRECTORIES.to_owned());
        self.files(
            id::SECRETS.to_owned(),
            &refs(&after),
            "files of the stack",
            &files,
        );
    }
}

/// Files that are not on disk as wanted.
pub(in crate::plan) struct Outdated {
    /// Those that are to be written.
    pub(in crate::plan) files: Vec<FileSpec>,
    /// Those that cannot be.
    pub(in crate::plan) problems: Vec<PlanProblem>,
}

impl Outdated {
    pub(in crate::plan) fn of(wanted: &[FileSpec], observed: &Observed) -> Self {
        let mut found = Self {
            files: Vec::new(),
            problems: Vec::new(),
        };
        for file in wanted {
            match observed.path(&file.path) {
                PathState::File {
                    owner,
                    mode,
                    sha256,
                } => {
                    let same = *owner == file.owner
                        && *mode == file.mode
                        && *sha256 == file.content.content_hash();
                    if !same {
                        found.files.push(file.clone());
                    }
                }
                PathState::Absent => found.files.push(file.clone()),
                PathState::Directory { .. } | PathState::Link | PathState::Other => {
                    found.problems.push(PlanProblem::WrongPath {
                        path: file.path.clone(),
                        found: "no regular file",
                        expected: "a file that the tool writes",
                    });
                }
            }
        }
        found
    }
}
