//! Snapshots of collections: made, listed, fetched, removed, and taken back by upload, as files in the folder for them.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::access::Access;
use super::{Failure, Outcome, Qdrant, absent, allow};
use crate::http::{Request, Response};

impl Qdrant {
    fn folder(&self, collection: &str) -> PathBuf {
        self.snapshots.join(collection)
    }

    /// The file of a snapshot; its name is one that was given out here.
    fn file(&self, collection: &str, name: &str) -> Result<PathBuf, Failure> {
        let plain = !collection.contains(['/', '\0'])
            && !name.contains(['/', '\0'])
            && collection != ".."
            && name.ends_with(".snapshot");
        let path = self.folder(collection).join(name);
        if plain && path.is_file() {
            Ok(path)
        } else {
            Err(Failure(404, format!("Not found: Snapshot {name}")))
        }
    }

    /// The whole content of a snapshot, for the one path that is answered without JSON.
    pub(super) fn fetched(&self, request: &Request, access: &Access) -> Option<Response> {
        let parts = request.segments();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let ("GET", ["collections", collection, "snapshots", name]) =
            (request.method.as_str(), parts.as_slice())
        else {
            return None;
        };
        let content = allow(access.manages(), "Global manage access is required")
            .and_then(|()| self.file(collection, name))
            .and_then(|path| std::fs::read(path).map_err(|error| internal(&error)));
        Some(match content {
            Ok(bytes) => Response::new(200, "application/octet-stream", bytes),
            Err(Failure(status, words)) => {
                Response::json(status, &json!({"status": {"error": words}}))
            }
        })
    }

    /// Every other call on snapshots; `None` for what is none.
    pub(super) fn snapshot_call(
        &self,
        request: &Request,
        parts: &[&str],
        access: &Access,
    ) -> Option<Outcome> {
        let ["collections", collection, "snapshots", rest @ ..] = parts else {
            return None;
        };
        let done =
            allow(access.manages(), "Global manage access is required").and_then(|()| {
                match (request.method.as_str(), rest) {
                    ("POST", []) => self.take(collection),
                    ("GET", []) => Ok(self.listed(collection)),
                    ("DELETE", [name]) => {
                        let path = self.file(collection, name)?;
                        std::fs::remove_file(path).map_err(|error| internal(&error))?;
                        Ok(json!(true))
                    }
                    ("POST", ["upload"]) => self.take_back(collection, &request.body),
                    _ => Err(Failure(404, "Not found".to_owned())),
                }
            });
        Some(done)
    }

    fn take(&self, collection: &str) -> Outcome {
        let content = self
            .store
            .read(|all| all.get(collection).map(Value::to_string));
        let content = content.ok_or_else(|| absent(collection))?;
        let moment = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos());
        let name = format!("{collection}-{moment}.snapshot");
        let folder = self.folder(collection);
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(&name), &content))
            .map_err(|error| internal(&error))?;
        Ok(json!({"name": name, "creation_time": null, "size": content.len(), "checksum": null}))
    }

    fn listed(&self, collection: &str) -> Value {
        let files = std::fs::read_dir(self.folder(collection));
        let names: Vec<Value> = files
            .into_iter()
            .flatten()
            .flatten()
            .map(|file| json!({"name": file.file_name().to_string_lossy()}))
            .collect();
        json!(names)
    }

    /// The only field of a form, which must be a snapshot that was made here.
    fn take_back(&self, collection: &str, form: &[u8]) -> Outcome {
        let wrong = || Failure(400, "Wrong input: the snapshot cannot be read".to_owned());
        let at = |bytes: &[u8], wanted: &[u8]| {
            bytes
                .windows(wanted.len())
                .position(|found| found == wanted)
        };
        let begin = at(form, b"\r\n\r\n").ok_or_else(wrong)? + 4;
        let length = at(&form[begin..], b"\r\n--").ok_or_else(wrong)?;
        let content: Value =
            serde_json::from_slice(&form[begin..begin + length]).map_err(|_| wrong())?;
        if !content["points"].is_object() {
            return Err(wrong());
        }
        self.change(|all| {
            all[collection] = content;
            Ok(json!(true))
        })
    }
}

fn internal(error: &std::io::Error) -> Failure {
    Failure(500, format!("Service internal error: {error}"))
}
