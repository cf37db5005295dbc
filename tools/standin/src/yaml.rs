//! YAML files read as JSON values.

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

/// The first document of a YAML (or JSON) text; `null` where it is neither.
pub fn parse(text: &str) -> Value {
    YamlLoader::load_from_str(text)
        .ok()
        .and_then(|documents| documents.into_iter().next())
        .map_or(Value::Null, convert)
}

fn convert(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Real(text) => text.parse::<f64>().map_or(Value::String(text), Value::from),
        Yaml::Integer(number) => Value::from(number),
        Yaml::String(text) => Value::String(text),
        Yaml::Boolean(flag) => Value::Bool(flag),
        Yaml::Array(items) => Value::Array(items.into_iter().map(convert).collect()),
        Yaml::Hash(pairs) => {
            let pairs = pairs.into_iter().filter_map(|(key, value)| {
                let key = match convert(key) {
                    Value::String(text) => text,
                    Value::Null => return None,
                    other => other.to_string(),
                };
                Some((key, convert(value)))
            });
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nested_yaml_is_read() {
        let value = super::parse("service:\n  api_key: \"k\"\n  flags: [true, 2]\n");
        assert_eq!(value["service"]["api_key"], "k");
        assert_eq!(value["service"]["flags"][1], 2);
        assert!(super::parse("a: [").is_null());
    }
}
