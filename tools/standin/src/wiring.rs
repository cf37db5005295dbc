//! Whether what a stand-in was told about its neighbours is true: each address, password and key of
//! its environment is tried once, and the answer says which are good. The real images find that out
//! in the middle of their work.

use serde_json::{Value, json};

use crate::client::Ask;
use crate::http::Response;
use crate::peers::{self, Postgres};
use crate::world::World;

/// Where it is asked for.
pub const PATH: &str = "/stand-in/peers";

/// 200 where all is good, else 503; no value of a secret is in it.
pub fn answer(world: &World) -> Response {
    let tried = tried(world);
    let good = tried.iter().all(|(_, result)| result.is_ok());
    let peers: Vec<Value> = tried
        .into_iter()
        .map(|(name, result)| match result {
            Ok(()) => json!({"peer": name, "ok": true}),
            Err(words) => json!({"peer": name, "ok": false, "error": words}),
        })
        .collect();
    Response::json(if good { 200 } else { 503 }, &json!({"peers": peers}))
}

type Tried = Vec<(&'static str, Result<(), String>)>;

fn tried(world: &World) -> Tried {
    let mut tried = Tried::new();
    databases(world, &mut tried);
    if let Some(host) = world.get("REDIS_HOST") {
        let peer = format!("{host}:{}", world.get("REDIS_PORT").unwrap_or("6379"));
        let result = peers::redis_ping(
            &peer,
            world.get("REDIS_USERNAME"),
            world.get("REDIS_PASSWORD"),
        );
        tried.push(("redis", result.map_err(words)));
    }
    vectors(world, &mut tried);
    models(world, &mut tried);
    tried
}

/// Each service has its own names for the same four things.
const DATABASES: &[(&str, &str, [&str; 5])] = &[
    (
        "postgres",
        "DB_HOST",
        [
            "DB_HOST",
            "DB_PORT",
            "DB_USERNAME",
            "DB_PASSWORD",
            "DB_DATABASE",
        ],
    ),
    (
        "postgres",
        "DATABASE_HOST",
        [
            "DATABASE_HOST",
            "DATABASE_PORT",
            "DATABASE_USER",
            "DATABASE_PASSWORD",
            "DATABASE_NAME",
        ],
    ),
    (
        "postgres",
        "DB_POSTGRESDB_HOST",
        [
            "DB_POSTGRESDB_HOST",
            "DB_POSTGRESDB_PORT",
            "DB_POSTGRESDB_USER",
            "DB_POSTGRESDB_PASSWORD",
            "DB_POSTGRESDB_DATABASE",
        ],
    ),
    (
        "pgvector",
        "PGVECTOR_HOST",
        [
            "PGVECTOR_HOST",
            "PGVECTOR_PORT",
            "PGVECTOR_USER",
            "PGVECTOR_PASSWORD",
            "PGVECTOR_DATABASE",
        ],
    ),
    (
        "pgvector",
        "POSTGRES_VECTORSTORE_HOST",
        [
            "POSTGRES_VECTORSTORE_HOST",
            "POSTGRES_VECTORSTORE_PORT",
            "POSTGRES_VECTORSTORE_USER",
            "POSTGRES_VECTORSTORE_PASSWORD",
            "POSTGRES_VECTORSTORE_DATABASE",
        ],
    ),
];

fn databases(world: &World, tried: &mut Tried) {
    for (name, when, [host, port, user, password, database]) in DATABASES {
        if world.get(when).is_none() {
            continue;
        }
        let value = |key: &str, default: &str| {
            let value = world.secret(key).map_err(|refusal| refusal.to_string())?;
            Ok::<_, String>(value.unwrap_or_else(|| default.to_owned()))
        };
        let login = || {
            let peer = format!("{}:{}", value(host, "")?, value(port, "5432")?);
            let (user, password) = (value(user, "postgres")?, value(password, "")?);
            let database = value(database, &user)?;
            Postgres {
                peer,
                user,
                password,
                database,
            }
            .login()
            .map_err(words)
        };
        tried.push((name, login()));
    }
    for key in [
        "PGVECTOR_CONNECTION_STRING",
        "PGVECTOR_DB_URL",
        "DATABASE_URL",
    ] {
        if let Some(url) = world.get(key) {
            let result = of_url(url).ok_or_else(|| format!("`{key}` is no connection string"));
            tried.push((
                "pgvector",
                result.and_then(|database| database.login().map_err(words)),
            ));
        }
    }
}

/// `postgresql://user:password@host:port/database?…`; passwords here need no escapes.
fn of_url(url: &str) -> Option<Postgres> {
    let rest = url
        .strip_prefix("postgresql://")
        .or_else(|| url.strip_prefix("postgres://"))?;
    let (credentials, place) = rest.rsplit_once('@')?;
    let (user, password) = credentials.split_once(':')?;
    let (peer, database) = place.split_once('/')?;
    let database = database.split('?').next()?.to_owned();
    let peer = if peer.contains(':') {
        peer.to_owned()
    } else {
        format!("{peer}:5432")
    };
    Some(Postgres {
        peer,
        user: user.to_owned(),
        password: password.to_owned(),
        database,
    })
}

fn vectors(world: &World, tried: &mut Tried) {
    let first = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| world.get(key))
            .map(|url| url.trim_end_matches('/').to_owned())
    };
    if let Some(url) = first(&["QDRANT_URL", "QDRANT_ENDPOINT", "QDRANT_URI"]) {
        let header = (
            "api-key",
            world.get("QDRANT_API_KEY").unwrap_or_default().to_owned(),
        );
        tried.push(("qdrant", get(&format!("{url}/collections"), header)));
    }
    let weaviate = first(&["WEAVIATE_ENDPOINT"]).or_else(|| {
        let host = world.get("WEAVIATE_HTTP_HOST")?;
        Some(format!(
            "http://{host}:{}",
            world.get("WEAVIATE_HTTP_PORT").unwrap_or("8080")
        ))
    });
    if let Some(url) = weaviate {
        tried.push((
            "weaviate",
            get(
                &format!("{url}/v1/schema"),
                bearer(world.get("WEAVIATE_API_KEY")),
            ),
        ));
    }
    let chroma = first(&["CHROMA_ENDPOINT"]).or_else(|| {
        let host = world
            .get("CHROMA_HTTP_HOST")
            .or_else(|| world.get("CHROMA_HOST"))?;
        let port = world
            .get("CHROMA_HTTP_PORT")
            .or_else(|| world.get("CHROMA_PORT"))
            .unwrap_or("8000");
        Some(format!("http://{host}:{port}"))
    });
    if let Some(url) = chroma {
        tried.push((
            "chroma",
            get(&format!("{url}/api/v2/heartbeat"), bearer(None)),
        ));
    }
}

