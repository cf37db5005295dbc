//! Names of the DNS.

text! {
    /// `ACME_CA`: the address of an authority's directory, at most 200 characters.
    AcmeDirectory,
    AcmeDirectory,
    |text| {
        let rest = text.strip_prefix("https://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (name, port) = host.split_once(':').unwrap_or((host, "443"));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '/' | '-');
        let valid = domain(&name.to_ascii_lowercase(), 253).is_some()
            && port.parse::<u16>().is_ok_and(|port| port > 0)
            && path.chars().all(plain)
            && text.len() <= 200;
        valid.then(|| text.to_owned())
    }
}

text! {
    /// `DOMAIN_NAME`: lower-case labels of `a-z0-9-`, the last not all digits, at most 228 characters, so that an app's
    /// label (at most 24) and a dot in front stay within the 253 of RFC 1035. International names are given in
    /// their `xn--` form.
    Domain,
    Domain,
    |text| domain(&text.to_ascii_lowercase(), 228)
}

text! {
    /// One label: 1 to 63 of `a-z0-9-` in lower case, with a letter or digit at both ends.
    DnsLabel,
    DnsLabel,
    |text| Some(text.to_ascii_lowercase()).filter(|text| is_label(text))
}

text! {
    /// An address for a certificate authority's notices: one `@`, a domain behind it, no blanks or quotes.
    Email,
    Email,
    |text| {
        let (local, host) = text.rsplit_once('@')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
        let valid = !local.is_empty() && local.len() <= 64 && local.chars().all(plain);
        domain(&host.to_ascii_lowercase(), 228).filter(|_| valid).map(|host| format!("{local}@{host}"))
    }
}

/// `text` if it is a domain of at most `max` characters.
pub(super) fn domain(text: &str, max: usize) -> Option<String> {
    let labels = text.split('.').all(is_label);
    // what ends in a number is an address to browsers and resolvers
    let named = text
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().any(|b| !b.is_ascii_digit()));
    (labels && named && text.len() <= max).then(|| text.to_owned())
}

fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl Domain {
    /// The domain below this one; `None` where that is too long.
    pub fn below(&self, label: &DnsLabel) -> Option<Self> {
        format!("{label}.{self}").parse().ok()
    }
}

impl DnsLabel {
    /// A label made of any text: what is not allowed becomes `-`, cut to 63 characters; `None` where nothing is left.
    pub fn from_words(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let label: String = lower
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(63)
            .collect();
        label.trim_matches('-').parse().ok()
    }
}
