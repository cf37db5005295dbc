//! Requests to a service's own HTTP interface.

use std::net::SocketAddr;

use aiplat_core::spec::{Gate, HttpRequest};

use super::ProvisionError;
use crate::probe::{HttpCall, TRY, call};
use crate::redact::Redactor;

/// A store may take longer to make something than to say that it is ready.
const TIMES_A_TRY: u32 = 10;

/// Sends the requests in order; each must be answered by a status that counts as done.
pub(super) async fn make(
    to: SocketAddr,
    gate: &Gate,
    requests: &[HttpRequest],
    redactor: &Redactor,
) -> Result<(), ProvisionError> {
    for request in requests {
        let failed = |words: &str| ProvisionError::Request {
            service: gate.service.to_string(),
            what: request.what.clone(),
            words: redactor.clean(words),
        };
        let sent = call(HttpCall::of(to, request));
        let patience = TRY * TIMES_A_TRY;
        let answer = tokio::time::timeout(patience, sent)
            .await
            .map_err(|_| failed(&format!("no answer within {} s", patience.as_secs())))?
            .map_err(|words| failed(&words))?;
        if !request.accept.contains(&answer.status) {
            return Err(failed(&format!(
                "status {}: {}",
                answer.status,
                answer.excerpt()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aiplat_core::spec::Probe;
    use aiplat_core::text::{FingerprintKey, Text};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;

    /// A server that answers each request by one of these statuses and hangs up; with the request lines in the end.
    async fn server(statuses: &'static [u16]) -> (SocketAddr, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let mut heard = Vec::new();
            for status in statuses {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut request = String::new();
                while !request.ends_with("{}") {
                    let mut bytes = [0; 512];
                    let read = client.read(&mut bytes).await.unwrap();
                    assert_ne!(read, 0, "it ended early: {request}");
                    request += std::str::from_utf8(&bytes[..read]).unwrap();
                }
                heard.push(request.lines().next().unwrap_or_default().to_owned());
                // what some servers repeat of a request
                let body = "no, bearer hunter2hunter2";
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                client.write_all(answer.as_bytes()).await.unwrap();
            }
            heard
        });
        (to, served)
    }

    fn secret() -> Text {
        let key = FingerprintKey::new("key".into());
        Text::secret("<secret:key>", "hunter2hunter2".into(), &key)
    }

    fn request(path: &str) -> HttpRequest {
        HttpRequest {
            method: "PUT".into(),
            path: path.into(),
            headers: vec![("api-key".into(), secret())],
            body: Some(Text::plain("{}")),
            accept: vec![200, 409],
            what: format!("make `{path}`"),
        }
    }

    async fn made(to: SocketAddr) -> Result<(), ProvisionError> {
        let gate = Gate {
            service: "qdrant".parse().unwrap(),
            container: "ai-qdrant".parse().unwrap(),
            address_of: "ai-qdrant".parse().unwrap(),
            network: "ai".into(),
            at: None,
            probe: Probe::Engine,
            deadline_seconds: 1,
        };
        let requests = [request("/one"), request("/two")];
        make(to, &gate, &requests, &Redactor::of([&secret()])).await
    }

    #[tokio::test]
    async fn requests_are_sent_in_order_and_what_is_there_already_counts() {
        let (to, served) = server(&[200, 409]).await;
        made(to).await.unwrap();
        assert_eq!(
            served.await.unwrap(),
            ["PUT /one HTTP/1.1", "PUT /two HTTP/1.1"]
        );
    }

    #[tokio::test]
    async fn the_first_refusal_ends_it_and_is_told_without_a_secret() {
        let (to, served) = server(&[403]).await;
        let words = made(to).await.unwrap_err().to_string();
        assert_eq!(
            words,
            "`qdrant` did not make `/one`: status 403: no, bearer <secret>"
        );
        assert_eq!(served.await.unwrap(), ["PUT /one HTTP/1.1"]);
    }
}
