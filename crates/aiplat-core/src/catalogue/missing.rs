//! What a service file lacks, all of it: a reader of the format stops at the first.

/// Keys and tables without which there is no service, as [`Service`](super::Service) has them, and what such a table must
/// have.
const REQUIRED: &[&str] = &[
    "name",
    "title",
    "summary",
    "tier",
    "image",
    "image.reference",
    "image.source",
    "licence",
    "licence.spdx",
    "health",
    "health.kind",
    "health.start_seconds",
    "metrics",
    "limits",
    "limits.pids",
    "data",
    "vector",
];

/// Those that a file does not have; none where it cannot be read at all. Of a table that is not there only itself is told.
pub(super) fn missing(text: &str) -> Vec<&'static str> {
    let Ok(file) = toml::from_str::<toml::Table>(text) else {
        return Vec::new();
    };
    let lacks = |key: &&str| match key.split_once('.') {
        None => !file.contains_key(*key),
        Some((table, key)) => {
            let table = file.get(table).and_then(toml::Value::as_table);
            table.is_some_and(|table| !table.contains_key(key))
        }
    };
    REQUIRED.iter().copied().filter(lacks).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::*;

    const WHOLE: &str = include_str!("../../catalogue/redis.toml");

    #[test]
    fn they_are_those_without_which_no_file_is_read() {
        let whole: toml::Table = toml::from_str(WHOLE).unwrap();
        let told = |file: toml::Table, key: &str| {
            let read = toml::Value::Table(file).try_into::<Service>();
            assert_eq!(read.is_err(), REQUIRED.contains(&key), "{key}");
        };
        for (name, value) in &whole {
            let mut without = whole.clone();
            without.remove(name);
            told(without, name);
            // these two have one form of several, and no key that is in all of them
            let table = value
                .as_table()
                .filter(|_| !matches!(&name[..], "vector" | "backup"));
            for key in table.into_iter().flat_map(toml::Table::keys) {
                let mut without = whole.clone();
                without[name].as_table_mut().unwrap().remove(key);
                told(without, &format!("{name}.{key}"));
            }
        }
    }

    #[test]
    fn all_are_told_at_once() {
        assert_eq!(missing("name = \"x\"\ntier = \"app\"").len(), 9);
        let lacking = WHOLE
            .replace("spdx = ", "note2 = ")
            .replace("pids = ", "pid = ");
        assert_eq!(missing(&lacking), ["licence.spdx", "limits.pids"]);
        assert!(missing(WHOLE).is_empty() && missing("[").is_empty());
    }
}
