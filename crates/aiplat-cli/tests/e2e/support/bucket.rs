//! A real server of S3 on this machine, for one test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `SeaweedFS`, in a directory of the test's own; ended with its value.
pub(crate) struct Bucket {
    server: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) endpoint: String,
}

/// The server's one pair of keys.
pub(crate) const ACCESS: &str = "access-of-the-test";
pub(crate) const SECRET: &str = "secret-of-the-test-0123456789";

impl Bucket {
    /// Starts a server with a bucket, or `None`, told loudly, where there is no server.
    #[allow(
        clippy::disallowed_methods,
        reason = "the only way to hand a program to a test"
    )]
    pub(crate) fn start(home: &Path, bucket: &str) -> Option<Self> {
        let Some(program) = std::env::var_os("AIPLAT_TEST_S3_SERVER").map(PathBuf::from) else {
            // past the capture of a test that passes
            let words =
                "NOT RUN: set AIPLAT_TEST_S3_SERVER to SeaweedFS' program to run this test\n";
            let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
            return None;
        };
        let data = home.join("bucket");
        std::fs::create_dir_all(&data).unwrap();
        let keys = data.join("keys.json");
        let credentials = format!(r#"{{"accessKey":"{ACCESS}","secretKey":"{SECRET}"}}"#);
        let actions = r#"["Admin","Read","Write","List"]"#;
        let text = format!(
            r#"{{"identities":[{{"name":"a","credentials":[{credentials}],"actions":{actions}}}]}}"#
        );
        std::fs::write(&keys, text).unwrap();
        let first = free_ports();
        let names = [
            "s3.port",
            "master.port",
            "volume.port",
            "filer.port",
            "s3.port.grpc",
        ];
        let ports = names.iter().zip(first..);
        // it ends with the test, however that ends
        let server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(["server", "-s3", "-volume.max=20"])
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
            .args([
                "-master.volumeSizeLimitMB=64".to_owned(),
                format!("-dir={}", data.display()),
            ])
            .arg(format!("-s3.config={}", keys.display()))
            // what else it can do, each at a port of its own
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args(ports.map(|(name, port)| format!("-{name}={port}")))
            .env("TMPDIR", &data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("SeaweedFS' program");
        let started = Self {
            server,
            endpoint: format!("http://127.0.0.1:{first}"),
        };
        started.make(bucket);
        Some(started)
    }

    /// Makes a bucket, as soon as the server takes one.
    fn make(&self, bucket: &str) {
        let made = Command::new("curl")
            .args([
                "-sS",
                "-f",
                "-X",
                "PUT",
                "--aws-sigv4",
                "aws:amz:us-east-1:s3",
                "--user",
            ])
            .arg(format!("{ACCESS}:{SECRET}"))
            .args(["--retry", "60", "--retry-delay", "1", "--retry-all-errors"])
            .arg(format!("{}/{bucket}", self.endpoint))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The first of five ports in a row that nobody has, nor those 10000 above, where the server listens too. The kernel gives
/// none of them to anybody who only asks for some port: nobody takes one between this look and the server's start.
fn free_ports() -> u16 {
    let own = u16::try_from(std::process::id() % 1000).unwrap();
    let free = |first: &u16| {
        let all = (*first..first + 5).flat_map(|port| [port, port + 10_000]);
        let held: Result<Vec<_>, _> = all.map(|p| TcpListener::bind(("127.0.0.1", p))).collect();
        held.is_ok()
    };
    let mut rows = (own..1000).chain(0..own).map(|row| 12_000 + row * 6);
    rows.find(free).expect("ten free ports")
}
