//! HTTP as an operator's own tool speaks it.

use std::path::Path;
use std::process::Command;

/// Status and body of a request. `arguments` come before the address.
pub(crate) fn curl(arguments: &[&str], url: &str) -> (u16, String) {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(arguments)
        .arg(url)
        .output()
        .expect("expected curl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("the status is written out");
    assert!(
        output.status.success(),
        "{url}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    (status.parse().unwrap(), body.to_owned())
}

/// Through a front door at `address`, whose authority must be the one of this certificate and no other.
pub(crate) fn front_door(
    address: &str,
    authority: &Path,
    more: &[&str],
    url: &str,
) -> (u16, String) {
    let host = url
        .trim_start_matches("https://")
        .split('/')
        .next()
        .unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "443"));
    let resolve = format!("{name}:{port}:{address}");
    let authority = authority.display().to_string();
    let mut arguments = vec!["--cacert", &authority, "--resolve", &resolve];
    arguments.extend(more);
    curl(&arguments, url)
}
