//! Many secrets looked for at once, in one pass over the bytes.

use std::collections::{BTreeSet, HashMap};

/// Shorter values would be found by chance.
const LEAST: usize = 8;

/// What is looked for.
pub(super) struct Needles {
    /// (stack, name, value).
    all: Vec<(String, String, Vec<u8>)>,
    /// Whether any begins with these two bytes.
    pairs: Vec<bool>,
    /// Those that begin with these four bytes.
    fours: HashMap<[u8; 4], Vec<usize>>,
}

impl Needles {
    pub(super) fn new<'a>(stacks: impl Iterator<Item = (&'a str, Vec<(String, String)>)>) -> Self {
        let mut found = Self {
            all: Vec::new(),
            pairs: vec![false; 1 << 16],
            fours: HashMap::new(),
        };
        for (stack, secrets) in stacks {
            for (name, value) in secrets.into_iter().filter(|(_, v)| v.trim().len() >= LEAST) {
                let value = value.trim().as_bytes().to_vec();
                found.pairs[usize::from(u16::from_be_bytes([value[0], value[1]]))] = true;
                let four = [value[0], value[1], value[2], value[3]];
                found.fours.entry(four).or_default().push(found.all.len());
                found.all.push((stack.to_owned(), name, value));
            }
        }
        found
    }

    /// Those that stand in these bytes: (stack, name).
    pub(super) fn find(&self, bytes: &[u8]) -> BTreeSet<(&str, &str)> {
        let mut found = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(LEAST - 1) {
            let pair = usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1]);
            if !self.pairs[pair] {
                continue;
            }
            let four = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            for index in self.fours.get(&four).into_iter().flatten() {
                let (stack, name, value) = &self.all[*index];
                if bytes[at..].starts_with(value) {
                    found.insert((stack.as_str(), name.as_str()));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_wherever_it_stands_and_short_ones_never() {
        let secrets = [
            ("k", "hunter2-hunter2"),
            ("l", "hunter3-long"),
            ("m", "short"),
        ];
        let secrets = secrets.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
        let needles = Needles::new([("a", secrets)].into_iter());
        assert_eq!(needles.find(b"x hunter2-hunter2"), [("a", "k")].into());
        assert_eq!(
            needles.find(b"hunter3-longhunter2-hunter2\0"),
            [("a", "k"), ("a", "l")].into()
        );
        assert!(needles.find(b"hunter2-hunter").is_empty());
        assert!(needles.find(b"short").is_empty());
        assert!(needles.find(b"").is_empty());
    }
}
