//! Whether what was printed is what the manual shows.

/// Holds `printed` against `shown`: `…` stands for anything within a line, and on a line of its own for any lines. How
/// many spaces stand between two words is nobody's business: columns are as wide as their longest name.
pub(super) fn is(shown: &[String], printed: &[String]) -> bool {
    let plain =
        |lines: &[String]| -> Vec<String> { lines.iter().map(|line| words(line)).collect() };
    lines(&plain(shown), &plain(printed))
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lines(shown: &[String], printed: &[String]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "…" => {
            (0..=printed.len()).any(|skipped| lines(rest, &printed[skipped..]))
        }
        (Some((first, shown)), Some((line, printed))) => like(first, line) && lines(shown, printed),
        _ => false,
    }
}

fn like(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts
        .next()
        .and_then(|first| printed.strip_prefix(first.trim_end()))
    else {
        return false;
    };
    let parts: Vec<&str> = parts.map(str::trim).collect();
    let Some((last, middle)) = parts.split_last() else {
        return shown == printed;
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn anything_may_stand_where_the_manual_leaves_it_open() {
        for (shown, printed) in [
            ("a\n…\nz", "a\nz"),
            ("a\n…\nz", "a\nb\nc\nz"),
            ("up: … changes in … s", "up:  7 changes in 3.2 s"),
            ("…", ""),
            ("redis  healthy  …", "redis   healthy   127.0.0.1"),
        ] {
            assert!(is(&of(shown), &of(printed)), "{shown:?} {printed:?}");
        }
    }

    #[test]
    fn what_is_different_is_seen() {
        for (shown, printed) in [
            ("a\nz", "a\nb\nz"),
            ("a\n…\nz", "a\nb"),
            ("up: … changes", "up: 7 change"),
            ("a", ""),
            ("", "a"),
            ("a … b … a", "a b"),
        ] {
            assert!(!is(&of(shown), &of(printed)), "{shown:?} {printed:?}");
        }
    }
}
