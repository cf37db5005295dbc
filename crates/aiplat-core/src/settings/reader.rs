//! Looks up keys, and collects what is wrong with them.

use std::str::FromStr;

use secrecy::SecretString;

use super::keys::{self, KeyDefault};
use super::{Expected, HostPort, ImageReference, Layers, Problem, Problems, Setting, Source};

pub(super) struct Reader<'a> {
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers) -> Self {
        Self {
            layers,
            problems: Vec::new(),
        }
    }

    /// All problems, if there are any.
    pub(super) fn finish(self) -> Result<(), Problems> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Problems::from(self.problems))
        }
    }

    /// A problem with the value of `key`, wherever that is from.
    pub(super) fn refuse(&mut self, key: &str, source: Source, expected: Expected) {
        self.problems.push(Problem {
            key: Some(key.to_owned()),
            line: self.layers.line(key, source),
            source,
            hint: hint(key, &expected),
            expected,
        });
    }

    /// The value of `key`, if it is given and valid.
    pub(super) fn given_by<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Option<Setting<T>> {
        let (text, source) = self.layers.find(key)?;
        match parse(text.trim()) {
            Ok(value) => Some(Setting::new(value, source)),
            Err(expected) => {
                self.refuse(key, source, expected);
                None
            }
        }
    }

    /// The value, or the table's default. A value that is not valid is a problem, and the default stands in for it.
    pub(super) fn fixed_by<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Setting<T> {
        self.given_by(key, &parse).unwrap_or_else(|| {
            let row = keys::find(key).expect("every field has its row, which a test holds");
            let KeyDefault::Value(text) = row.default else {
                unreachable!("the row of a fixed default has a value, which a test holds")
            };
            let value = parse(text).expect("every default is valid, which a test holds");
            Setting::new(value, Source::Default)
        })
    }

    pub(super) fn fixed<T: FromStr<Err = Expected>>(&mut self, key: &str) -> Setting<T> {
        self.fixed_by(key, str::parse)
    }

    /// The value, or what follows from the other settings.
    pub(super) fn or<T: FromStr<Err = Expected>>(
        &mut self,
        key: &str,
        default: impl FnOnce(&Layers) -> T,
    ) -> Setting<T> {
        let given = self.given_by(key, str::parse);
        given.unwrap_or_else(|| Setting::new(default(self.layers), Source::Default))
    }

    /// The value, or `None` where it is not given.
    pub(super) fn optional_by<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Setting<Option<T>> {
        match self.given_by(key, parse) {
            Some(setting) => {
                let source = setting.source();
                Setting::new(Some(setting.into_inner()), source)
            }
            None => Setting::new(None, Source::Default),
        }
    }

    pub(super) fn optional<T: FromStr<Err = Expected>>(&mut self, key: &str) -> Setting<Option<T>> {
        self.optional_by(key, str::parse)
    }

    pub(super) fn port(&mut self, key: &str) -> Option<(String, Setting<HostPort>)> {
        Some((key.to_owned(), self.given_by(key, str::parse)?))
    }

    pub(super) fn image(&mut self, key: &str) -> Option<Setting<ImageReference>> {
        self.given_by(key, str::parse)
    }

    /// A secret, to the byte as it was given.
    pub(super) fn secret(&mut self, key: &str) -> Option<(String, SecretString)> {
        let (text, source) = self.layers.find(key)?;
        if text.contains('\0') {
            self.refuse(key, source, Expected::Secret);
            return None;
        }
        Some((key.to_owned(), SecretString::from(text)))
    }
}

fn hint(key: &str, expected: &Expected) -> Option<&'static str> {
    match (expected, keys::find(key).map(|row| row.default)) {
        (Expected::OwnPort { .. }, _) => Some("leave one of them out, and a free port is chosen"),
        (_, Some(KeyDefault::Derived(_) | KeyDefault::Unset(_))) => Some("it may be left out"),
        _ => None,
    }
}
