//! Changes that leave alone what they are not about.

use super::line::{Entry, Line, Piece};
use super::quoting::{Quote, is_key, write};
use super::{Manifest, references};

/// Why a manifest was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The key does not fit the grammar.
    #[error("expected a key of letters, digits and `_` that does not start with a digit")]
    Key,
    /// No process environment can hold the value.
    #[error("expected a value without a NUL character")]
    NoNul,
    /// Another key's value refers to this one by `${KEY}`, and would be unknown or too long.
    #[error("expected a change that leaves the `${{KEY}}` references to this key valid")]
    Referenced,
}

impl Manifest {
    /// Gives `key` the literal `value`: in its place, keeping quoting style and comment where they allow it; else in
    /// the place of a line that is `#KEY=` and nothing more, as the documented manifest has them; else at the end. Of duplicates, the one that holds is changed. Tells whether anything changed; a key that has the
    /// value already (by a reference, even) is left as it is.
    pub fn set(&mut self, key: &str, value: &str) -> Result<bool, EditError> {
        self.change(|manifest| manifest.put(key, value))
    }

    /// Sets all `entries`: those of keys that have a place (see [`Manifest::set`]) there, the others at the end, below `comment` (each of
    /// its lines made a comment) and a blank line. Without others the comment is not written. Tells how many entries
    /// changed. On an error nothing is changed.
    pub fn append_section<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        comment: &str,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<usize, EditError> {
        self.change(|manifest| {
            let (mut changed, mut headed) = (0, false);
            for (key, value) in entries {
                let (key, value) = (key.as_ref(), value.as_ref());
                let placed =
                    manifest.effective.contains_key(key) || manifest.placeholder(key).is_some();
                if !headed && !placed {
                    manifest.head(comment);
                    headed = true;
                }
                changed += usize::from(manifest.put(key, value)?);
            }
            Ok(changed)
        })
    }

    /// Removes the comment of a section (see [`Manifest::append_section`]) at the end, with the blank line before it,
    /// when nothing is left below it.
    pub fn drop_empty_section(&mut self, comment: &str) {
        let blank = |line: &Line| matches!(line, Line::Other(text) if text.trim().is_empty());
        let Some(last) = self.lines.iter().rposition(|line| !blank(line)) else {
            return;
        };
        if !self.lines[last].is_comment(comment) {
            return;
        }
        let before = self.lines[..last].last().is_some_and(blank);
        self.lines.truncate(last - usize::from(before));
    }

    /// Removes every line of `key`, with the comment on it. Tells whether there was one.
    pub fn remove(&mut self, key: &str) -> Result<bool, EditError> {
        self.change(|manifest| {
            let before = manifest.lines.len();
            manifest
                .lines
                .retain(|line| line.entry().is_none_or(|entry| entry.key != key));
            manifest.refresh()?;
            Ok(manifest.lines.len() < before)
        })
    }

    /// Changes a copy, and keeps it only if all went well.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, EditError>,
    ) -> Result<T, EditError> {
        let mut copy = self.clone();
        let result = change(&mut copy)?;
        *self = copy;
        Ok(result)
    }

    fn refresh(&mut self) -> Result<(), EditError> {
        self.effective = references::resolve(&self.lines).map_err(|_| EditError::Referenced)?;
        Ok(())
    }

    fn put(&mut self, key: &str, value: &str) -> Result<bool, EditError> {
        if !is_key(key) {
            return Err(EditError::Key);
        }
        if value.contains('\0') {
            return Err(EditError::NoNul);
        }
        let current = self.effective.get(key);
        if current.is_some_and(|e| e.value.expose() == value) {
            return Ok(false);
        }
        let pieces = if value.is_empty() {
            Vec::new()
        } else {
            vec![Piece::Literal(value.to_owned())]
        };
        match current.map(|e| e.index) {
            Some(index) => self.replace(index, value, pieces),
            None => self.append(key, value, pieces),
        }
        self.refresh()?;
        Ok(true)
    }

    fn replace(&mut self, index: usize, value: &str, pieces: Vec<Piece>) {
        if let Line::Entry(entry) = &mut self.lines[index] {
            // compose takes a comment right behind the `=` for the value
            let bare = value.is_empty() && entry.tail.contains('#');
            let preferred = if bare && entry.quote == Quote::Plain {
                Quote::Single
            } else {
                entry.quote
            };
            (entry.raw, entry.quote) = write(value, preferred);
            entry.pieces = pieces;
        }
    }

    fn append(&mut self, key: &str, value: &str, pieces: Vec<Piece>) {
        let (raw, quote) = write(value, Quote::Plain);
        let placeholder = self.placeholder(key);
        let tail = match placeholder {
            Some(index) => self.lines[index]
                .last()
                .trim_start_matches(|c| c != '\r' && c != '\n'),
            None => self.line_end(),
        };
        let entry = Line::Entry(Entry {
            lead: String::new(),
            key: key.to_owned(),
            equals: "=".to_owned(),
            raw,
            quote,
            pieces,
            tail: tail.to_owned(),
        });
        if let Some(index) = placeholder {
            self.lines[index] = entry;
        } else {
            self.finish_last_line();
            self.lines.push(entry);
        }
    }

    /// The first line that is `#KEY=` and nothing else.
    fn placeholder(&self, key: &str) -> Option<usize> {
        let named = |line: &str| {
            line.strip_prefix('#')?
                .strip_suffix('=')
                .map(|name| name == key)
        };
        self.lines.iter().position(|line| match line {
            Line::Other(text) => named(text.trim_end()) == Some(true),
            Line::Entry(_) => false,
        })
    }

    /// A blank line where one is missing, and the comment; neither where the last section has that comment.
    fn head(&mut self, comment: &str) {
        let end = self.line_end();
        self.finish_last_line();
        let other = self.lines.iter().rfind(|line| line.entry().is_none());
        if other.is_some_and(|line| line.is_comment(comment)) {
            return;
        }
        let blank = |line: &Line| matches!(line, Line::Other(text) if text.trim().is_empty());
        if self.lines.last().is_some_and(|line| !blank(line)) {
            self.lines.push(Line::Other(end.to_owned()));
        }
        for text in comment.lines() {
            // what would end the line or the text for some reader has no place in a comment
            let text: String = text.chars().filter(|c| !c.is_control()).collect();
            self.lines.push(Line::Other(format!(
                "{}{end}",
                format!("# {text}").trim_end()
            )));
        }
    }

    /// The file's own line end: CRLF where its first line has it.
    fn line_end(&self) -> &'static str {
        match self.lines.iter().find(|line| line.ended()) {
            Some(line) if line.last().ends_with("\r\n") => "\r\n",
            _ => "\n",
        }
    }

    fn finish_last_line(&mut self) {
        let end = self.line_end();
        if let Some(line) = self.lines.last_mut().filter(|line| !line.ended()) {
            line.push(end);
        }
    }
}

/// One line `KEY=value`, without a line end, in the style that all readers read alike.
pub(crate) fn assignment(key: &str, value: &str) -> Result<String, EditError> {
    let mut manifest = Manifest::default();
    manifest.set(key, value)?;
    Ok(manifest.to_text().trim_end_matches('\n').to_owned())
}
