//! Dify 1.17: api, worker and beat (one image, told apart by `MODE` or the command), web, plugin
//! daemon, sandbox and the proxy in front of it.

use std::sync::Arc;

use serde_json::json;

use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::wiring;
use crate::world::{Refusal, World};
use crate::yaml;

/// api, worker and beat.
pub const API: Row = Row {
    name: "dify-api",
    image: &["EXPOSE 5001", "WORKDIR /app/api", "USER 1001"],
    open: open_api,
};
/// The web interface.
pub const WEB: Row = Row {
    name: "dify-web",
    image: &["EXPOSE 3000", "WORKDIR /app/web", "USER 1001"],
    open: open_web,
};
/// The plugin daemon.
pub const PLUGIN_DAEMON: Row = Row {
    name: "dify-plugin-daemon",
    image: &["EXPOSE 5002 5003", "WORKDIR /app"],
    open: open_plugin_daemon,
};
/// The code sandbox.
pub const SANDBOX: Row = Row {
    name: "dify-sandbox",
    image: &["EXPOSE 8194"],
    open: open_sandbox,
};
/// The proxy that keeps the sandbox from the inner network.
pub const SSRF_PROXY: Row = Row {
    name: "dify-ssrf-proxy",
    image: &["EXPOSE 3128"],
    open: open_ssrf_proxy,
};

fn open_api(world: &World) -> Result<Opened, Refusal> {
    // the real one's settings loader reads this file; the environment goes over it
    let world = &world.clone().with_env_file("/app/api/.env");
    let from_command = world.args().iter().find_map(|arg| match arg.as_str() {
        "worker" => Some("worker"),
        "beat" => Some("beat"),
        _ => None,
    });
    let mode = from_command
        .or_else(|| world.get("MODE"))
        .unwrap_or("api")
        .to_owned();
    if world.get("SECRET_KEY").is_none() && world.get("SECRET_KEY_FILE").is_none() {
        return Err(Refusal::new(
            "expected `SECRET_KEY`; the one the image ships is known to everybody",
        ));
    }
    match mode.as_str() {
        "worker" => {
            world.writable("/app/api/storage")?;
            Ok(Opened::listening(Vec::new()))
        }
        "beat" => {
            // the schedule goes to the working folder unless told otherwise
            let schedule = world.option("-s").or_else(|| world.option("--schedule"));
            let schedule = schedule.unwrap_or("/app/api/celerybeat-schedule");
            std::fs::write(world.path(schedule), "stand-in\n").map_err(|error| {
                Refusal::new(format!(
                    "PermissionError: cannot write `{schedule}`: {error}"
                ))
            })?;
            Ok(Opened::listening(Vec::new()))
        }
        _ => {
            world.writable("/app/api/storage")?;
            let (ready, world) = (world.ready_after(500), world.clone());
            let port = world.port("DIFY_PORT", 5001);
            let answer = move |request: &Request| match request.path.as_str() {
                "/health" if !ready.is_ready() => Response::empty(503),
                "/health" => {
                    Response::json(200, &json!({"pid": 1, "status": "ok", "version": "1.17.1"}))
                }
                wiring::PATH => wiring::answer(&world),
                "/console/api/setup" => {
                    Response::json(200, &json!({"step": "not_started", "setup_at": null}))
                }
                "/" => Response::page(
                    "the Dify API",
                    &["/stand-in/peers says whether its database and Redis take its credentials."],
                ),
                path if path.starts_with("/console/api") || path.starts_with("/v1") => {
                    Response::json(401, &json!({"code": "unauthorized", "status": 401}))
                }
                _ => Response::not_found(),
            };
            Ok(Opened::listening(vec![Listener::port(
                port,
                Arc::new(answer),
            )]))
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a row")]
fn open_web(world: &World) -> Result<Opened, Refusal> {
    let ready = world.ready_after(200);
    let answer = move |request: &Request| match request.path.as_str() {
        _ if !ready.is_ready() => Response::empty(503),
        "/" | "/install" | "/signin" | "/apps" => Response::page("Dify", &[]),
        _ => Response::not_found(),
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("PORT", 3000),
        Arc::new(answer),
    )]))
}

