//! New certificates for the front door, while it serves the old ones. See [`Renewal`].

use std::path::PathBuf;
use std::time::Duration;

use aiplat_core::observed::PathState;
use aiplat_core::plan::{Renewal, RenewedCertificate};
use aiplat_core::spec::FileSpec;
use aiplat_core::text::Text;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::StepError;
use super::ownership::own_service;
use super::run::Context;
use super::step::take_in;
use crate::blocking::blocking;
use crate::engine::{Engine, EngineError, ExecRequest, UserOf};
use crate::events::{Event, Events};
use crate::host::{Host, HostError};

/// Largest file of a certificate, bytes.
const LARGEST: usize = 1024 * 1024;

/// Between two looks for the new certificates.
const PAUSE: Duration = Duration::from_millis(200);

/// Gets them.
pub(super) async fn carry_out<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    renewal: &Renewal,
) -> Result<(), StepError> {
    let host = context.host;
    let kept = blocking(|| -> Result<_, HostError> {
        recover(host, renewal)?;
        keep(host, renewal)
    })?;
    if kept.is_empty() {
        return Err(failed(
            renewal,
            "it has none yet: it is getting its first ones",
        ));
    }
    // from here on until the end a deploy has the front door read its own configuration again
    let record = blocking(|| -> Result<_, HostError> {
        let record = host.read_file(&renewal.done.path, LARGEST)?;
        host.remove_file(&renewal.done.path)?;
        Ok(record)
    })?;
    match exchange(context, renewal, &kept).await {
        Ok(()) => {
            take_in(context, &renewal.reload).await?;
            Ok(blocking(|| forget(host, renewal, record))?)
        }
        Err(cause) => {
            let back = blocking(|| recover(host, renewal));
            let own = take_in(context, &renewal.reload).await;
            let stuck = match (back, own) {
                (Ok(()), Ok(())) => blocking(|| forget(host, renewal, record))
                    .err()
                    .map(StepError::from),
                (Err(error), _) => Some(error.into()),
                (_, Err(error)) => Some(error),
            };
            Err(StepError::Renew {
                cause: Box::new(cause),
                stuck: stuck.map(|error| error.to_string()),
            })
        }
    }
}

