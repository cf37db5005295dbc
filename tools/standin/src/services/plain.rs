//! No service in particular: answers 200 at `/` and `/healthz` on `PORT`, for tests that need many
//! small containers.

use std::sync::Arc;

use serde_json::json;

use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::world::{Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "plain",
    image: &["EXPOSE 8080"],
    open,
};

fn open(world: &World) -> Result<Opened, Refusal> {
    if let Some(folder) = world.get("STANDIN_DATA") {
        world.writable(folder)?;
    }
    let ready = world.ready_after(0);
    let status = world.port("STANDIN_STATUS", 200);
    let uid = world.uid();
    let answer = move |request: &Request| match request.path.as_str() {
        "/healthz" if !ready.is_ready() => Response::text(503, "not ready"),
        "/healthz" => Response::text(status, "ok"),
        "/metrics" => Response::metrics("plain", ""),
        "/" => Response::page("no service", &[]),
        "/echo" => Response::json(
            200,
            &json!({"headers": request.headers, "path": request.path, "uid": uid}),
        ),
        _ => Response::not_found(),
    };
    Ok(Opened::listening(vec![Listener::port(
        world.port("PORT", 8080),
        Arc::new(answer),
    )]))
}
