//! A socket that answers from a table and keeps what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aiplat_docker::engine::Bollard;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method, path and query, without the version prefix.
    pub(crate) what: String,
    /// JSON body.
    pub(crate) body: Value,
}

/// An engine that only answers.
pub(crate) struct Socket {
    path: PathBuf,
    asked: Arc<Mutex<Vec<Asked>>>,
    _directory: tempfile::TempDir,
}

impl Socket {
    /// Listens, and answers `what` (method, space, path without version and query) with a status and JSON; `/version`
    /// with this API version, everything else with 404.
    pub(crate) fn new(api: &str, table: &[(&str, u16, Value)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("engine.sock");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut answers: BTreeMap<String, (u16, Value)> = table
            .iter()
            .map(|(what, status, json)| ((*what).to_owned(), (*status, json.clone())))
            .collect();
        answers.entry("GET /version".to_owned()).or_insert((
            200,
            json!({ "Version": "99.0", "ApiVersion": api, "MinAPIVersion": "1.12" }),
        ));
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(serve(listener, Arc::new(answers), asked.clone()));
        Self {
            path,
            asked,
            _directory: directory,
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    pub(crate) async fn connect(&self) -> Bollard {
        Bollard::connect(&self.address()).await.unwrap()
    }

    /// The requests after the first, which settles the version.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().skip(1).cloned().collect()
    }
}

type Answers = Arc<BTreeMap<String, (u16, Value)>>;

async fn serve(
    listener: tokio::net::UnixListener,
    answers: Answers,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (answers, asked) = (answers.clone(), asked.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (answers, asked) = (answers.clone(), asked.clone());
            async move { Ok::<_, Infallible>(answer(request, &answers, &asked).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

async fn answer(
    request: Request<Incoming>,
    answers: &BTreeMap<String, (u16, Value)>,
    asked: &Mutex<Vec<Asked>>,
) -> Response<Full<Bytes>> {
    let whole = request.uri().path_and_query().unwrap().as_str().to_owned();
    // "/v1.41/containers/create" and "/containers/create" are the same question
    let bare = match whole
        .strip_prefix("/v1.")
        .and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()))
    {
        Some(bare) => bare,
        None => whole,
    };
    let method = request.method().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    asked.lock().unwrap().push(Asked {
        what: format!("{method} {bare}"),
        body,
    });
    let path = bare.split('?').next().unwrap();
    let absent = (404, json!({ "message": format!("page not found: {path}") }));
    let (status, json) = answers.get(&format!("{method} {path}")).unwrap_or(&absent);
    let text = if json.is_null() {
        String::new()
    } else {
        json.to_string()
    };
    Response::builder()
        .status(*status)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(text)))
        .unwrap()
}
