//! Flowise 3.1: needs `SHELL` or a passwd line, its folders, and closes itself to all but the first
//! who registers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::store::Store;
use crate::wiring;
use crate::world::{Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "flowise",
    image: &["EXPOSE 3000"],
    open,
};

fn open(world: &World) -> Result<Opened, Refusal> {
    if world.get("SHELL").is_none() && !world.has_passwd_line() {
        return Err(Refusal::new(
            "SystemError: uv_os_get_passwd returned ENOENT (no such file or directory)",
        ));
    }
    let home = world.home()?;
    let below_home = format!("{home}/.flowise");
    world.writable(&below_home)?;
    let folder = world.writable(world.get("DATABASE_PATH").unwrap_or(&below_home))?;
    // the default lies in the package's own folder, which only root may write
    let logs = world
        .get("LOG_PATH")
        .unwrap_or("/usr/local/lib/node_modules/flowise/logs");
    if world.get("LOG_PATH").is_none() && world.uid() != 0 {
        return Err(Refusal::new(format!(
            "Error: ENOENT: no such file or directory, mkdir '{logs}'"
        )));
    }
    world.writable(logs)?;
    let store = Store::open(
        &folder.join("stand-in.json"),
        json!({"account": null, "keys": [], "credentials": []}),
    )
    .map_err(|error| Refusal::new(format!("cannot keep state: {error}")))?;
    let ready = world.ready_after(400);
    let world_of = world.clone();
    let cookie = format!(
        "token={}",
        super::session(world.get("JWT_AUTH_TOKEN_SECRET").unwrap_or("none"))
    );
    let metrics = world.flag("ENABLE_METRICS");
    let answer = move |request: &Request| {
        if !ready.is_ready() {
            return Response::empty(503);
        }
        if request.path == wiring::PATH {
            return wiring::answer(&world_of);
        }
        answer(&store, metrics, &cookie, request)
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("PORT", 3000),
        Arc::new(answer),
    )]))
}

fn answer(store: &Store, metrics: bool, cookie: &str, request: &Request) -> Response {
    let body = request.json();
    let knows_key = || {
        let keys = store.read(|state| state["keys"].clone());
        request.bearer().is_some_and(|key| {
            keys.as_array()
                .is_some_and(|keys| keys.iter().any(|known| known == key))
        })
    };
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/v1/ping") => Response::text(200, "pong"),
        ("POST", "/api/v1/account/register") => {
            let user = &body["user"];
            if store.read(|state| !state["account"].is_null()) {
                return Response::json(
                    400,
                    &json!({"message": "You can only have one organization"}),
                );
            }
            if !acceptable(user["credential"].as_str().unwrap_or_default()) {
                return Response::json(400, &json!({"message": "Invalid password"}));
            }
            let saved = store.change(|state| state["account"] = user.clone());
            saved.map_or_else(
                |error| failed(&error),
                |()| Response::json(201, &json!({"user": {"email": user["email"]}})),
            )
        }
        ("POST", "/api/v1/auth/login") => {
            let account = store.read(|state| state["account"].clone());
            let good = !account.is_null()
                && account["email"] == body["email"]
                && account["credential"] == body["password"];
            if good {
                Response::json(200, &json!({"email": body["email"]}))
                    .with_header("set-cookie", &format!("{cookie}; Path=/; HttpOnly"))
            } else {
                Response::json(401, &json!({"message": "Incorrect email or password"}))
            }
        }
        ("POST", "/api/v1/apikey") => {
            let logged_in = request
                .header("cookie")
                .is_some_and(|cookies| cookies.contains(cookie));
            if !logged_in || request.header("x-request-from") != Some("internal") {
                return Response::json(401, &json!({"error": "Unauthorized Access"}));
            }
            let saved = store.change(|state| {
                let keys = state["keys"].as_array_mut();
                keys.map(|keys| {
                    let key = format!("stand-in-key-{}", keys.len() + 1);
                    keys.push(json!(key));
                    key
                })
            });
            saved.map_or_else(
                |error| failed(&error),
                |key| Response::json(200, &json!([{"apiKey": key, "keyName": body["keyName"]}])),
            )
        }
        ("GET", "/api/v1/metrics") if metrics && knows_key() => Response::metrics("flowise", ""),
        ("POST", "/api/v1/credentials") if knows_key() => {
            let entry = json!({"name": body["name"], "credentialName": body["credentialName"]});
            let saved = store.change(|state| {
                state["credentials"]
                    .as_array_mut()
                    .map(|all| all.push(entry.clone()))
            });
            saved.map_or_else(|error| failed(&error), |_| Response::json(200, &entry))
        }
        ("GET", "/api/v1/credentials") if knows_key() => {
            Response::json(200, &store.read(|state| state["credentials"].clone()))
        }
        (_, path) if path.starts_with("/api/v1/") => {
            Response::json(401, &json!({"error": "Unauthorized Access"}))
        }
        ("GET", "/") => Response::page(
            "Flowise",
            &["Registering, logging in, API keys and credentials are kept and checked."],
        ),
        _ => Response::not_found(),
    }
}

