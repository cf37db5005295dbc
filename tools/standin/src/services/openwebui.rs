//! Open `WebUI` 0.12: `/health` soon, `/ready` later; no start without its secret key.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Row;
use crate::client::Ask;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::wiring;
use crate::world::{Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "openwebui",
    image: &["EXPOSE 8080", "WORKDIR /app/backend", "ENV HOME=/root"],
    open,
};

/// Hands a question to the gateway that the environment names, with its key.
fn ask(world: &World, body: &[u8]) -> Response {
    let (Some(base), key) = (
        world.get("OPENAI_API_BASE_URL"),
        world.get("OPENAI_API_KEY"),
    ) else {
        return Response::json(400, &json!({"detail": "no gateway is set"}));
    };
    let headers = [
        ("Content-Type".to_owned(), "application/json".to_owned()),
        (
            "Authorization".to_owned(),
            format!("Bearer {}", key.unwrap_or_default()),
        ),
    ];
    let url = format!("{}/chat/completions", base.trim_end_matches('/'));
    let timeout = Duration::from_secs(300);
    match (Ask {
        method: "POST",
        headers: &headers,
        body,
        timeout,
        ..Ask::get(&url)
    })
    .send()
    {
        Ok(answer) => Response::new(answer.status, &answer.content_type, answer.body),
        Err(error) => Response::json(502, &json!({"detail": format!("the gateway: {error}")})),
    }
}

fn open(world: &World) -> Result<Opened, Refusal> {
    if world.secret("WEBUI_SECRET_KEY")?.is_none() {
        // start.sh makes one, in a folder that only root may write
        if world.uid() != 0 {
            return Err(Refusal::new(
                "start.sh: line 16: .webui_secret_key: Permission denied",
            ));
        }
    }
    let folder = world.writable(world.get("DATA_DIR").unwrap_or("/app/backend/data"))?;
    std::fs::write(folder.join("webui.db"), "stand-in\n")
        .map_err(|error| Refusal::new(format!("unable to open database file: {error}")))?;
    let (ready, world_of) = (world.ready_after(800), world.clone());
    let session = super::session(&world.secret("WEBUI_SECRET_KEY")?.unwrap_or_default());
    let admin = (
        world.get("WEBUI_ADMIN_EMAIL").map(str::to_owned),
        world.secret("WEBUI_ADMIN_PASSWORD")?,
    );
    let answer = move |request: &Request| match (request.method.as_str(), request.path.as_str()) {
        (_, "/health") => Response::json(200, &json!({"status": true})),
        (_, "/ready" | "/health/db") if ready.is_ready() => {
            Response::json(200, &json!({"status": true}))
        }
        (_, "/ready" | "/health/db") => Response::json(503, &json!({"status": false})),
        (_, "/api/version") => Response::json(200, &json!({"version": "0.12.4"})),
        ("GET", wiring::PATH) => wiring::answer(&world_of),
        // the one piece of real work: a question goes on to the gateway, signed in or with its key
        ("POST", "/api/chat/completions") if request.bearer() == Some(&session) => {
            ask(&world_of, &request.body)
        }
        ("POST", "/api/chat/completions") => {
            Response::json(401, &json!({"detail": "Not authenticated"}))
        }
        ("POST", "/api/v1/auths/signin") => {
            let body = request.json();
            let good = matches!(&admin, (Some(email), Some(password))
                if body["email"] == email.as_str() && body["password"] == password.as_str());
            if good {
                Response::json(200, &json!({"token": session, "role": "admin"}))
            } else {
                Response::json(
                    400,
                    &json!({"detail": "The email or password provided is incorrect."}),
                )
            }
        }
        (_, path) if path.starts_with("/api/v1/") => {
            Response::json(401, &json!({"detail": "Not authenticated"}))
        }
        // the real one answers every unknown path with its page
        _ => Response::page("Open WebUI", &[]),
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("PORT", 8080),
        Arc::new(answer),
    )]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_key_no_start() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path());
        assert!(open(&world).is_err());
        let opened = open(
            &world
                .with("WEBUI_SECRET_KEY", "k")
                .with("STANDIN_READY_AFTER_MS", "60000"),
        )
        .unwrap();
        let status = |path| {
            opened.listeners[0]
                .service
                .answer(&Request::get(path))
                .status
        };
        assert_eq!(
            (status("/health"), status("/ready"), status("/metrics")),
            (200, 503, 200)
        );
    }
}