fn open_plugin_daemon(world: &World) -> Result<Opened, Refusal> {
    let key = world
        .get("SERVER_KEY")
        .ok_or_else(|| Refusal::new("panic: expected `SERVER_KEY`"))?
        .to_owned();
    if world.get("DIFY_INNER_API_KEY").is_none() {
        return Err(Refusal::new("panic: expected `DIFY_INNER_API_KEY`"));
    }
    world.home()?;
    world.writable(
        world
            .get("PLUGIN_STORAGE_LOCAL_ROOT")
            .unwrap_or("/app/storage"),
    )?;
    if let Some(folder) = world.get("PLUGIN_WORKING_PATH") {
        world.writable(folder)?;
    }
    let (ready, peers) = (world.ready_after(400), world.clone());
    let answer = move |request: &Request| match request.path.as_str() {
        "/health/check" if !ready.is_ready() => Response::empty(503),
        "/health/check" => Response::json(200, &json!({"status": "ok", "stand_in": true})),
        "/metrics" | "/metrics/" => Response::metrics("dify-plugin-daemon", ""),
        wiring::PATH => wiring::answer(&peers),
        "/" => Response::page("Dify's plugin daemon", &["/plugin/… wants X-Api-Key."]),
        path if path.starts_with("/plugin/") => {
            if request.header("x-api-key") == Some(&key) {
                Response::json(200, &json!({"code": 0, "message": "success", "data": []}))
            } else {
                Response::json(401, &json!({"message": "unauthorized"}))
            }
        }
        path if path.starts_with("/e/") => Response::json(
            404,
            &json!({"error": "endpoint not found", "hook": request.header("dify-hook-url")}),
        ),
        _ => Response::not_found(),
    };
    let mut listeners = vec![Listener::port(
        world.port("SERVER_PORT", 5002),
        Arc::new(answer),
    )];
    listeners.extend(debugging(world));
    Ok(Opened::listening(listeners))
}

/// The port at which a plugin that is being written is tried: on unless said otherwise, at the host that is set.
fn debugging(world: &World) -> Option<Listener> {
    let enabled = "PLUGIN_REMOTE_INSTALLING_ENABLED";
    (world.get(enabled).is_none() || world.flag(enabled)).then(|| {
        let host = world.get("PLUGIN_REMOTE_INSTALLING_HOST");
        let port = world.port("PLUGIN_REMOTE_INSTALLING_PORT", 5003);
        let answer = |_: &Request| Response::text(400, "the debugging port of a stand-in");
        let address = format!("{}:{port}", host.unwrap_or("0.0.0.0"));
        Listener::at(&address, Arc::new(answer))
    })
}

fn open_sandbox(world: &World) -> Result<Opened, Refusal> {
    if world.uid() != 0 {
        return Err(Refusal::new(
            "panic: failed to create user: exit status 1 (the sandbox makes a user and has to be root)",
        ));
    }
    let file = std::fs::read_to_string(world.path("/conf/config.yaml"));
    let file = file.map_or(serde_json::Value::Null, |text| yaml::parse(&text));
    let key = world
        .get("API_KEY")
        .or_else(|| file["app"]["key"].as_str())
        .unwrap_or_default();
    // the key that the image ships is known to everybody
    if key.is_empty() || key == "dify-sandbox" {
        return Err(Refusal::new(
            "expected a key of its own in `API_KEY` or `/conf/config.yaml`",
        ));
    }
    let key = key.to_owned();
    let ready = world.ready_after(300);
    let answer = move |request: &Request| match request.path.as_str() {
        "/health" if !ready.is_ready() => Response::empty(503),
        "/health" => Response::json(200, &json!("ok")),
        "/" => Response::page("Dify's sandbox", &["It runs no code."]),
        "/v1/sandbox/run" if request.header("x-api-key") != Some(&key) => {
            Response::json(401, &json!({"code": -401, "message": "Unauthorized"}))
        }
        "/v1/sandbox/run" => Response::json(
            200,
            &json!({"code": -1, "message": "a stand-in runs no code", "data": null}),
        ),
        _ => Response::not_found(),
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("SANDBOX_PORT", 8194),
        Arc::new(answer),
    )]))
}

