//! Points of one collection: kept by id, searched one by one.

use serde_json::{Map, Value, json};

use super::{Failure, Outcome};

/// What changes nothing.
pub(super) fn read(collection: &Value, method: &str, rest: &[&str], body: &Value) -> Outcome {
    let empty = Map::new();
    let points = collection["points"].as_object().unwrap_or(&empty);
    match (method, rest) {
        ("POST", ["points"]) => {
            let ids = body["ids"].as_array().cloned().unwrap_or_default();
            let found = ids
                .iter()
                .filter_map(|id| points.get(&key(id)))
                .map(|point| shown(point, None, body));
            Ok(Value::Array(found.collect()))
        }
        ("GET", ["points", id]) => points.get(*id).cloned().ok_or_else(|| {
            Failure(
                404,
                format!("Not found: Point with id {id} does not exists!"),
            )
        }),
        ("POST", ["points", "count"]) => {
            let count = points
                .values()
                .filter(|point| matches(&point["payload"], &body["filter"]))
                .count();
            Ok(json!({"count": count}))
        }
        ("POST", ["points", "scroll"]) => {
            let limit = limit_of(body);
            let kept: Vec<&Value> = points
                .values()
                .filter(|point| matches(&point["payload"], &body["filter"]))
                .collect();
            let from = body["offset"]
                .is_null()
                .then_some(0)
                .or_else(|| kept.iter().position(|point| point["id"] == body["offset"]))
                .unwrap_or(kept.len());
            let page = kept
                .iter()
                .skip(from)
                .take(limit)
                .map(|point| shown(point, None, body));
            let next = kept
                .get(from + limit)
                .map_or(Value::Null, |point| point["id"].clone());
            Ok(json!({"points": page.collect::<Vec<_>>(), "next_page_offset": next}))
        }
        ("POST", ["points", "search"]) => {
            search(collection, points, &body["vector"], body).map(Value::Array)
        }
        ("POST", ["points", "search", "batch"]) => {
            let searches = body["searches"].as_array().cloned().unwrap_or_default();
            let all = searches
                .iter()
                .map(|body| search(collection, points, &body["vector"], body).map(Value::Array));
            Ok(Value::Array(all.collect::<Result<_, _>>()?))
        }
        ("POST", ["points", "query"]) => {
            let query = if body["query"]["nearest"].is_null() {
                &body["query"]
            } else {
                &body["query"]["nearest"]
            };
            Ok(json!({"points": search(collection, points, query, body)?}))
        }
        ("GET", ["aliases"]) => Ok(json!({"aliases": []})),
        _ => Err(Failure(
            404,
            "Not found: a stand-in does not know this call".to_owned(),
        )),
    }
}

/// What changes the collection.
pub(super) fn write(collection: &mut Value, method: &str, rest: &[&str], body: &Value) -> Outcome {
    let done = || Ok(json!({"operation_id": 0, "status": "completed"}));
    match (method, rest) {
        ("PUT", ["points"]) => {
            for point in incoming(body)? {
                fits(collection, &point["vector"])?;
                let id = key(&point["id"]);
                collection["points"][id] = point;
            }
            done()
        }
        ("POST", ["points", "delete"]) => {
            let filter = body["filter"].clone();
            let ids: Vec<String> = body["points"]
                .as_array()
                .into_iter()
                .flatten()
                .map(key)
                .collect();
            if let Some(points) = collection["points"].as_object_mut() {
                points.retain(|id, point| {
                    !ids.contains(id) && (filter.is_null() || !matches(&point["payload"], &filter))
                });
            }
            done()
        }
        ("POST" | "PUT", ["points", "payload"]) => {
            let ids: Vec<String> = body["points"]
                .as_array()
                .into_iter()
                .flatten()
                .map(key)
                .collect();
            for id in ids {
                if let Some(point) = collection["points"].get_mut(&id) {
                    super::merge(&mut point["payload"], body["payload"].clone());
                }
            }
            done()
        }
        ("PUT", ["index"]) => {
            let field = body["field_name"].as_str().unwrap_or_default().to_owned();
            collection["payload_schema"][field] = json!({"data_type": body["field_schema"]});
            done()
        }
        ("DELETE", ["index", field]) => {
            if let Some(schema) = collection["payload_schema"].as_object_mut() {
                schema.remove(*field);
            }
            done()
        }
        _ => Err(Failure(
            404,
            "Not found: a stand-in does not know this call".to_owned(),
        )),
    }
}

/// Both forms in which points come: a list, or columns.
fn incoming(body: &Value) -> Result<Vec<Value>, Failure> {
    if let Some(points) = body["points"].as_array() {
        return points
            .iter()
            .map(|point| {
                let id = &point["id"];
                if !(id.is_u64() || id.is_string()) {
                    return Err(Failure(
                        400,
                        "Format error in JSON body: expected an unsigned integer or a UUID as id"
                            .to_owned(),
                    ));
                }
                Ok(json!({"id": id, "vector": point["vector"], "payload": point["payload"]}))
            })
            .collect();
    }
    let batch = &body["batch"];
    let ids = batch["ids"]
        .as_array()
        .ok_or_else(|| Failure(400, "Format error in JSON body: expected points".to_owned()))?;
    let each = ids.iter().enumerate().map(|(at, id)| {
        json!({"id": id, "vector": batch["vectors"][at], "payload": batch["payloads"][at]})
    });
    Ok(each.collect())
}