fn models(world: &World, tried: &mut Tried) {
    for (url, key) in [
        ("LITE_LLM_BASE_PATH", "LITE_LLM_API_KEY"),
        ("OPENAI_API_BASE_URL", "OPENAI_API_KEY"),
    ] {
        if let Some(base) = world.get(url) {
            let base = base.trim_end_matches('/').trim_end_matches("/v1");
            tried.push((
                "litellm",
                get(&format!("{base}/v1/models"), bearer(world.get(key))),
            ));
        }
    }
    for key in ["OLLAMA_BASE_PATH", "OLLAMA_BASE_URL", "EMBEDDING_BASE_PATH"] {
        if let Some(base) = world.get(key) {
            tried.push((
                "ollama",
                get(
                    &format!("{}/api/tags", base.trim_end_matches('/')),
                    bearer(None),
                ),
            ));
        }
    }
}

fn bearer(key: Option<&str>) -> (&'static str, String) {
    (
        "Authorization",
        format!("Bearer {}", key.unwrap_or_default()),
    )
}

fn get(url: &str, (name, value): (&str, String)) -> Result<(), String> {
    let headers = if value.is_empty() || value == "Bearer " {
        Vec::new()
    } else {
        vec![(name.to_owned(), value)]
    };
    match (Ask {
        headers: &headers,
        ..Ask::get(url)
    })
    .send()
    {
        Ok(answer) if answer.status < 300 => Ok(()),
        Ok(answer) => Err(format!("status {} from `{url}`", answer.status)),
        Err(error) => Err(format!("{error}: `{url}`")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`")]
fn words(error: peers::PeerError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_neighbours_named_are_tried_and_no_secret_is_told() {
        let world = World::new(std::path::Path::new("/none"))
            .with("DB_HOST", "127.0.0.1")
            .with("DB_PORT", "1")
            .with("DB_PASSWORD", "a-secret")
            .with("REDIS_HOST", "127.0.0.1")
            .with("REDIS_PORT", "1")
            .with("REDIS_PASSWORD", "a-secret")
            .with("QDRANT_URL", "http://127.0.0.1:1")
            .with("QDRANT_API_KEY", "a-secret")
            .with("PGVECTOR_DB_URL", "postgresql://u:a-secret@127.0.0.1:1/d")
            .with("LITE_LLM_BASE_PATH", "http://127.0.0.1:1")
            .with("LITE_LLM_API_KEY", "a-secret");
        let response = answer(&world);
        assert_eq!(response.status, 503);
        let text = String::from_utf8(response.body).unwrap();
        assert!(!text.contains("a-secret"), "{text}");
        for peer in ["postgres", "redis", "qdrant", "pgvector", "litellm"] {
            assert!(text.contains(peer), "{peer} in {text}");
        }
    }

    #[test]
    fn a_connection_string_is_taken_apart() {
        let database = of_url("postgresql://u:p@h/d?sslmode=disable").unwrap();
        assert_eq!(
            (database.peer.as_str(), database.database.as_str()),
            ("h:5432", "d")
        );
        assert_eq!(
            (database.user.as_str(), database.password.as_str()),
            ("u", "p")
        );
        assert!(of_url("mysql://x").is_none());
    }

    #[test]
    fn nobody_named_is_good() {
        assert_eq!(
            answer(&World::new(std::path::Path::new("/none"))).status,
            200
        );
    }
}