fn open_ssrf_proxy(world: &World) -> Result<Opened, Refusal> {
    let file = world.option("-f").unwrap_or("/etc/squid/squid.conf");
    let ports: Vec<u16> = match std::fs::read_to_string(world.path(file)) {
        Ok(text) => text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("http_port "))
            .filter_map(|rest| {
                rest.split_whitespace()
                    .next()?
                    .rsplit(':')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect(),
        Err(error) if world.option("-f").is_some() => {
            return Err(Refusal::new(format!(
                "FATAL: Unable to open configuration file: {file}: {error}"
            )));
        }
        Err(_) => vec![3128],
    };
    if ports.is_empty() {
        return Err(Refusal::new(format!(
            "FATAL: No HTTP, HTTPS or FTP ports configured in {file}"
        )));
    }
    let ready = world.ready_after(100);
    let answer = move |request: &Request| {
        if !ready.is_ready() {
            Response::empty(503)
        } else if request.header("x-absolute-host").is_some() || request.method == "CONNECT" {
            Response::text(403, "a stand-in forwards nothing")
                .with_header("x-squid-error", "ERR_ACCESS_DENIED 0")
        } else {
            Response::page("squid", &["It forwards nothing."])
        }
    };
    let service = Arc::new(answer);
    Ok(Opened::listening(
        ports
            .into_iter()
            .map(|port| Listener::port(port, service.clone()))
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::Address;

    #[test]
    fn the_public_secret_key_is_not_fallen_back_to() {
        let dir = tempfile::tempdir().unwrap();
        assert!(open_api(&World::new(dir.path())).is_err());
        let world = World::new(dir.path()).with("SECRET_KEY", "k");
        assert_eq!(open_api(&world).unwrap().listeners.len(), 1);
        assert!(
            open_api(&world.clone().with("MODE", "worker"))
                .unwrap()
                .listeners
                .is_empty()
        );
    }

    #[test]
    fn beat_needs_a_folder_it_may_write() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path()).with("SECRET_KEY", "k");
        let command = world.clone().with_args(&["-A", "app.celery", "beat"]);
        assert!(
            open_api(&command).is_err(),
            "its working folder is not there"
        );
        std::fs::create_dir(dir.path().join("tmp")).unwrap();
        let command =
            world.with_args(&["-A", "app.celery", "beat", "-s", "/tmp/celerybeat-schedule"]);
        assert!(open_api(&command).is_ok());
    }

    #[test]
    fn keys_are_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path()).with("API_KEY", "k");
        assert!(open_sandbox(&world).is_err(), "not root");
        let opened = open_sandbox(&world.with_uid(0)).unwrap();
        let run = Request::new("POST", "/v1/sandbox/run");
        assert_eq!(opened.listeners[0].service.answer(&run).status, 401);
        let with_key = run.header_set("X-Api-Key", "k");
        assert_eq!(opened.listeners[0].service.answer(&with_key).status, 200);
    }

    #[test]
    fn the_debugging_port_is_open_where_it_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("HOME", "/")
            .with("SERVER_KEY", "k")
            .with("DIFY_INNER_API_KEY", "i")
            .with("PLUGIN_STORAGE_LOCAL_ROOT", "/");
        let open = |world: &World| -> Vec<Address> {
            let opened = open_plugin_daemon(world).unwrap();
            opened.listeners.into_iter().map(|l| l.address).collect()
        };
        let at = |address: &str| Address::Tcp(address.to_owned());
        assert_eq!(open(&world), [at("0.0.0.0:5002"), at("0.0.0.0:5003")]);
        let inside = world.with("PLUGIN_REMOTE_INSTALLING_HOST", "127.0.0.1");
        assert_eq!(open(&inside), [at("0.0.0.0:5002"), at("127.0.0.1:5003")]);
        let off = inside.with("PLUGIN_REMOTE_INSTALLING_ENABLED", "false");
        assert_eq!(open(&off), [at("0.0.0.0:5002")]);
    }

    #[test]
    fn the_proxy_listens_where_its_file_says() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("s.conf"),
            "http_port 3128\nhttp_port 8194 accel\n",
        )
        .unwrap();
        let world = World::new(dir.path()).with_args(&["-N", "-f", "/s.conf"]);
        assert_eq!(open_ssrf_proxy(&world).unwrap().listeners.len(), 2);
        let absent = World::new(dir.path()).with_args(&["-f", "/none"]);
        assert!(open_ssrf_proxy(&absent).is_err());
    }
}