/// Whether a vector has the collection's size; named vectors each have their own.
fn fits(collection: &Value, vector: &Value) -> Result<(), Failure> {
    let params = &collection["params"]["vectors"];
    let check = |params: &Value, vector: &Value| match (params["size"].as_u64(), vector.as_array())
    {
        (Some(size), Some(vector)) if vector.len() as u64 != size => Err(Failure(
            400,
            format!(
                "Wrong input: Vector dimension error: expected dim: {size}, got {}",
                vector.len()
            ),
        )),
        _ => Ok(()),
    };
    match vector {
        Value::Object(named) => named
            .iter()
            .try_for_each(|(name, vector)| check(&params[name], vector)),
        _ => check(params, vector),
    }
}

fn search(
    collection: &Value,
    points: &Map<String, Value>,
    query: &Value,
    body: &Value,
) -> Result<Vec<Value>, Failure> {
    let (name, query) = match query {
        Value::Object(named) => (named.get("name").and_then(Value::as_str), &query["vector"]),
        _ => (body["using"].as_str(), query),
    };
    let params = &collection["params"]["vectors"];
    let params = name.map_or(params, |name| &params[name]);
    if name.is_none() {
        fits(collection, query)?;
    }
    let distance = params["distance"].as_str().unwrap_or("Cosine");
    let wanted = numbers(query);
    let mut scored: Vec<(f64, &Value)> = points
        .values()
        .filter(|point| matches(&point["payload"], &body["filter"]))
        .map(|point| {
            let vector = name.map_or(&point["vector"], |name| &point["vector"][name]);
            (score(distance, &wanted, &numbers(vector)), point)
        })
        .filter(|(score, _)| {
            body["score_threshold"]
                .as_f64()
                .is_none_or(|least| *score >= least)
        })
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    if matches!(distance, "Euclid" | "Manhattan") {
        scored.reverse();
    }
    Ok(scored
        .into_iter()
        .take(limit_of(body))
        .map(|(score, point)| shown(point, Some(score), body))
        .collect())
}

fn limit_of(body: &Value) -> usize {
    body["limit"]
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(10)
}

fn score(distance: &str, left: &[f64], right: &[f64]) -> f64 {
    let pairs = || left.iter().zip(right);
    match distance {
        "Dot" => pairs().map(|(left, right)| left * right).sum(),
        "Euclid" => pairs()
            .map(|(left, right)| (left - right).powi(2))
            .sum::<f64>()
            .sqrt(),
        "Manhattan" => pairs().map(|(left, right)| (left - right).abs()).sum(),
        _ => crate::services::cosine(left, right),
    }
}

fn numbers(vector: &Value) -> Vec<f64> {
    vector
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect()
}

/// A point as an answer shows it.
fn shown(point: &Value, score: Option<f64>, body: &Value) -> Value {
    let mut out = json!({"id": point["id"]});
    if let Some(score) = score {
        out["version"] = json!(0);
        out["score"] = json!(score);
    }
    // retrieving and scrolling show the payload unless told not to, searching the other way round
    let payload = match &body["with_payload"] {
        Value::Null => score.is_none(),
        Value::Bool(flag) => *flag,
        _ => true,
    };
    if payload {
        out["payload"] = point["payload"].clone();
    }
    if body["with_vector"] == true || body["with_vectors"] == true {
        out["vector"] = point["vector"].clone();
    }
    out
}

/// Filters of the form `must`, `should`, `must_not` over `{key, match}`.
fn matches(payload: &Value, filter: &Value) -> bool {
    let list = |name: &str| match &filter[name] {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let good = |condition: &Value| {
        if condition["key"].is_null() {
            return matches(payload, condition);
        }
        let path = condition["key"].as_str().unwrap_or_default();
        let value = path.split('.').fold(payload, |value, part| &value[part]);
        let wanted = &condition["match"];
        let one = |value: &Value| {
            *value == wanted["value"]
                || wanted["any"]
                    .as_array()
                    .is_some_and(|any| any.contains(value))
        };
        value
            .as_array()
            .map_or_else(|| one(value), |values| values.iter().any(one))
    };
    let should = list("should");
    list("must").iter().all(good)
        && !list("must_not").iter().any(good)
        && (should.is_empty() || should.iter().any(good))
}

fn key(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_choose() {
        let payload = json!({"a": {"b": "x"}, "tags": ["t", "u"]});
        let filter = |text: &str| matches(&payload, &serde_json::from_str(text).unwrap());
        assert!(filter(r#"{"must":[{"key":"a.b","match":{"value":"x"}}]}"#));
        assert!(!filter(r#"{"must":[{"key":"a.b","match":{"value":"y"}}]}"#));
        assert!(filter(
            r#"{"should":[{"key":"tags","match":{"any":["u"]}}]}"#
        ));
        assert!(!filter(
            r#"{"must_not":{"key":"tags","match":{"value":"t"}}}"#
        ));
        assert!(matches(&payload, &Value::Null));
    }

    #[test]
    fn scrolling_goes_through_all_pages() {
        let points: Map<String, Value> = (0..5)
            .map(|id| {
                (
                    id.to_string(),
                    json!({"id": id, "vector": [1], "payload": {}}),
                )
            })
            .collect();
        let collection = json!({"points": points});
        let first = read(
            &collection,
            "POST",
            &["points", "scroll"],
            &json!({"limit": 3}),
        )
        .ok()
        .unwrap();
        assert_eq!(first["next_page_offset"], 3);
        let rest = read(
            &collection,
            "POST",
            &["points", "scroll"],
            &json!({"limit": 3, "offset": 3}),
        )
        .ok()
        .unwrap();
        assert_eq!(rest["points"].as_array().unwrap().len(), 2);
        assert!(rest["next_page_offset"].is_null());
    }
}
