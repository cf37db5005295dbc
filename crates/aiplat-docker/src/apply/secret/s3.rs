//! A request that is signed with the value: the value itself never leaves.

use std::net::SocketAddr;
use std::time::Duration;

use aiplat_core::text::Text;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use super::Answer;
use crate::probe::{HttpCall, call};

/// What is asked for need not be there: only whoever is let in is told so.
const BUCKET: &str = "aiplat-asks-to-be-let-in";
/// As long as a signature is good for: one request.
const GOOD: Duration = Duration::from_secs(60);
/// Servers of one's own take the first region's name for theirs.
const REGION: &str = "us-east-1";

pub(super) async fn ask(to: SocketAddr, access_key: &Text, secret_key: &Text) -> Answer {
    // every request is sent to this name
    let host = format!("http://localhost:{}", to.port());
    let bucket = host
        .parse()
        .ok()
        .and_then(|url| Bucket::new(url, UrlStyle::Path, BUCKET, REGION).ok());
    let Some(bucket) = bucket else {
        return Answer::Unclear("an address that cannot be signed".to_owned());
    };
    let credentials = Credentials::new(access_key.expose(), secret_key.expose());
    let url = bucket.head_bucket(Some(&credentials)).sign(GOOD);
    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let head = HttpCall {
        to,
        method: "HEAD",
        path: &path,
        headers: &[],
        body: None,
    };
    match call(head).await {
        Ok(answer) => match answer.status {
            200 | 404 => Answer::Accepted,
            403 => Answer::Refused,
            status => Answer::Unclear(format!("status {status}")),
        },
        Err(words) => Answer::Unclear(words),
    }
}
