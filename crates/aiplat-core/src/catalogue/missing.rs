//! What a service file lacks, all of it: a reader of the format stops at the first.

/// Keys and tables without which there is no service, as [`Service`](super::Service) has them.
const REQUIRED: [&str; 11] = [
    "name", "title", "summary", "tier", "image", "licence", "health", "metrics", "limits", "data",
    "vector",
];

/// Those that a file does not have; none where it cannot be read at all.
pub(super) fn missing(text: &str) -> Vec<&'static str> {
    let Ok(file) = toml::from_str::<toml::Table>(text) else {
        return Vec::new();
    };
    let absent = REQUIRED.into_iter().filter(|key| !file.contains_key(*key));
    absent.collect()
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::*;

    const WHOLE: &str = include_str!("../../catalogue/redis.toml");

    #[test]
    fn they_are_those_without_which_no_file_is_read() {
        let whole: toml::Table = toml::from_str(WHOLE).unwrap();
        for key in whole.keys() {
            let mut without = whole.clone();
            without.remove(key);
            let read = toml::Value::Table(without).try_into::<Service>();
            assert_eq!(read.is_err(), REQUIRED.contains(&key.as_str()), "{key}");
        }
    }

    #[test]
    fn all_are_told_at_once() {
        assert_eq!(missing("name = \"x\"\ntier = \"app\"").len(), 9);
        assert!(missing(WHOLE).is_empty() && missing("[").is_empty());
    }
}
