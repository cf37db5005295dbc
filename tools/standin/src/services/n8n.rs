//! n8n 2.40: live long before ready, needs a home, keeps its encryption key, logs in to its
//! database.

use std::sync::Arc;

use serde_json::json;

use super::Row;
use crate::http::{Request, Response};
use crate::peers::{PeerError, Postgres};
use crate::serve::{Listener, Opened};
use crate::wiring;
use crate::world::{Ready, Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "n8n",
    image: &[
        "EXPOSE 5678",
        "USER 1000:1000",
        "WORKDIR /home/node",
        "ENV NODE_ENV=production",
    ],
    open,
};

fn open(world: &World) -> Result<Opened, Refusal> {
    let home = match world.get("N8N_USER_FOLDER") {
        Some(folder) => folder,
        None => world.home()?,
    };
    let folder = world
        .writable(&format!("{}/.n8n", home.trim_end_matches('/')))
        .map_err(|refusal| {
            Refusal::new(format!(
                "Error: EACCES: permission denied, mkdir '{home}/.n8n' ({refusal})"
            ))
        })?;
    keep_key(world, &folder.join("config"))?;
    let database = database(world)?;
    let (ready, metrics) = (world.ready_after(1500), world.flag("N8N_METRICS"));
    let world_of = world.clone();
    let owner = (
        world.get("N8N_INSTANCE_OWNER_EMAIL").map(str::to_owned),
        world.secret("N8N_INSTANCE_OWNER_PASSWORD_HASH")?,
    );
    let answer = move |request: &Request| {
        if request.path == wiring::PATH {
            return wiring::answer(&world_of);
        }
        if (request.method.as_str(), request.path.as_str()) == ("POST", "/rest/login") {
            return login(owner.0.as_deref(), owner.1.as_deref(), request);
        }
        answer(ready, metrics, database.as_ref(), request)
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("N8N_PORT", 5678),
        Arc::new(answer),
    )]))
}

/// The first start writes the key down; a later one with another key is refused.
fn keep_key(world: &World, file: &std::path::Path) -> Result<(), Refusal> {
    let given = world.secret("N8N_ENCRYPTION_KEY")?;
    let Ok(bytes) = std::fs::read(file) else {
        let key = given.unwrap_or_else(|| "made-by-the-stand-in".to_owned());
        return std::fs::write(file, json!({"encryptionKey": key}).to_string()).map_err(|error| {
            Refusal::new(format!("EACCES: cannot write the config file: {error}"))
        });
    };
    let kept: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    match given {
        Some(given) if kept["encryptionKey"] != given.as_str() => Err(Refusal::new(
            "Error: Mismatching encryption keys. The encryption key in the settings file does not match the N8N_ENCRYPTION_KEY env var.",
        )),
        _ => Ok(()),
    }
}

fn database(world: &World) -> Result<Option<Postgres>, Refusal> {
    if world.get("DB_TYPE") != Some("postgresdb") {
        return Ok(None);
    }
    let get = |key: &str, default: &str| -> Result<String, Refusal> {
        Ok(world
            .secret(&format!("DB_POSTGRESDB_{key}"))?
            .unwrap_or_else(|| default.to_owned()))
    };
    Ok(Some(Postgres {
        peer: format!("{}:{}", get("HOST", "localhost")?, get("PORT", "5432")?),
        user: get("USER", "postgres")?,
        password: get("PASSWORD", "")?,
        database: get("DATABASE", "n8n")?,
    }))
}

/// The owner of the environment logs in with the password that its hash is of.
fn login(email: Option<&str>, hash: Option<&str>, request: &Request) -> Response {
    let body = request.json();
    let known = body["emailOrLdapLoginId"].as_str() == email && email.is_some();
    let (password, hash) = (body["password"].as_str(), hash.unwrap_or_default());
    let fits = password.is_some_and(|p| bcrypt::verify(p, hash).unwrap_or(false));
    if known && fits {
        return Response::json(200, &json!({"data": {"email": email}}));
    }
    let words = "Wrong username or password. Do you have caps lock on?";
    Response::json(401, &json!({"code": 401, "message": words}))
}

fn answer(ready: Ready, metrics: bool, database: Option<&Postgres>, request: &Request) -> Response {
    let login = || database.map_or(Ok::<(), PeerError>(()), Postgres::login);
    match request.path.as_str() {
        "/healthz" => Response::json(200, &json!({"status": "ok"})),
        "/healthz/readiness" if !ready.is_ready() => {
            Response::json(503, &json!({"status": "error"}))
        }
        "/healthz/readiness" => match login() {
            Ok(()) => Response::json(200, &json!({"status": "ok"})),
            Err(error) => Response::json(
                503,
                &json!({"status": "error", "stand_in": error.to_string()}),
            ),
        },
        "/metrics" if metrics => Response::metrics("n8n", ""),
        path if path.starts_with("/rest/") => {
            Response::json(401, &json!({"status": "error", "message": "Unauthorized"}))
        }
        // the real one answers every unknown path with its page
        _ => Response::page(
            "n8n",
            &["/healthz/readiness is good once its database takes its credentials."],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_is_not_ready() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("HOME", "/home/node")
            .with("STANDIN_READY_AFTER_MS", "60000");
        let opened = open(&world).unwrap();
        let status = |path| {
            opened.listeners[0]
                .service
                .answer(&Request::get(path))
                .status
        };
        assert_eq!(
            (status("/healthz"), status("/healthz/readiness")),
            (200, 503)
        );
    }

    #[test]
    fn a_database_that_is_not_there_keeps_it_from_being_ready() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("HOME", "/home/node")
            .with("STANDIN_READY_AFTER_MS", "0")
            .with("DB_TYPE", "postgresdb")
            .with("DB_POSTGRESDB_HOST", "127.0.0.1")
            .with("DB_POSTGRESDB_PORT", "1");
        let opened = open(&world).unwrap();
        assert_eq!(
            opened.listeners[0]
                .service
                .answer(&Request::get("/healthz/readiness"))
                .status,
            503
        );
    }

    #[test]
    fn another_encryption_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("HOME", "/h")
            .with("N8N_ENCRYPTION_KEY", "one");
        assert!(open(&world).is_ok());
        assert!(open(&world).is_ok());
        let other = world.with("N8N_ENCRYPTION_KEY", "two");
        assert!(
            open(&other)
                .err()
                .unwrap()
                .to_string()
                .contains("Mismatching encryption keys")
        );
    }

    #[test]
    fn the_owner_of_the_environment_logs_in() {
        let dir = tempfile::tempdir().unwrap();
        let hash = bcrypt::hash_with_salt("right", 4, [7; 16])
            .unwrap()
            .to_string();
        let world = World::new(dir.path())
            .with("HOME", "/h")
            .with("N8N_INSTANCE_OWNER_EMAIL", "admin@here")
            .with("N8N_INSTANCE_OWNER_PASSWORD_HASH", &hash);
        let opened = open(&world).unwrap();
        let status = |email: &str, password: &str| {
            let body = json!({"emailOrLdapLoginId": email, "password": password});
            let request = Request::new("POST", "/rest/login").with_json(&body);
            opened.listeners[0].service.answer(&request).status
        };
        assert_eq!(status("admin@here", "right"), 200);
        assert_eq!(status("admin@here", "wrong"), 401);
        assert_eq!(status("other@here", "right"), 401);
    }

    #[test]
    fn no_home_no_start() {
        let dir = tempfile::tempdir().unwrap();
        assert!(open(&World::new(dir.path())).is_err());
    }
}
