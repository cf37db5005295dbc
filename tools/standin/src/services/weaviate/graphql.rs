//! The two queries that matter: `Get` with `nearVector`, and the count of `Aggregate`.

use serde_json::{Map, Value, json};

/// A query that was understood.
pub(super) struct Query {
    pub(super) class: String,
    aggregate: bool,
    vector: Option<Vec<f64>>,
    limit: usize,
    fields: Vec<String>,
}

/// Reads `{ Get { Class(nearVector: {vector: […]}, limit: n) { fields _additional { … } } } }`.
pub(super) fn parse(text: &str) -> Option<Query> {
    let inner = text.split_once('{')?.1;
    let (kind, rest) = inner.split_once('{')?;
    let aggregate = match kind.trim() {
        "Get" => false,
        "Aggregate" => true,
        _ => return None,
    };
    let end = rest.find(['(', '{'])?;
    let class = rest[..end].trim().to_owned();
    let (arguments, fields) = if rest[end..].starts_with('(') {
        let close = end + rest[end..].find(')')?;
        (&rest[end + 1..close], &rest[close + 1..])
    } else {
        ("", &rest[end..])
    };
    let after = |name: &str| arguments.split_once(name).map(|(_, rest)| rest);
    let vector = after("vector:").and_then(|rest| {
        let list = rest.split_once('[')?.1.split_once(']')?.0;
        list.split(',')
            .map(|number| number.trim().parse().ok())
            .collect()
    });
    let digits = |rest: &str| {
        rest.trim_start()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    let limit = after("limit:")
        .and_then(|rest| digits(rest).parse().ok())
        .unwrap_or(25);
    let plain = fields.split("_additional").next().unwrap_or_default();
    let fields = plain
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    (!class.is_empty()).then_some(Query {
        class,
        aggregate,
        vector,
        limit,
        fields,
    })
}

/// The answer over the objects of the class, or the words of a refusal.
pub(super) fn answer(query: &Query, objects: Result<&[Value], &str>) -> Value {
    let kind = if query.aggregate { "Aggregate" } else { "Get" };
    let objects = match objects {
        Ok(objects) => objects,
        Err(words) => {
            return json!({"data": {kind: {&query.class: null}}, "errors": [{"message": words}]});
        }
    };
    if query.aggregate {
        return json!({"data": {kind: {&query.class: [{"meta": {"count": objects.len()}}]}}});
    }
    let mut scored: Vec<(f64, &Value)> = objects
        .iter()
        .map(|object| {
            let vector: Vec<f64> = object["vector"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_f64)
                .collect();
            let distance = query
                .vector
                .as_ref()
                .map_or(0.0, |wanted| 1.0 - crate::services::cosine(wanted, &vector));
            (distance, object)
        })
        .collect();
    scored.sort_by(|left, right| left.0.total_cmp(&right.0));
    let rows = scored.into_iter().take(query.limit).map(|(distance, object)| {
        let mut row: Map<String, Value> =
            query.fields.iter().map(|field| (field.clone(), object["properties"][field].clone())).collect();
        let certainty = 1.0 - distance / 2.0;
        row.insert("_additional".to_owned(), json!({"id": object["id"], "distance": distance, "certainty": certainty, "vector": object["vector"]}));
        Value::Object(row)
    });
    json!({"data": {kind: {&query.class: rows.collect::<Vec<_>>()}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read() {
        let query =
            parse("{ Get { A_b(limit: 7 nearVector:{vector:[1,-0.5]}) { x y _additional{id} } } }")
                .unwrap();
        assert_eq!((query.class.as_str(), query.limit), ("A_b", 7));
        assert_eq!(query.vector, Some(vec![1.0, -0.5]));
        assert_eq!(query.fields, ["x", "y"]);
        let count = parse("{Aggregate{A{meta{count}}}}").unwrap();
        assert!(count.aggregate && count.vector.is_none());
        assert!(parse("mutation").is_none());
    }
}
