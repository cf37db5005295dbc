//! A server as its clients see it: list, make, find and drop what holds vectors, with a key.

use std::net::SocketAddr;
use std::time::Duration;

use aiplat_vectordb::StoreKind;
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_postgres::{Config, NoTls};

use super::super::Standing;
use crate::proof::prober::{Attempt, Got, Seen};
use crate::proof::{Member, Stack};

/// Milliseconds within which a store answers.
const ANSWER: u64 = 5000;
/// Sessions at once with one database server.
const AT_ONCE: usize = 12;
const CHROMA: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Qdrant,
    Weaviate,
    Chroma,
    Postgres,
    Redis,
}

impl Kind {
    pub(super) fn of_store(store: StoreKind) -> Self {
        match store {
            StoreKind::Qdrant => Self::Qdrant,
            StoreKind::Weaviate => Self::Weaviate,
            StoreKind::Chroma => Self::Chroma,
            StoreKind::Pgvector => Self::Postgres,
        }
    }

    pub(super) fn of_service(_stack: &Stack, member: &Member) -> Option<Self> {
        [
            Self::Qdrant,
            Self::Weaviate,
            Self::Chroma,
            Self::Postgres,
            Self::Redis,
        ]
        .into_iter()
        .find(|k| k.service() == member.service.as_str())
    }

    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Qdrant => "qdrant",
            Self::Weaviate => "weaviate",
            Self::Chroma => "chroma",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Qdrant => 6333,
            Self::Weaviate => 8080,
            Self::Chroma => 8000,
            Self::Postgres => 5432,
            Self::Redis => 6379,
        }
    }

    /// The secret that opens everything in it; none where it asks for none.
    pub(super) fn secret(self) -> Option<&'static str> {
        match self {
            Self::Qdrant => Some("qdrant_api_key"),
            Self::Weaviate => Some("weaviate_api_key"),
            Self::Chroma => None,
            Self::Postgres => Some("postgres_password"),
            Self::Redis => Some("redis_password"),
        }
    }
}

/// Whether a key opened a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Door {
    Opened(String),
    Refused(String),
    /// No answer that says either.
    Unclear(String),
}

/// One server of one stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) kind: Kind,
    pub(super) stack: &'a Stack,
    pub(super) member: &'a Member,
}