/// The real one's rule: 8 to 128 characters, lower, upper, digit, special.
fn acceptable(password: &str) -> bool {
    let any = |test: fn(&char) -> bool| password.chars().any(|letter| test(&letter));
    (8..=128).contains(&password.len())
        && any(char::is_ascii_lowercase)
        && any(char::is_ascii_uppercase)
        && any(char::is_ascii_digit)
        && any(|letter| !letter.is_ascii_alphanumeric())
}

fn failed(error: &std::io::Error) -> Response {
    Response::json(500, &Value::String(format!("cannot keep state: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_dies_as_the_real_one_does() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("HOME", "/data")
            .with("LOG_PATH", "/data/logs");
        assert!(
            open(&world)
                .err()
                .unwrap()
                .to_string()
                .contains("uv_os_get_passwd")
        );
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        std::fs::write(
            dir.path().join("etc/passwd"),
            "svc:x:1000:1000::/data:/bin/sh\n",
        )
        .unwrap();
        assert!(open(&world).is_ok());
        let no_logs = World::new(dir.path())
            .with("HOME", "/data")
            .with("SHELL", "/bin/sh");
        assert!(open(&no_logs).err().unwrap().to_string().contains("mkdir"));
    }

    #[test]
    fn only_the_first_registers_and_keys_open() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("HOME", "/data")
            .with("SHELL", "/bin/sh")
            .with("LOG_PATH", "/data/logs")
            .with("STANDIN_READY_AFTER_MS", "0");
        let opened = open(&world).unwrap();
        let service = &opened.listeners[0].service;
        let register = |credential: &str| {
            Request::new("POST", "/api/v1/account/register")
                .with_json(&json!({"user": {"email": "a@b", "credential": credential}}))
        };
        assert_eq!(service.answer(&register("weak")).status, 400);
        assert_eq!(service.answer(&register("Str0ng-one")).status, 201);
        assert_eq!(service.answer(&register("Str0ng-two")).status, 400);
        let login = Request::new("POST", "/api/v1/auth/login")
            .with_json(&json!({"email": "a@b", "password": "Str0ng-one"}));
        let cookie = service.answer(&login).headers.pop().unwrap().1;
        let key = Request::new("POST", "/api/v1/apikey")
            .header_set("cookie", &cookie)
            .header_set("x-request-from", "internal")
            .with_json(&json!({"keyName": "k"}));
        let key = service.answer(&key).body_json()[0]["apiKey"]
            .as_str()
            .unwrap()
            .to_owned();
        let list = Request::get("/api/v1/credentials");
        assert_eq!(service.answer(&list).status, 401);
        let list = list.header_set("authorization", &format!("Bearer {key}"));
        assert_eq!(service.answer(&list).status, 200);
    }
}
