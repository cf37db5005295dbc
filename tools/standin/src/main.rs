//! The stand-in program; see the library. `STANDIN_FOR` chooses the service, the name it is called
//! by chooses a lookalike of a health check's tool.

use std::io::Write as _;
use std::process::ExitCode;

use aiplat_standin::services::{self, Row};
use aiplat_standin::world::World;
use aiplat_standin::{hog, lookalike, serve};

const HELP: &str = "a stand-in of aiplat
  STANDIN_FOR=SERVICE standin [ARGUMENTS]   answer in place of a service
  standin --services                        the services there are
  standin --image-settings SERVICE          what its image sets, as Dockerfile lines
  standin --check URL                       GET it; exit 0 if the status is 2xx or 3xx
  standin --sleep [SECONDS]                 do nothing; for ever without a number
  standin --hog-memory MIB                  fill memory, then sleep
  standin --hog-pids N                      start N processes, then sleep
settings: STANDIN_LISTEN_AFTER_MS, STANDIN_READY_AFTER_MS, STANDIN_ROOT";

fn main() -> ExitCode {
    let mut args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    let program = args.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let args: Vec<String> = args.collect();
    let first = args.first().map(String::as_str);
    let second = args.get(1).map(String::as_str);
    match (first, second) {
        (Some("--help"), None) => return print(HELP, true),
        (Some("--services"), None) => {
            let names: Vec<&str> = services::ROWS.iter().map(|row| row.name).collect();
            return print(&names.join("\n"), true);
        }
        (Some("--image-settings"), Some(name)) => {
            return services::find(name).map_or_else(
                || complain(&format!("expected one of `--services`, not `{name}`")),
                |row| print(&row.image.join("\n"), true),
            );
        }
        (Some("--check"), Some(_)) => return check("wget", &args[1..]),
        (Some("--sleep"), _) => return sleep(second.and_then(|text| text.parse().ok())),
        (Some("--hog-memory"), Some(size)) => {
            let held = hog::memory(size.parse().unwrap_or(0));
            print(&format!("holding {} MiB", held.len()), true);
            return sleep(None);
        }
        (Some("--hog-pids"), Some(count)) => {
            let held = hog::processes(count.parse().unwrap_or(0));
            print(&format!("holding {} processes", held.len()), true);
            let code = sleep(None);
            for mut child in held {
                child.kill().ok();
            }
            return code;
        }
        _ => {}
    }
    let world = World::of_process(args.clone());
    match (program.as_str(), first) {
        ("tailscale", _) => return said(services::tailscale::command(&world)),
        ("ollama", Some(verb)) if verb != "serve" => {
            return said(services::ollama::command(&world));
        }
        ("sleep", seconds) => return sleep(seconds.and_then(|text| text.parse().ok())),
        ("cat", Some(path)) => {
            return match std::fs::read(path) {
                Ok(bytes) => write(&bytes),
                Err(error) => complain(&format!("{path}: {error}")),
            };
        }
        // `squid -k check` asks a running squid, and the front door of this one is its port
        ("squid", Some("-k")) => return check("wget", &["http://127.0.0.1:3128/".to_owned()]),
        ("celery", _) if args.iter().any(|arg| arg == "inspect") => {
            return print("-> stand-in: OK pong", true);
        }
        _ => {}
    }
    if let Some((args, pattern)) = lookalike::tailscale_pipe(&program, &args) {
        let (text, good) = services::tailscale::command(&World::of_process(args));
        return if good && text.contains(&pattern) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    if lookalike::understand(&program, &args).is_some() {
        return check(&program, &args);
    }
    let name = world.get("STANDIN_FOR").unwrap_or("plain");
    match services::find(name) {
        Some(row) => start(row, &world),
        None => complain(&format!(
            "expected `STANDIN_FOR` to be one of `--services`, not `{name}`"
        )),
    }
}

fn start(row: &Row, world: &World) -> ExitCode {
    let opened = match (row.open)(world) {
        Ok(opened) => opened,
        Err(refusal) => return complain(&format!("{}: {refusal}", row.name)),
    };
    for listener in &opened.listeners {
        complain(&format!(
            "{}: a stand-in will listen at {:?}",
            row.name, listener.address
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("{}: {error}", row.name)),
    };
    let served = runtime.block_on(serve::run(
        row.name,
        opened,
        world.duration("STANDIN_LISTEN_AFTER_MS", 100),
    ));
    // a handler that still waits for somebody must not hold up the end
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            complain(&format!("{}: {error}{cause}", row.name))
        }
    }
}

fn check(program: &str, args: &[String]) -> ExitCode {
    let Some(check) = lookalike::understand(program, args) else {
        return complain("expected a URL");
    };
    match check.run() {
        Ok(body) if check.print => write(&body),
        Ok(_) => ExitCode::SUCCESS,
        Err(words) => complain(&format!("{}: {words}", check.url)),
    }
}

/// Sleeps, and ends at once when told to: process 1 has no default for signals.
fn sleep(seconds: Option<u64>) -> ExitCode {
    let opened = serve::Opened::listening(Vec::new());
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        let ended = serve::run("sleep", opened, std::time::Duration::ZERO);
        match seconds {
            Some(seconds) => {
                tokio::time::timeout(std::time::Duration::from_secs(seconds), ended)
                    .await
                    .ok();
            }
            None => {
                ended.await.ok();
            }
        }
    });
    ExitCode::SUCCESS
}

fn said((text, good): (String, bool)) -> ExitCode {
    print(&text, good)
}

fn print(text: &str, good: bool) -> ExitCode {
    let wrote = writeln!(std::io::stdout(), "{text}");
    if good && wrote.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn write(bytes: &[u8]) -> ExitCode {
    if std::io::stdout().write_all(bytes).is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One line on standard error; the exit code is that of a failure.
fn complain(text: &str) -> ExitCode {
    writeln!(std::io::stderr(), "{text}").ok();
    ExitCode::FAILURE
}
