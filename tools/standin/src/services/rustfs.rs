//! `RustFS` 1.0: two ports, keys from files, and objects put and got by signed requests.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::sigv4::signed_with;
use crate::world::{Ready, Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "rustfs",
    image: &[
        "EXPOSE 9000 9001",
        "USER 10001:10001",
        "ENV RUSTFS_ADDRESS=:9000 RUSTFS_CONSOLE_ADDRESS=:9001",
    ],
    open,
};

struct Objects {
    folder: PathBuf,
    access: String,
    secret: String,
    ready: Ready,
}

fn open(world: &World) -> Result<Opened, Refusal> {
    let access = world
        .secret("RUSTFS_ACCESS_KEY")?
        .unwrap_or_else(|| "rustfsadmin".to_owned());
    let secret = world
        .secret("RUSTFS_SECRET_KEY")?
        .unwrap_or_else(|| "rustfsadmin".to_owned());
    let folder = world.writable(world.get("RUSTFS_VOLUMES").unwrap_or("/data"))?;
    // an empty value means the standard output
    let logs = if world.is_set("RUSTFS_OBS_LOG_DIRECTORY") {
        world.get("RUSTFS_OBS_LOG_DIRECTORY")
    } else {
        Some("/logs")
    };
    if let Some(logs) = logs {
        world.writable(logs)?;
    }
    let objects = Objects {
        folder,
        access,
        secret,
        ready: world.ready_after(300),
    };
    let ready = objects.ready;
    let answer = move |request: &Request| objects.answer(request);
    let console = move |request: &Request| match request.path.as_str() {
        "/rustfs/console/health" | "/health" if ready.is_ready() => Response::json(
            200,
            &json!({"status": "ok", "service": "rustfs-console", "stand_in": true}),
        ),
        "/rustfs/console/health" | "/health" => Response::empty(503),
        path if path == "/" || path.starts_with("/rustfs/console") => {
            Response::page("RustFS", &["It has no console."])
        }
        _ => Response::not_found(),
    };
    let mut listeners = vec![Listener::at(
        world.get("RUSTFS_ADDRESS").unwrap_or(":9000"),
        Arc::new(answer),
    )];
    if world.get("RUSTFS_CONSOLE_ENABLE") != Some("false") {
        listeners.push(Listener::at(
            world.get("RUSTFS_CONSOLE_ADDRESS").unwrap_or(":9001"),
            Arc::new(console),
        ));
    }
    Ok(Opened::listening(listeners))
}

impl Objects {
    fn answer(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/health" | "/health/ready" | "/minio/health/live" | "/minio/health/ready" => {
                return if self.ready.is_ready() {
                    Response::json(
                        200,
                        &json!({"status": "ok", "service": "rustfs-endpoint", "stand_in": true}),
                    )
                } else {
                    Response::empty(503)
                };
            }
            _ => {}
        }
        match signed_with(request, &self.access, &self.secret) {
            Some(true) => {}
            Some(false) => return s3_error(403, "SignatureDoesNotMatch"),
            None if request.path == "/"
                && request
                    .header("accept")
                    .is_some_and(|accept| accept.contains("html")) =>
            {
                return Response::page("RustFS", &["Objects are put and got by signed requests."]);
            }
            None => return s3_error(403, "AccessDenied"),
        }
        let parts = request.segments();
        if parts
            .iter()
            .any(|part| part == ".." || part.contains(['/', '\0']))
        {
            return s3_error(400, "InvalidArgument");
        }
        let path = parts
            .iter()
            .fold(self.folder.clone(), |path, part| path.join(part));
        match (request.method.as_str(), parts.len()) {
            ("GET", 0) => {
                let mut names: Vec<String> = std::fs::read_dir(&self.folder)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter(|entry| entry.path().is_dir())
                    .map(|entry| {
                        format!(
                            "<Bucket><Name>{}</Name></Bucket>",
                            entry.file_name().to_string_lossy()
                        )
                    })
                    .collect();
                names.sort();
                let body = format!(
                    "<ListAllMyBucketsResult><Buckets>{}</Buckets></ListAllMyBucketsResult>",
                    names.concat()
                );
                Response::new(200, "application/xml", body)
            }
            ("PUT", 1) => done(std::fs::create_dir_all(path), 200),
            ("DELETE", 1) => done(std::fs::remove_dir(path), 204),
            ("PUT", 2..) if !self.folder.join(&parts[0]).is_dir() => s3_error(404, "NoSuchBucket"),
            ("PUT", 2..) => {
                let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
                done(made.and_then(|()| std::fs::write(path, &request.body)), 200)
            }
            ("GET" | "HEAD", 2..) => std::fs::read(path).map_or_else(
                |_| s3_error(404, "NoSuchKey"),
                |body| Response::new(200, "application/octet-stream", body),
            ),
            ("DELETE", 2..) => done(std::fs::remove_file(path), 204),
            ("HEAD", 1) if path.is_dir() => Response::empty(200),
            ("HEAD", 1) => Response::empty(404),
            _ => s3_error(404, "NoSuchBucket"),
        }
    }
}

fn done(result: std::io::Result<()>, status: u16) -> Response {
    result.map_or_else(
        |_| s3_error(409, "OperationAborted"),
        |()| Response::empty(status),
    )
}

fn s3_error(status: u16, code: &str) -> Response {
    Response::new(
        status,
        "application/xml",
        format!("<Error><Code>{code}</Code></Error>"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::signed;

    #[test]
    fn objects_want_a_signature() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("k"), "key\n").unwrap();
        std::fs::write(dir.path().join("s"), "secret\n").unwrap();
        let world = World::new(dir.path())
            .with("RUSTFS_ACCESS_KEY_FILE", "/k")
            .with("RUSTFS_SECRET_KEY_FILE", "/s");
        let opened = open(&world).unwrap();
        assert_eq!(opened.listeners.len(), 2);
        let ask = |method: &str, path: &str, secret: &str, body: &[u8]| {
            let mut request = Request::new(method, path);
            request.body = body.to_vec();
            let request = signed(request, "key", secret);
            opened.listeners[0].service.answer(&request)
        };
        assert_eq!(ask("PUT", "/b", "", b"").status, 403);
        assert_eq!(ask("PUT", "/b/o", "secret", b"x").status, 404);
        assert_eq!(ask("HEAD", "/b", "secret", b"").status, 404);
        assert_eq!(ask("HEAD", "/b", "another", b"").status, 403);
        assert_eq!(ask("PUT", "/b", "secret", b"").status, 200);
        assert_eq!(ask("HEAD", "/b", "secret", b"").status, 200);
        assert_eq!(ask("PUT", "/b/o/p", "secret", b"x").status, 200);
        assert_eq!(ask("GET", "/b/o/p", "secret", b"").body, b"x");
        assert_eq!(ask("GET", "/b/%2e%2e/k", "secret", b"").status, 400);
        let unsigned = opened.listeners[0].service.answer(&Request::get("/b/o/p"));
        assert_eq!(unsigned.status, 403);
    }

    #[test]
    fn value_and_file_at_once_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("RUSTFS_ACCESS_KEY", "a")
            .with("RUSTFS_ACCESS_KEY_FILE", "/k");
        assert!(open(&world).is_err());
    }
}
