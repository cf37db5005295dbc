//! References to images and to the registries they come from.

text! {
    /// An image: `[registry[:port]/]path[:tag][@sha256:digest]` in the engine's grammar, at most 255 characters.
    ImageReference,
    Image,
    |text| {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (path, tag) = match rest[name_start..].split_once(':') {
            Some((name, tag)) => (&rest[..name_start + name.len()], Some(tag)),
            None => (rest, None),
        };
        let valid = text.len() <= 255
            && is_repository(path)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        valid.then(|| text.to_owned())
    }
}

text! {
    /// What stands before an image's last part when a mirror is used: `registry[:port][/path]`, no scheme, no
    /// trailing slash (one is taken off).
    RegistryPrefix,
    Registry,
    |text| {
        let text = text.strip_suffix('/').unwrap_or(text);
        let valid = text.len() <= 200 && is_repository(&format!("{text}/x"));
        valid.then(|| text.to_owned())
    }
}

/// Parts split by `/`; the first may be a host.
fn is_repository(text: &str) -> bool {
    match text.split_once('/') {
        Some((first, rest)) => (is_host(first) || is_part(first)) && rest.split('/').all(is_part),
        None => is_part(text),
    }
}

/// `name[:port]`; without a port or a dot only `localhost` is one, and else it is part of the path.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label =
        |l: &str| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-') && l.chars().all(plain);
    name.split('.').all(label) && port.is_none_or(|port| port.parse::<super::HostPort>().is_ok())
}

/// Lower-case letters and digits, with single `.`, `_`, `__` or hyphens between them.
fn is_part(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = text.starts_with(plain) && text.ends_with(plain);
    ends && text.split(plain).all(|between| {
        matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')
    })
}

fn is_tag(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) && text.chars().all(plain)
}

fn is_digest(text: &str) -> bool {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    text.strip_prefix("sha256:")
        .is_some_and(|hash| hash.len() == 64 && hash.chars().all(hex))
}
