//! `OpenClaw` 2026.9: needs a home and a configuration that says `local`, asks for its token.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::world::{Refusal, World};
use crate::yaml;

/// The row.
pub const ROW: Row = Row {
    name: "openclaw",
    image: &[
        "EXPOSE 18789",
        "USER 1000",
        "WORKDIR /app",
        r#"CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]"#,
    ],
    open,
};

fn open(world: &World) -> Result<Opened, Refusal> {
    let home = match world.get("OPENCLAW_HOME") {
        Some(home) => home,
        None => world.home()?,
    };
    let folder = world.get("OPENCLAW_STATE_DIR").map_or_else(
        || format!("{}/.openclaw", home.trim_end_matches('/')),
        str::to_owned,
    );
    world
        .writable(&format!("{folder}/state"))
        .map_err(|refusal| {
            Refusal::new(format!(
                "EACCES: permission denied, mkdir '{folder}/state' ({refusal})"
            ))
        })?;
    let file = world
        .get("OPENCLAW_CONFIG_PATH")
        .map_or_else(|| format!("{folder}/openclaw.json"), str::to_owned);
    // the real one reads JSON5; YAML takes comments, bare keys and the last comma as well
    let config =
        std::fs::read_to_string(world.path(&file)).map_or(Value::Null, |text| yaml::parse(&text));
    let gateway = &config["gateway"];
    let unconfigured = world.args().iter().any(|arg| arg == "--allow-unconfigured");
    if gateway["mode"] != "local" && !unconfigured {
        return Err(Refusal::new(
            "Gateway start blocked: set gateway.mode=local (current: unset) or pass --allow-unconfigured.",
        ));
    }
    let token = match gateway["auth"]["token"].as_str() {
        Some(token) if token.starts_with("${") => world
            .get(token.trim_start_matches("${").trim_end_matches('}'))
            .map(str::to_owned),
        Some(token) => Some(token.to_owned()),
        None => world.get("OPENCLAW_GATEWAY_TOKEN").map(str::to_owned),
    };
    let bind = world
        .option("--bind")
        .or_else(|| gateway["bind"].as_str())
        .unwrap_or("loopback");
    if bind != "loopback" && token.is_none() {
        return Err(Refusal::new(format!(
            "refusing to bind gateway to {bind} without auth; set a token"
        )));
    }
    let port = world
        .option("--port")
        .and_then(|port| port.parse().ok())
        .or_else(|| u16::try_from(gateway["port"].as_u64()?).ok())
        .unwrap_or_else(|| world.port("OPENCLAW_GATEWAY_PORT", 18789));
    let host = if bind == "loopback" {
        "127.0.0.1"
    } else {
        "0.0.0.0"
    };
    let base = gateway["controlUi"]["basePath"]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches('/')
        .to_owned();
    let ready = world.ready_after(1000);
    let models = config["models"]["providers"].clone();
    let answer = move |request: &Request| match request.path.as_str() {
        "/healthz" => Response::json(200, &json!({"ok": true, "status": "live"})),
        "/startupz" if ready.is_ready() => {
            Response::json(200, &json!({"ok": true, "status": "started"}))
        }
        "/readyz" if ready.is_ready() => Response::json(200, &json!({"ready": true})),
        "/startupz" | "/readyz" => Response::json(503, &json!({"ready": false})),
        path if path.starts_with("/v1/")
            || path.starts_with("/api/")
            || path == "/tools/invoke" =>
        {
            let given = request
                .bearer()
                .or_else(|| request.header("x-openclaw-token"));
            if token.is_some() && given != token.as_deref() {
                return Response::json(
                    401,
                    &json!({"error": {"message": "Unauthorized", "type": "unauthorized"}}),
                );
            }
            let names: Vec<&String> = models
                .as_object()
                .map(|all| all.keys().collect())
                .unwrap_or_default();
            Response::json(
                200,
                &json!({"object": "list", "data": [], "providers": names, "stand_in": true}),
            )
        }
        "/" if !base.is_empty() => Response::not_found(),
        path if path.starts_with(&base) => {
            Response::page("OpenClaw", &["/v1/models wants the gateway's token."])
        }
        _ => Response::not_found(),
    };
    Ok(Opened::listening(vec![Listener::at(
        &format!("{host}:{port}"),
        Arc::new(answer),
    )]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_for_a_home_a_mode_and_a_token() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path()).with_args(&["gateway", "--bind", "lan"]);
        assert!(open(&world).is_err(), "no home");
        let world = world.with("HOME", "/home/node");
        assert!(
            open(&world)
                .err()
                .unwrap()
                .to_string()
                .contains("gateway.mode=local")
        );
        std::fs::write(
            dir.path().join("home/node/.openclaw/openclaw.json"),
            r#"{"gateway":{"mode":"local"}}"#,
        )
        .unwrap();
        assert!(
            open(&world)
                .err()
                .unwrap()
                .to_string()
                .contains("without auth")
        );
        let opened = open(&world.with("OPENCLAW_GATEWAY_TOKEN", "t")).unwrap();
        let service = &opened.listeners[0].service;
        assert_eq!(service.answer(&Request::get("/healthz")).status, 200);
        let list = Request::get("/v1/models");
        assert_eq!(service.answer(&list).status, 401);
        assert_eq!(
            service
                .answer(&list.header_set("authorization", "Bearer t"))
                .status,
            200
        );
    }
}
