//! The program called by another name: as the `wget`, `curl`, shell or `node` that a health check
//! of the real image uses. Only a GET is understood, which is all that health checks ask for.

use std::path::PathBuf;

use crate::client::Ask;

/// What a health check's command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The URL.
    pub url: String,
    /// A socket file instead of the URL's host (`curl --unix-socket`).
    pub socket: Option<PathBuf>,
    /// Whether the answer's body goes to standard output.
    pub print: bool,
    /// Any status is good (`curl` without `-f`).
    pub any_status: bool,
    /// Header lines.
    pub headers: Vec<(String, String)>,
}

impl Check {
    fn of(url: &str) -> Self {
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let url = url.replace("//localhost", "//127.0.0.1");
        Self {
            url,
            socket: None,
            print: false,
            any_status: false,
            headers: Vec::new(),
        }
    }

    /// Asks; the body where the answer is good, else words.
    pub fn run(&self) -> Result<Vec<u8>, String> {
        let ask = Ask {
            headers: &self.headers,
            socket: self.socket.as_deref(),
            ..Ask::get(&self.url)
        };
        match ask.send() {
            Ok(answer) if self.any_status || (200..400).contains(&answer.status) => Ok(answer.body),
            Ok(answer) => Err(format!("status {}", answer.status)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Reads a command line as a health check: `program` is the name it was called by. `None` where it
/// is no health check; then it is the service's own start.
pub fn understand(program: &str, args: &[String]) -> Option<Check> {
    match program {
        "wget" => wget(args),
        "curl" => curl(args),
        // the health check script that some images carry
        "sh" | "bash"
            if args
                .first()
                .is_some_and(|arg| arg.ends_with("docker-healthcheck.sh")) =>
        {
            Some(Check::of("http://127.0.0.1:3001/api/ping"))
        }
        "sh" | "bash" => {
            let at = args
                .iter()
                .position(|arg| arg == "-c" || arg == "-ec" || arg == "-lc")?;
            script(args.get(at + 1)?)
        }
        "node" | "python3" | "python" => {
            let at = args.iter().position(|arg| arg == "-e" || arg == "-c")?;
            first_url(args.get(at + 1)?).map(|url| Check::of(&url))
        }
        _ => None,
    }
}

fn wget(args: &[String]) -> Option<Check> {
    let mut check = Check::of(args.iter().rev().find(|arg| !arg.starts_with('-'))?);
    for arg in args {
        if let Some(header) = arg.strip_prefix("--header=") {
            check.headers.extend(split_header(header));
        }
    }
    check.print = args.iter().any(|arg| arg == "-O-" || arg == "-qO-");
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if matches!(arg.as_str(), "-O" | "-qO") {
            check.print = rest.next().is_some_and(|to| to == "-");
        } else if arg == "--header" {
            check
                .headers
                .extend(rest.next().and_then(|text| split_header(text)));
        }
    }
    Some(check)
}

fn curl(args: &[String]) -> Option<Check> {
    let mut url = None;
    let mut check = Check {
        print: true,
        any_status: true,
        ..Check::of("none")
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--unix-socket" => check.socket = Some(rest.next()?.into()),
            "-o" | "--output" => {
                rest.next();
                check.print = false;
            }
            "-H" | "--header" => check.headers.extend(split_header(rest.next()?)),
            "-m" | "--max-time" | "--connect-timeout" | "--retry" => {
                rest.next();
            }
            "--fail" => check.any_status = false,
            flag if flag.starts_with("--") => {}
            flags if flags.starts_with('-') => {
                check.any_status &= !flags.contains('f');
                if flags.ends_with('o') {
                    rest.next();
                    check.print = false;
                }
            }
            other => url = Some(other),
        }
    }
    check.url = Check::of(url?).url;
    Some(check)
}

/// A shell's one-liner: the first command of `a || b`, or the `/dev/tcp` probe of images that have
/// bash and no client.
fn script(text: &str) -> Option<Check> {
    if let Some((_, rest)) = text.split_once("/dev/tcp/") {
        let mut parts =
            rest.split(|letter: char| letter == '/' || letter.is_whitespace() || letter == ';');
        let (host, port) = (parts.next()?, parts.next()?);
        let path = text
            .split_once("GET ")
            .and_then(|(_, rest)| rest.split(' ').next());
        return Some(Check::of(&format!(
            "http://{host}:{port}{}",
            path.unwrap_or("/")
        )));
    }
    let first = text
        .split("||")
        .next()?
        .split('|')
        .next()?
        .split("&&")
        .next()?;
    let words: Vec<String> = first
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .collect();
    let (program, args) = words.split_first()?;
    let program = program.rsplit('/').next()?;
    matches!(program, "wget" | "curl")
        .then(|| understand(program, args))
        .flatten()
}

/// Reads `tailscale … | grep -q 'words'` of a shell's command line: the arguments and the words.
pub fn tailscale_pipe(program: &str, args: &[String]) -> Option<(Vec<String>, String)> {
    if !matches!(program, "sh" | "bash") || args.first()? != "-c" {
        return None;
    }
    let (command, grep) = args.get(1)?.split_once('|')?;
    let mut words = command.split_whitespace().map(ToOwned::to_owned);
    let pattern = grep
        .trim()
        .strip_prefix("grep -q ")?
        .trim()
        .trim_matches('\'');
    (words.next()? == "tailscale").then(|| (words.collect(), pattern.replace("\\\"", "\"")))
}

fn split_header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().to_owned(), value.trim().to_owned()))
}

