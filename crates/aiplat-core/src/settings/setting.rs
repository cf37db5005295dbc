//! A value and where it is from.

use std::fmt;

use super::Source;

/// A setting: its value, and the layer that gave it. A setting whose default is derived later, against what the
/// host already uses, is a `Setting<Option<T>>` with `None` for "not given".
///
/// `Debug` prints the layer only: some settings are secrets, and no error message is to print any.
#[derive(Clone)]
pub struct Setting<T> {
    value: T,
    source: Source,
}

impl<T> Setting<T> {
    /// A value and its layer.
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The layer the value is from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Whether somebody gave it, rather than a default.
    pub fn is_given(&self) -> bool {
        self.source != Source::Default
    }
}

impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting(.., {})", self.source)
    }
}
