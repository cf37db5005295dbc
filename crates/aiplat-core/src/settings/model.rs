//! Names of models.

text! {
    /// A model as the model server names it: `llama3.2:1b`, `namespace/name:tag`; 1 to 128 of `A-Za-z0-9._:/-`,
    /// starting with a letter or digit.
    ModelName,
    Model,
    |text| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
        let valid = text.len() <= 128
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(plain);
        valid.then(|| text.to_owned())
    }
}
