//! signal-cli-rest-api, the rootless image: `/run` has to be writable and `/tmp` executable.

use std::sync::Arc;

use serde_json::json;

use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::world::{Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "signal",
    image: &["EXPOSE 8080", "USER 1000:1000"],
    open,
};

fn open(world: &World) -> Result<Opened, Refusal> {
    let mode = world.get("MODE").unwrap_or("normal").to_owned();
    if !matches!(
        mode.as_str(),
        "normal" | "native" | "json-rpc" | "json-rpc-native"
    ) {
        return Err(Refusal::new(format!(
            "expected `MODE` to be normal, native, json-rpc or json-rpc-native, not `{mode}`"
        )));
    }
    if mode.starts_with("json-rpc") && world.get("AUTO_RECEIVE_SCHEDULE").is_some() {
        return Err(Refusal::new(
            "AUTO_RECEIVE_SCHEDULE can't be used with mode json-rpc",
        ));
    }
    world
        .writable("/run")
        .map_err(|refusal| Refusal::new(format!("s6-overlay-suexec: fatal: {refusal}")))?;
    let mounts = std::fs::read_to_string(world.path("/proc/self/mountinfo")).unwrap_or_default();
    if is_noexec(&mounts, "/tmp") {
        return Err(Refusal::new(
            "UnsatisfiedLinkError: /tmp/libsignal_jni_amd64.so: failed to map segment from shared object",
        ));
    }
    world.writable(
        world
            .get("SIGNAL_CLI_CONFIG_DIR")
            .unwrap_or("/home/.local/share/signal-cli"),
    )?;
    let ready = world.ready_after(600);
    let answer = move |request: &Request| match request.path.as_str() {
        "/v1/health" if ready.is_ready() => Response::empty(204),
        "/v1/health" => Response::empty(503),
        "/v1/about" => Response::json(
            200,
            &json!({"versions": ["v1", "v2"], "build": 2, "mode": mode, "version": "0.100", "stand_in": true}),
        ),
        "/v1/accounts" => Response::json(200, &json!([])),
        "/" => Response::page("signal-cli-rest-api", &["It sends nothing."]),
        _ => Response::not_found(),
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("PORT", 8080),
        Arc::new(answer),
    )]))
}

/// Whether the mount at exactly this point forbids execution.
fn is_noexec(mounts: &str, point: &str) -> bool {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(4);
            Some((fields.next()?, fields.next()?))
        })
        .any(|(at, options)| at == point && options.split(',').any(|option| option == "noexec"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tmp_without_execution_is_noticed() {
        let line = "42 40 0:39 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=65536k";
        assert!(is_noexec(line, "/tmp"));
        assert!(!is_noexec(&line.replace("noexec,", ""), "/tmp"));
        assert!(!is_noexec(line, "/run"));
    }

    #[test]
    fn health_is_204() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("MODE", "json-rpc")
            .with("STANDIN_READY_AFTER_MS", "0");
        let opened = open(&world).unwrap();
        assert_eq!(
            opened.listeners[0]
                .service
                .answer(&Request::get("/v1/health"))
                .status,
            204
        );
        assert!(open(&world.with("AUTO_RECEIVE_SCHEDULE", "* * * * *")).is_err());
    }
}
