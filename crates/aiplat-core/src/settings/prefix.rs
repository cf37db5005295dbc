//! The start of container names.

use crate::names::StackName;

text! {
    /// `CONTAINER_PREFIX`: put before a service's name it gives a valid container name: 1 to 63 of `A-Za-z0-9_.-`,
    /// starting with a letter or digit.
    ContainerPrefix,
    ContainerPrefix,
    |text| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let valid = text.len() <= 63
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(plain);
        valid.then(|| text.to_owned())
    }
}

/// The default: the stack's name and a hyphen.
impl From<&StackName> for ContainerPrefix {
    fn from(stack: &StackName) -> Self {
        Self(format!("{stack}-"))
    }
}
