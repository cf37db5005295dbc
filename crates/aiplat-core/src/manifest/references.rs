//! `${KEY}`: resolved once, bounded in depth and length, so that no file can blow up.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Line, Piece};
use super::syntax::Syntax;
use super::{Effective, Value};

const MAX_DEPTH: usize = 8;
const MAX_BYTES: usize = 4096;

/// The index of the entry, its key, and what was expected of it.
pub(super) type Unresolved = (usize, String, Syntax);

/// The last entry of each key with its value.
pub(super) fn resolve(lines: &[Line]) -> Result<BTreeMap<String, Effective>, Vec<Unresolved>> {
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(entry) = line.entry() {
            last.insert(&entry.key, index);
        }
    }
    let mut resolver = Resolver {
        lines,
        last: &last,
        done: BTreeMap::new(),
    };
    let mut problems = Vec::new();
    for &index in last.values().collect::<BTreeSet<_>>() {
        match resolver.value(index, 0) {
            // what fails only because of another entry is that entry's problem
            Err(failure) if failure.origin == index || failure.syntax == Syntax::Depth => {
                let key = lines[index]
                    .entry()
                    .map(|e| e.key.clone())
                    .unwrap_or_default();
                problems.push((index, key, failure.syntax));
            }
            _ => {}
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut done = resolver.done;
    Ok(last
        .into_iter()
        .filter_map(|(key, index)| {
            let (text, _) = done.remove(&index)?.ok()?;
            Some((
                key.to_owned(),
                Effective {
                    index,
                    value: Value::new(text),
                },
            ))
        })
        .collect())
}

struct Resolver<'a> {
    lines: &'a [Line],
    last: &'a BTreeMap<&'a str, usize>,
    /// Text and depth of what is resolved; an entry that is being resolved is a circle when met again.
    done: BTreeMap<usize, Result<(String, usize), Failure>>,
}

#[derive(Clone, Copy)]
struct Failure {
    syntax: Syntax,
    /// The index of the entry that is at fault.
    origin: usize,
}

impl Resolver<'_> {
    /// The depth of the value at `index`, which is in `done` afterwards. `level` bounds the recursion.
    fn value(&mut self, index: usize, level: usize) -> Result<usize, Failure> {
        if let Some(done) = self.done.get(&index) {
            return done
                .as_ref()
                .map(|(_, depth)| *depth)
                .map_err(|failure| *failure);
        }
        if level > MAX_DEPTH {
            return Err(Failure {
                syntax: Syntax::Depth,
                origin: index,
            });
        }
        self.done.insert(
            index,
            Err(Failure {
                syntax: Syntax::NoCircle,
                origin: index,
            }),
        );
        let made = self.make(index, level);
        let depth = made
            .as_ref()
            .map(|(_, depth)| *depth)
            .map_err(|failure| *failure);
        if depth.is_err_and(|failure| failure.syntax == Syntax::Depth) {
            // too deep from here, yet maybe not from further down
            self.done.remove(&index);
        } else {
            self.done.insert(index, made);
        }
        depth
    }

    fn make(&mut self, index: usize, level: usize) -> Result<(String, usize), Failure> {
        let failure = |syntax| Failure {
            syntax,
            origin: index,
        };
        let lines = self.lines;
        let Some(entry) = lines[index].entry() else {
            return Ok((String::new(), 0));
        };
        let (mut text, mut depth) = (String::new(), 0);
        for piece in &entry.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Reference(key) => {
                    let target = self.last.get(key.as_str());
                    let target = *target.ok_or(failure(Syntax::KnownReference))?;
                    depth = depth.max(1 + self.value(target, level + 1)?);
                    if let Some(Ok((value, _))) = self.done.get(&target) {
                        text.push_str(value);
                    }
                }
            }
            if depth > MAX_DEPTH {
                return Err(failure(Syntax::Depth));
            }
            if depth > 0 && text.len() > MAX_BYTES {
                return Err(failure(Syntax::Length));
            }
        }
        Ok((text, depth))
    }
}