/// Lends the front door the old ones, takes their files away, and waits until there are new ones.
async fn exchange<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    renewal: &Renewal,
    kept: &[&RenewedCertificate],
) -> Result<(), StepError> {
    let host = context.host;
    let own = run(context, renewal, &renewal.adapt, None).await?;
    let own: Value = serde_json::from_slice(&own)
        .map_err(|error| failed(renewal, &format!("its configuration is no JSON: {error}")))?;
    let lent = |manages| lent(&own, &renewal.kept_inside, kept, manages).to_string();
    let (only, beside) = (lent(false), lent(true));
    // it forgets its own, and serves the same as somebody else's
    run(context, renewal, &renewal.load, Some(only)).await?;
    blocking(|| {
        let mut all = kept.iter();
        all.try_for_each(|c| host.remove_file(&c.file("crt")))
    })?;
    // it must get its own again, and serves the old ones meanwhile
    run(context, renewal, &renewal.load, Some(beside)).await?;
    let service = &renewal.reload.service;
    let (began, patience) = (
        Instant::now(),
        Duration::from_secs(u64::from(renewal.deadline_seconds)),
    );
    loop {
        let missing = blocking(|| missing(host, kept))?;
        if missing.is_empty() {
            return Ok(());
        }
        let last = format!("no certificate for {} yet", missing.join(", "));
        let waited = began.elapsed();
        context.events.on(Event::Waiting {
            service,
            last: &last,
            waited,
        });
        if waited >= patience {
            let words = format!("{last} after {} s", patience.as_secs());
            return Err(failed(renewal, &words));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The front door's own configuration, in which it is lent old certificates. `manages` says whether it gets its own
/// beside them.
fn lent(own: &Value, inside: &str, kept: &[&RenewedCertificate], manages: bool) -> Value {
    let mut lent = own.clone();
    let file = |c: &&RenewedCertificate| {
        json!({
            "certificate": format!("{inside}/{}.lent", c.name),
            "key": format!("{inside}/{}.key", c.name),
        })
    };
    let files: Vec<Value> = kept.iter().map(file).collect();
    lent["apps"]["tls"]["certificates"]["load_files"] = files.into();
    let servers = lent["apps"]["http"]["servers"].as_object_mut();
    for server in servers.into_iter().flatten().map(|(_, server)| server) {
        let listen = server["listen"].as_array().into_iter().flatten();
        if !listen
            .filter_map(Value::as_str)
            .any(|at| at.ends_with(":443"))
        {
            continue;
        }
        // without names of its own to manage it would speak plain HTTP there
        if server["tls_connection_policies"].is_null() {
            server["tls_connection_policies"] = json!([{}]);
        }
        if manages {
            server["automatic_https"]["ignore_loaded_certificates"] = true.into();
        }
    }
    lent
}

/// Runs a command in the front door's container, as its own user; what it wrote to its standard output.
async fn run<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    renewal: &Renewal,
    argv: &[String],
    input: Option<String>,
) -> Result<Vec<u8>, StepError> {
    let (engine, reload) = (context.engine, &renewal.reload);
    let name = reload.container.as_str();
    let found = own_service(engine, &context.plan.stack_id, &reload.service, name).await?;
    let found = found.ok_or_else(|| failed(renewal, "its container is not there"))?;
    let request = ExecRequest {
        argv: argv.to_vec(),
        user: UserOf::Owner(reload.user),
        stdin: input.is_some(),
        terminal: None,
    };
    let mut attached = engine.exec_attach(&found.id, &request).await?;
    if let Some(input) = input {
        let fed = async {
            attached.input.write_all(input.as_bytes()).await?;
            attached.input.shutdown().await
        };
        let fed: std::io::Result<()> = fed.await;
        fed.map_err(|error| EngineError::Garbled {
            what: "run a command in a container".to_owned(),
            words: error.to_string(),
        })?;
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(piece) = attached.output.next().await {
        let piece = piece?;
        let to = if piece.stderr { &mut err } else { &mut out };
        to.extend_from_slice(&piece.bytes);
    }
    match engine.exec_exit(&attached.exec).await? {
        0 => Ok(out),
        code => {
            let said = String::from_utf8_lossy(&err);
            let last = said.trim().lines().next_back().unwrap_or_default();
            let said = context.redactor.clean(last);
            Err(failed(renewal, &format!("exit code {code}: {said}")))
        }
    }
}

/// Puts files back that an interrupted renewal took away and for which no new ones came.
fn recover<H: Host>(host: &H, renewal: &Renewal) -> Result<(), HostError> {
    for certificate in &renewal.certificates {
        let gone = host.path_state(&certificate.file("crt"))? == PathState::Absent;
        let kept = host.path_state(&kept_file(renewal, certificate, "crt"))? != PathState::Absent;
        if gone && kept {
            // the certificate last: without it the front door takes none of them for its own
            for part in RenewedCertificate::PARTS.iter().rev() {
                let from = kept_file(renewal, certificate, part);
                copy(host, renewal, &from, certificate.file(part))?;
            }
        }
    }
    Ok(())
}

/// Copies the certificates that there are, and writes what is lent beside: the same certificate with the end of its
/// chain once more, which is as good and yet another to a front door that knows its own by the whole chain.
fn keep<'r, H: Host>(
    host: &H,
    renewal: &'r Renewal,
) -> Result<Vec<&'r RenewedCertificate>, HostError> {
    host.make_directory(&renewal.kept)?;
    let mut all = Vec::new();
    for certificate in &renewal.certificates {
        if host.path_state(&certificate.file("crt"))? == PathState::Absent {
            continue;
        }
        for part in RenewedCertificate::PARTS {
            let to = kept_file(renewal, certificate, part);
            copy(host, renewal, &certificate.file(part), to)?;
        }
        let chain = host.read_file(&certificate.file("crt"), LARGEST)?;
        let chain = String::from_utf8_lossy(&chain.unwrap_or_default()).into_owned();
        let begin = chain.rfind("-----BEGIN").unwrap_or_default();
        let longer = format!("{}\n{}", chain.trim_end(), &chain[begin..]);
        let lent = kept_file(renewal, certificate, "lent");
        host.write_file(&file(renewal, lent, longer))?;
        all.push(certificate);
    }
    Ok(all)
}

/// The front door runs with its own configuration, and nothing is kept any more. The record of which configuration that
/// is says what it said before: its files were not touched.
fn forget<H: Host>(host: &H, renewal: &Renewal, record: Option<Vec<u8>>) -> Result<(), HostError> {
    for certificate in &renewal.certificates {
        for part in RenewedCertificate::PARTS.into_iter().chain(["lent"]) {
            host.remove_file(&kept_file(renewal, certificate, part))?;
        }
    }
    if renewal.current {
        return host.write_file(&renewal.done).map(drop);
    }
    let Some(record) = record else { return Ok(()) };
    let content = Text::plain(String::from_utf8_lossy(&record).into_owned());
    let spec = FileSpec {
        content,
        ..renewal.done.clone()
    };
    host.write_file(&spec).map(drop)
}

fn missing<H: Host>(host: &H, kept: &[&RenewedCertificate]) -> Result<Vec<String>, HostError> {
    let mut missing = Vec::new();
    for certificate in kept {
        for part in RenewedCertificate::PARTS {
            if host.path_state(&certificate.file(part))? == PathState::Absent {
                missing.push(certificate.name.clone());
                break;
            }
        }
    }
    Ok(missing)
}

fn kept_file(renewal: &Renewal, certificate: &RenewedCertificate, part: &str) -> PathBuf {
    renewal
        .kept
        .path
        .join(format!("{}.{part}", certificate.name))
}

fn copy<H: Host>(
    host: &H,
    renewal: &Renewal,
    from: &std::path::Path,
    to: PathBuf,
) -> Result<(), HostError> {
    let Some(bytes) = host.read_file(from, LARGEST)? else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    host.write_file(&file(renewal, to, text)).map(drop)
}

/// A file of the front door's own, as it writes them itself. Its content goes nowhere else.
fn file(renewal: &Renewal, path: PathBuf, content: String) -> FileSpec {
    FileSpec {
        path,
        content: Text::plain(content),
        owner: renewal.kept.owner,
        mode: 0o600,
    }
}

fn failed(renewal: &Renewal, words: &str) -> StepError {
    StepError::Reload {
        service: renewal.reload.service.clone(),
        words: words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_ones_are_lent_and_the_rest_of_the_configuration_stays() {
        let own = json!({"apps": {"http": {"servers": {
            "srv0": {"listen": [":443"], "automatic_https": {"disable_redirects": true}},
            "srv1": {"listen": [":80"]},
        }}, "tls": {"automation": {"policies": [1]}}}});
        let certificate = RenewedCertificate {
            name: "a.example.org".into(),
            folder: "/x".into(),
        };
        let only = lent(&own, "/data/renewal", &[&certificate], false);
        let tls = &only["apps"]["tls"];
        assert_eq!(tls["automation"], own["apps"]["tls"]["automation"]);
        assert_eq!(
            tls["certificates"]["load_files"][0]["certificate"],
            "/data/renewal/a.example.org.lent"
        );
        let servers = &only["apps"]["http"]["servers"];
        assert_eq!(servers["srv0"]["tls_connection_policies"], json!([{}]));
        assert_eq!(servers["srv1"], json!({"listen": [":80"]}));
        assert!(servers["srv0"]["automatic_https"]["ignore_loaded_certificates"].is_null());
        let beside = lent(&own, "/data/renewal", &[&certificate], true);
        let server = &beside["apps"]["http"]["servers"]["srv0"];
        assert_eq!(
            server["automatic_https"],
            json!({"disable_redirects": true, "ignore_loaded_certificates": true})
        );
    }
}
