//! Listening, and stopping at once when told to.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};

use crate::http::{Request, Response, Service};
use crate::websocket;

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 64 << 20;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `host:port`.
    Tcp(String),
    /// A socket file; one that is left over is replaced.
    Unix(PathBuf),
}

/// One address and who answers there.
pub struct Listener {
    /// Where.
    pub address: Address,
    /// Who.
    pub service: Arc<dyn Service>,
}

impl Listener {
    /// All addresses of the machine, this port; IPv4 alone where there is no IPv6.
    pub fn port(port: u16, service: Arc<dyn Service>) -> Self {
        Self {
            address: Address::Tcp(format!("0.0.0.0:{port}")),
            service,
        }
    }

    /// An address as the service's own setting gives it; an empty host means all.
    pub fn at(address: &str, service: Arc<dyn Service>) -> Self {
        let address = match address.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => address.replace("[::]:", "0.0.0.0:"),
        };
        Self {
            address: Address::Tcp(address),
            service,
        }
    }
}

/// A stand-in that has checked its settings and folders and may listen.
pub struct Opened {
    /// None for a service that listens nowhere (a queue worker).
    pub listeners: Vec<Listener>,
    /// A program of the same container, ended with it.
    pub child: Option<std::process::Child>,
}

impl Opened {
    /// Listeners alone.
    pub fn listening(listeners: Vec<Listener>) -> Self {
        Self {
            listeners,
            child: None,
        }
    }
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not of this machine.
    #[error("cannot listen at {address:?}")]
    Listen {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No signal handler could be set.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
    /// The program that was started along ended.
    #[error("`{0}` ended")]
    ChildEnded(String),
}

/// Serves until SIGTERM, SIGINT or SIGQUIT. Binding waits for `listen_after`, as a real service
/// takes a moment before it does.
pub async fn run(name: &str, opened: Opened, listen_after: Duration) -> Result<(), ServeError> {
    let on = |kind| signal(kind).map_err(ServeError::Signals);
    let mut term = on(SignalKind::terminate())?;
    let mut int = on(SignalKind::interrupt())?;
    let mut quit = on(SignalKind::quit())?;
    let Opened { listeners, child } = opened;
    let serving = async {
        tokio::time::sleep(listen_after).await;
        for listener in listeners {
            listen(name, listener).await?;
        }
        std::future::pending::<Result<(), ServeError>>().await
    };
    let mut child = child;
    let result = tokio::select! {
        result = serving => result,
        () = ended(&mut child) => Err(ServeError::ChildEnded("the program beside".to_owned())),
        _ = term.recv() => Ok(()),
        _ = int.recv() => Ok(()),
        _ = quit.recv() => Ok(()),
    };
    if let Some(mut child) = child {
        child.kill().ok();
        child.wait().ok();
    }
    result
}

/// Ends when the child does; never without one.
async fn ended(child: &mut Option<std::process::Child>) {
    let Some(child) = child else {
        return std::future::pending().await;
    };
    while matches!(child.try_wait(), Ok(None)) {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Binds, then accepts in the background. Returns the bound address's port for TCP.
pub async fn listen(name: &str, listener: Listener) -> Result<u16, ServeError> {
    let Listener { address, service } = listener;
    let failed = |source| ServeError::Listen {
        address: address.clone(),
        source,
    };
    let name: Arc<str> = Arc::from(name);
    match &address {
        Address::Tcp(at) => {
            let socket = TcpListener::bind(at).await.map_err(failed)?;
            let port = socket.local_addr().map_err(failed)?.port();
            tokio::spawn(async move {
                loop {
                    if let Ok((stream, _)) = socket.accept().await {
                        connection(name.clone(), service.clone(), TokioIo::new(stream));
                    }
                }
            });
            Ok(port)
        }
        Address::Unix(path) => {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(failed)?;
            }
            std::fs::remove_file(path).ok();
            let socket = UnixListener::bind(path).map_err(failed)?;
            tokio::spawn(async move {
                loop {
                    if let Ok((stream, _)) = socket.accept().await {
                        connection(name.clone(), service.clone(), TokioIo::new(stream));
                    }
                }
            });
            Ok(0)
        }
    }
}

/// One connection, in a task of its own.
fn connection<I>(name: Arc<str>, service: Arc<dyn Service>, io: I)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        let handler = service_fn(move |mut request: hyper::Request<Incoming>| {
            let (name, service) = (name.clone(), service.clone());
            async move {
                let upgrade = hyper::upgrade::on(&mut request);
                let plain = read(request).await;
                let key = plain.as_ref().and_then(websocket_key);
                let response = match plain {
                    Some(request) => tokio::task::spawn_blocking(move || service.answer(&request))
                        .await
                        .unwrap_or_else(|_| Response::text(500, "the stand-in failed")),
                    None => Response::text(413, "expected a body of at most 64 MiB"),
                };
                let response = match key {
                    // who may not look at the page may not have a socket there either
                    Some(key) if !matches!(response.status, 401 | 403) => {
                        tokio::spawn(async move {
                            if let Ok(stream) = upgrade.await {
                                websocket::echo(TokioIo::new(stream)).await.ok();
                            }
                        });
                        Response::empty(101)
                            .with_header("connection", "upgrade")
                            .with_header("upgrade", "websocket")
                            .with_header("sec-websocket-accept", &websocket::accept(&key))
                    }
                    _ => response,
                };
                Ok::<_, Infallible>(write(&name, response))
            }
        });
        // a client that hangs up is no news
        http1::Builder::new()
            .serve_connection(io, handler)
            .with_upgrades()
            .await
            .ok();
    });
}

/// The client's key, where a websocket is asked for.
fn websocket_key(request: &Request) -> Option<String> {
    let upgrade = request.header("upgrade")?;
    let key = request.header("sec-websocket-key")?;
    upgrade
        .eq_ignore_ascii_case("websocket")
        .then(|| key.to_owned())
}

async fn read(request: hyper::Request<Incoming>) -> Option<Request> {
    let (head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut plain = Request::new(head.method.as_str(), target);
    if let Some(host) = head.uri.host() {
        // the absolute form, which only a proxy is sent
        plain
            .headers
            .insert("x-absolute-host".to_owned(), host.to_owned());
    }
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        plain.headers.insert(name.as_str().to_owned(), value);
    }
    plain.body = Limited::new(body, LARGEST_BODY)
        .collect()
        .await
        .ok()?
        .to_bytes()
        .to_vec();
    Some(plain)
}

fn write(name: &str, response: Response) -> hyper::Response<Full<Bytes>> {
    let Response {
        status,
        headers,
        body,
    } = response;
    let mut builder = hyper::Response::builder()
        .status(status)
        .header("x-aiplat-stand-in", name);
    for (key, value) in headers {
        builder = builder.header(key, value);
    }
    builder
        .body(Full::new(Bytes::from(body)))
        .unwrap_or_else(|_| {
            let mut fallback = hyper::Response::new(Full::new(Bytes::new()));
            *fallback.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
            fallback
        })
}