fn first_url(text: &str) -> Option<String> {
    let from = text.find("http://")?;
    let rest = &text[from..];
    Some(rest[..rest.find(['\'', '"', '`']).unwrap_or(rest.len())].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn the_health_checks_of_real_images_are_understood() {
        let wget = understand("wget", &words("-qO- http://127.0.0.1:3000/api/health")).unwrap();
        assert_eq!(
            (wget.url.as_str(), wget.print),
            ("http://127.0.0.1:3000/api/health", true)
        );
        let curl = understand(
            "curl",
            &words(
                "-fsS --unix-socket /run/caddy/admin.sock http://localhost/config/ -o /dev/null",
            ),
        )
        .unwrap();
        assert_eq!(
            curl.socket.as_deref(),
            Some(std::path::Path::new("/run/caddy/admin.sock"))
        );
        assert!(!curl.print && !curl.any_status);
        let bash = r#"exec 3<>/dev/tcp/127.0.0.1/6333; printf "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n" >&3; grep -q "^HTTP/1.1 200" <&3"#;
        let bash = understand("bash", &["-c".to_owned(), bash.to_owned()]).unwrap();
        assert_eq!(bash.url, "http://127.0.0.1:6333/readyz");
        let node = "require('http').get('http://127.0.0.1:18789/healthz',r=>process.exit(0))";
        let node = understand("node", &["-e".to_owned(), node.to_owned()]).unwrap();
        assert_eq!(node.url, "http://127.0.0.1:18789/healthz");
        let shell = "wget -q -O /dev/null http://localhost:8080/x || exit 1";
        let shell = understand("sh", &["-c".to_owned(), shell.to_owned()]).unwrap();
        assert_eq!(
            (shell.url.as_str(), shell.print),
            ("http://127.0.0.1:8080/x", false)
        );
    }

    #[test]
    fn the_pipe_of_tailscales_check_is_understood() {
        let script = r#"tailscale --socket=/run/s.sock status --json | grep -q '"Online": true'"#;
        let (args, pattern) = tailscale_pipe("sh", &["-c".to_owned(), script.to_owned()]).unwrap();
        assert_eq!(args, ["--socket=/run/s.sock", "status", "--json"]);
        assert_eq!(pattern, r#""Online": true"#);
    }

    #[test]
    fn a_start_command_is_no_health_check() {
        assert_eq!(
            understand("node", &words("dist/index.js gateway --port 18789")),
            None
        );
        assert_eq!(
            understand(
                "sh",
                &["-c".to_owned(), "signal-cli-rest-api -x".to_owned()]
            ),
            None
        );
    }
}