impl Server<'_> {
    /// Its address on its stack's network.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        Some((self.stack.own_address(self.member)?, self.kind.port()).into())
    }

    /// The key that its own stack has for it.
    pub(super) fn own_key(&self) -> Option<&str> {
        let secret = self.stack.config.secrets.get(self.kind.secret()?)?;
        Some(secret.expose_secret())
    }

    /// What asks it for something that only a key opens.
    pub(super) fn knock(&self, to: SocketAddr, key: Option<&str>, within: u64) -> Attempt {
        let send = match self.kind {
            Kind::Qdrant => self.http("GET", "/collections", key, None),
            Kind::Weaviate => self.http("GET", "/v1/schema", key, None),
            Kind::Chroma => self.http("GET", CHROMA, key, None),
            Kind::Redis => {
                let auth = key.map(|k| format!("AUTH \"{k}\"\r\n")).unwrap_or_default();
                format!("{auth}PING\r\nQUIT\r\n")
            }
            // enough to see that the server is reached
            Kind::Postgres => "\0".to_owned(),
        };
        Attempt::Exchange { to, send, within }
    }

    /// Tries several keys from inside its own network.
    pub(super) async fn try_keys(&self, standing: &Standing, keys: &[Option<&str>]) -> Vec<Door> {
        let Some(to) = self.address() else {
            return vec![Door::Unclear("it has no address".to_owned()); keys.len()];
        };
        if self.kind == Kind::Postgres {
            let mut doors = Vec::new();
            // a server that is asked by one client after another spends most of the time waiting
            for some in keys.chunks(AT_ONCE) {
                let asked = some
                    .iter()
                    .map(|key| postgres_door(to, key.unwrap_or_default()));
                doors.extend(join_all(asked).await);
            }
            return doors;
        }
        let attempts: Vec<Attempt> = keys
            .iter()
            .map(|key| self.knock(to, *key, ANSWER))
            .collect();
        match standing.attempt(self.member, &attempts).await {
            Err(words) => vec![Door::Unclear(words); keys.len()],
            Ok(seen) => seen.iter().map(|s| self.door(s)).collect(),
        }
    }

    fn door(&self, seen: &Seen) -> Door {
        if seen.got != Got::Through {
            return Door::Unclear(seen.text.clone());
        }
        if self.kind == Kind::Redis {
            let opened = seen.text.contains("+PONG");
            let said = seen.text.contains("NOAUTH") || seen.text.contains("WRONGPASS");
            return match (opened, said) {
                (true, _) => Door::Opened("PONG".to_owned()),
                (_, true) => Door::Refused("NOAUTH or WRONGPASS".to_owned()),
                _ => Door::Unclear("no answer".to_owned()),
            };
        }
        match status(&seen.text) {
            Some(code @ (401 | 403)) => Door::Refused(code.to_string()),
            Some(code @ 200..300) => Door::Opened(code.to_string()),
            other => Door::Unclear(format!("status {other:?}")),
        }
    }

    /// Sends one request with its own key from inside its own network.
    async fn ask(
        &self,
        standing: &Standing,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, String), String> {
        let to = self.address().ok_or("it has no address")?;
        let send = self.http(method, path, self.own_key(), body.as_ref());
        let attempt = Attempt::Exchange {
            to,
            send,
            within: ANSWER,
        };
        let seen = standing.attempt(self.member, &[attempt]).await?;
        let text = seen.first().map(|s| s.text.clone()).unwrap_or_default();
        let code = status(&text).ok_or_else(|| format!("no answer to {method} {path}: {text}"))?;
        let body = text
            .split_once("\r\n\r\n")
            .map(|(_, b)| b.to_owned())
            .unwrap_or_default();
        Ok((code, body))
    }

    fn http(&self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> String {
        let key = key.map(|k| match self.kind {
            Kind::Qdrant => format!("api-key: {k}\r\n"),
            _ => format!("Authorization: Bearer {k}\r\n"),
        });
        let body = body.map(Value::to_string).unwrap_or_default();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: store\r\nConnection: close\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            key.unwrap_or_default(),
            body.len()
        )
    }

    /// The names of everything that holds vectors there.
    pub(super) async fn names(&self, standing: &Standing) -> Result<Vec<String>, String> {
        if self.kind == Kind::Postgres {
            let rows = self.sql("SELECT nspname::text FROM pg_namespace").await?;
            return Ok(rows);
        }
        let path = match self.kind {
            Kind::Qdrant => "/collections",
            Kind::Weaviate => "/v1/schema",
            _ => CHROMA,
        };
        let (code, body) = self.ask(standing, "GET", path, None).await?;
        if code != 200 {
            return Err(format!("status {code}"));
        }
        let body = json_of(&body).ok_or("an answer that is no JSON")?;
        let (list, key) = match self.kind {
            Kind::Qdrant => (&body["result"]["collections"], "name"),
            Kind::Weaviate => (&body["classes"], "class"),
            _ => (&body, "name"),
        };
        let list = list.as_array().cloned().unwrap_or_default();
        Ok(list
            .iter()
            .filter_map(|c| c[key].as_str().map(str::to_owned))
            .collect())
    }

    /// Makes a canary: a collection of that name with one vector, whose words are `words`.
    pub(super) async fn plant(
        &self,
        standing: &Standing,
        name: &str,
        words: &str,
    ) -> Result<(), String> {
        let vector = json!([0.1, 0.2, 0.3, 0.4]);
        let good = |step: &str, (code, _): (u16, String)| {
            if (200..300).contains(&code) {
                Ok(())
            } else {
                Err(format!("{step}: status {code}"))
            }
        };
        match self.kind {
            Kind::Qdrant => {
                let made = json!({"vectors": {"size": 4, "distance": "Cosine"}});
                let path = format!("/collections/{name}");
                good(
                    "make it",
                    self.ask(standing, "PUT", &path, Some(made)).await?,
                )?;
                let point =
                    json!({"points": [{"id": 1, "vector": vector, "payload": {"words": words}}]});
                let path = format!("{path}/points?wait=true");
                good(
                    "fill it",
                    self.ask(standing, "PUT", &path, Some(point)).await?,
                )
            }
            Kind::Weaviate => {
                let class = json!({"class": name, "vectorizer": "none",
                    "properties": [{"name": "words", "dataType": ["text"]}]});
                good(
                    "make it",
                    self.ask(standing, "POST", "/v1/schema", Some(class))
                        .await?,
                )?;
                let object =
                    json!({"class": name, "properties": {"words": words}, "vector": vector});
                good(
                    "fill it",
                    self.ask(standing, "POST", "/v1/objects", Some(object))
                        .await?,
                )
            }
            Kind::Chroma => {
                let (code, body) = self
                    .ask(standing, "POST", CHROMA, Some(json!({"name": name})))
                    .await?;
                let id = json_of(&body).and_then(|b| b["id"].as_str().map(str::to_owned));
                let id = id.ok_or_else(|| format!("make it: status {code}"))?;
                let entry = json!({"ids": ["1"], "embeddings": [vector], "documents": [words]});
                good(
                    "fill it",
                    self.ask(standing, "POST", &format!("{CHROMA}/{id}/add"), Some(entry))
                        .await?,
                )
            }
            Kind::Postgres => {
                self.sql(&format!("CREATE SCHEMA {name}")).await?;
                let table = format!(
                    "CREATE TABLE {name}.canary AS SELECT '{words}'::text AS words, ARRAY[0.1,0.2,0.3,0.4] AS place"
                );
                self.sql(&table).await.map(drop)
            }
            Kind::Redis => Ok(()),
        }
    }

    /// Looks for the canary by name and by a search; answers what was found of it.
    pub(super) async fn find(
        &self,
        standing: &Standing,
        name: &str,
        words: &str,
    ) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        if self
            .names(standing)
            .await?
            .iter()
            .any(|n| n.eq_ignore_ascii_case(name))
        {
            found.push("it is in the list".to_owned());
        }
        let vector = json!([0.1, 0.2, 0.3, 0.4]);
        let asked = match self.kind {
            Kind::Qdrant => vec![
                ("GET", format!("/collections/{name}"), None),
                (
                    "POST",
                    format!("/collections/{name}/points/search"),
                    Some(json!({"vector": vector, "limit": 3, "with_payload": true})),
                ),
            ],
            Kind::Weaviate => vec![
                ("GET", format!("/v1/schema/{name}"), None),
                (
                    "POST",
                    "/v1/graphql".to_owned(),
                    Some(json!({"query": format!("{{Get{{{name}{{words}}}}}}")})),
                ),
            ],
            Kind::Chroma => vec![("GET", format!("{CHROMA}/{name}"), None)],
            Kind::Postgres => {
                if self
                    .sql(&format!("SELECT words FROM {name}.canary"))
                    .await
                    .is_ok()
                {
                    found.push("its table can be read".to_owned());
                }
                Vec::new()
            }
            Kind::Redis => Vec::new(),
        };
        for (method, path, body) in asked {
            let by_name = method == "GET";
            let (code, text) = self.ask(standing, method, &path, body).await?;
            if by_name && code == 200 && text.contains(name) || text.contains(words) {
                found.push(format!("{method} {path} finds it"));
            }
        }
        Ok(found)
    }

    /// Removes a canary.
    pub(super) async fn drop_canary(&self, standing: &Standing, name: &str) -> Result<(), String> {
        let path = match self.kind {
            Kind::Qdrant => format!("/collections/{name}"),
            Kind::Weaviate => format!("/v1/schema/{name}"),
            Kind::Chroma => format!("{CHROMA}/{name}"),
            Kind::Postgres => {
                return self
                    .sql(&format!("DROP SCHEMA IF EXISTS {name} CASCADE"))
                    .await
                    .map(drop);
            }
            Kind::Redis => return Ok(()),
        };
        let (code, _) = self.ask(standing, "DELETE", &path, None).await?;
        if (200..300).contains(&code) {
            Ok(())
        } else {
            Err(format!("status {code}"))
        }
    }

    /// Runs one statement as the superuser; the first column of its rows.
    async fn sql(&self, statement: &str) -> Result<Vec<String>, String> {
        let to = self.address().ok_or("it has no address")?;
        let key = self.own_key().ok_or("its password is not known")?;
        let (client, connection) = config(to, key)
            .connect(NoTls)
            .await
            .map_err(|e| format!("no session: {}", code_of(&e)))?;
        let driver = tokio::spawn(connection);
        let rows = client
            .simple_query(statement)
            .await
            .map_err(|e| code_of(&e));
        drop(client);
        driver.abort();
        Ok(rows?
            .iter()
            .filter_map(|m| match m {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect())
    }
}

fn config(to: SocketAddr, password: &str) -> Config {
    let mut config = Config::new();
    config
        .host(to.ip().to_string())
        .port(to.port())
        .user("postgres")
        .dbname("postgres")
        .password(password)
        .connect_timeout(Duration::from_millis(ANSWER));
    config
}

/// The server's own code, never its words: those may repeat what was sent.
fn code_of(error: &tokio_postgres::Error) -> String {
    error
        .code()
        .map_or_else(|| "no answer".to_owned(), |c| c.code().to_owned())
}

async fn postgres_door(to: SocketAddr, key: &str) -> Door {
    match config(to, key).connect(NoTls).await {
        Ok(_) => Door::Opened("a session".to_owned()),
        Err(error) => match error.code().map(tokio_postgres::error::SqlState::code) {
            Some(code) if code.starts_with("28") => Door::Refused(code.to_owned()),
            // the client itself refuses to send an empty password
            None if key.is_empty() && error.to_string().contains("password") => {
                Door::Refused("a password is asked for".to_owned())
            }
            _ => Door::Unclear(code_of(&error)),
        },
    }
}

fn status(answer: &str) -> Option<u16> {
    answer
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()
}

/// The JSON of a body, its chunks' lengths left out.
fn json_of(body: &str) -> Option<Value> {
    serde_json::from_str(body).ok().or_else(|| {
        let joined: String = body
            .split("\r\n")
            .enumerate()
            .filter(|(number, _)| number % 2 == 1)
            .map(|(_, part)| part)
            .collect();
        serde_json::from_str(&joined).ok()
    })
}
