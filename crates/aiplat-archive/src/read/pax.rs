//! PAX records: `LENGTH KEY=VALUE\n`, of which an archive has three kinds.

use crate::error::ArchiveError;
use crate::manifest::Mtime;

/// The largest record in bytes: a path and a link of the greatest length fit.
pub(super) const MAX: u64 = 16 * 1024;

/// What the records before an entry say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) mtime: Option<Mtime>,
}

/// Reads the records of one entry. Each key once, and no other keys: sizes, owners and holes are not said this way.
pub(super) fn parse(mut data: &[u8]) -> Result<Extended, ArchiveError> {
    let mut found = Extended::default();
    while !data.is_empty() {
        let (key, value, rest) =
            record(data).ok_or_else(|| ArchiveError::damaged("an extended header does not fit"))?;
        let twice = match key {
            b"path" => found.path.replace(value.to_vec()).is_some(),
            b"linkpath" => found.linkpath.replace(value.to_vec()).is_some(),
            b"mtime" => {
                let at = time(value)
                    .ok_or_else(|| ArchiveError::damaged("a time in it cannot be read"))?;
                found.mtime.replace(at).is_some()
            }
            other => {
                let key = String::from_utf8_lossy(&other[..other.len().min(64)]).into_owned();
                let why = format!("has an extended header `{}`", key.escape_debug());
                return Err(ArchiveError::entry("an entry", why));
            }
        };
        if twice {
            return Err(ArchiveError::damaged(
                "an extended header says a thing twice",
            ));
        }
        data = rest;
    }
    Ok(found)
}

fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data.iter().take(6).position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(&data[..space]).ok()?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let length: usize = digits.parse().ok()?;
    if length > data.len() || length < space + 2 || data[length - 1] != b'\n' {
        return None;
    }
    let inner = &data[space + 1..length - 1];
    let equals = inner.iter().position(|byte| *byte == b'=')?;
    Some((&inner[..equals], &inner[equals + 1..], &data[length..]))
}

fn time(value: &[u8]) -> Option<Mtime> {
    let text = std::str::from_utf8(value).ok()?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 15 || part.len() > 9 || !digits(whole) || !digits(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<9}").parse().ok()?;
    Some(match (negative, part) {
        (false, _) => Mtime {
            seconds: whole,
            nanoseconds: part,
        },
        (true, 0) => Mtime {
            seconds: -whole,
            nanoseconds: 0,
        },
        (true, _) => Mtime {
            seconds: -whole - 1,
            nanoseconds: 1_000_000_000 - part,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_what_is_none() {
        let found = parse(b"13 path=a\nbc\n18 mtime=-1.25000\n").unwrap();
        assert_eq!(found.path.as_deref(), Some(&b"a\nbc"[..]));
        let at = found.mtime.unwrap();
        assert_eq!((at.seconds, at.nanoseconds), (-2, 750_000_000));
        for bad in [
            &b"8 path=a\n"[..],
            b"99 path=a\n",
            b"0 path=a\n",
            b"+10 path=a\n",
            b"10 path=ab",
            b"path=a\n",
            b"10 path=a\n10 path=b\n",
            b"11 size=12\n",
            b"20 GNU.sparse.major=1\n",
            b"13 mtime=1e9\n",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
