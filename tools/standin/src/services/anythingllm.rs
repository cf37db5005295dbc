//! `AnythingLLM` 1.16: the storage folder, the login password.

use std::sync::Arc;

use serde_json::json;

use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::wiring;
use crate::world::{Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "anythingllm",
    image: &[
        "EXPOSE 3001",
        "WORKDIR /app",
        "ENV STORAGE_DIR=/app/server/storage",
    ],
    open,
};

fn open(world: &World) -> Result<Opened, Refusal> {
    let storage = world.get("STORAGE_DIR").unwrap_or("/app/server/storage");
    let folder = world.writable(storage)?;
    std::fs::write(folder.join("anythingllm.db"), "stand-in\n")
        .map_err(|error| Refusal::new(format!("unable to open database file: {error}")))?;
    let ready = world.ready_after(300);
    // both are needed, else the real one lets everybody in
    let password = world
        .get("AUTH_TOKEN")
        .filter(|_| world.is_set("JWT_SECRET"))
        .map(str::to_owned);
    let world_of = world.clone();
    let token = super::session(world.get("JWT_SECRET").unwrap_or_default());
    let answer = move |request: &Request| {
        let path = request.path.as_str();
        match (request.method.as_str(), path) {
            ("GET", "/api/ping") if ready.is_ready() => {
                Response::json(200, &json!({"online": true}))
            }
            ("GET", "/api/ping") => Response::empty(503),
            ("GET", wiring::PATH) => wiring::answer(&world_of),
            ("POST", "/api/request-token") => match &password {
                Some(password) if request.json()["password"] == password.as_str() => {
                    Response::json(
                        200,
                        &json!({"valid": true, "token": token, "message": null}),
                    )
                }
                Some(_) => {
                    let words = "[003] Invalid password provided";
                    Response::json(
                        401,
                        &json!({"valid": false, "token": null, "message": words}),
                    )
                }
                None => Response::json(200, &json!({"valid": true, "token": null})),
            },
            ("GET", "/") => Response::page(
                "AnythingLLM",
                &["POST /api/request-token checks AUTH_TOKEN."],
            ),
            _ if path.starts_with("/api/") => {
                if password.is_some() && request.bearer() != Some(&token) {
                    Response::json(401, &json!({"error": "No auth token found."}))
                } else {
                    Response::json(200, &json!({"stand_in": true}))
                }
            }
            _ => Response::not_found(),
        }
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("SERVER_PORT", 3001),
        Arc::new(answer),
    )]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_asked_for_only_when_both_secrets_are_set() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("AUTH_TOKEN", "pw")
            .with("STANDIN_READY_AFTER_MS", "0");
        let ask = |world: &World, password: &str| {
            let request = Request::new("POST", "/api/request-token")
                .with_json(&json!({"password": password}));
            open(world).unwrap().listeners[0]
                .service
                .answer(&request)
                .status
        };
        assert_eq!(ask(&world, "wrong"), 200);
        let closed = world.with("JWT_SECRET", "j");
        assert_eq!(ask(&closed, "wrong"), 401);
        assert_eq!(ask(&closed, "pw"), 200);
        assert!(
            dir.path()
                .join("app/server/storage/anythingllm.db")
                .exists()
        );
    }
}
