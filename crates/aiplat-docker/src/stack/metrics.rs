//! A stack's own numbers, in the form that Prometheus reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use aiplat_core::audit::{self, Entry, entries};
use aiplat_core::catalogue::Catalogue;
use aiplat_core::desired::DesiredService;
use aiplat_core::observed::{ContainerState, ObservedContainer};
use aiplat_core::plan::{self, Change};
use futures_util::future::join_all;
use serde::Serialize;

use super::{
    Places, PrepareError, Standing, authority, certificates, own_authority, quota, standing, trail,
};
use crate::apply::{JournalFile, Moment, read_journal};
use crate::engine::Engine;
use crate::host::Host;
use crate::probe::{Outcome, probe_once};
use crate::redact::Redactor;

/// One metric with all its samples. All of them are gauges.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// Name, such as `aiplat_service_up`.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub help: &'static str,
    /// Its samples.
    pub samples: Vec<Sample>,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Labels besides the stack's name.
    pub labels: BTreeMap<&'static str, String>,
    /// The number.
    pub value: f64,
}

/// The metrics of the stack in a directory. Nothing is locked, and nothing changed.
///
/// # Errors
/// [`PrepareError`].
pub async fn metrics<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    places: &Places,
) -> Result<Vec<Metric>, PrepareError> {
    let mut stack = standing(engine, host, catalogue, base_dir, places, None).await?;
    // the kernel tells root alone: whoever else asks goes without
    let _ = quota::look(host, &stack.config, &mut stack.observed);
    let services: Vec<Service<'_>> = join_all(
        stack
            .desired
            .services
            .iter()
            .map(|s| Service::look(engine, &stack, s)),
    )
    .await;
    let up = services.iter().all(|s| s.healthy);
    let each = |value: &dyn Fn(&Service<'_>) -> Option<f64>| -> Vec<Sample> {
        let sample =
            |s: &Service<'_>| Some(sample([("service", s.of.name.to_string())], value(s)?));
        services.iter().filter_map(sample).collect()
    };
    let limits = |s: &Service<'_>| s.of.container.limits;
    let mut all = vec![
        metric(
            "aiplat_stack_up",
            "Whether every service of the stack answers as it should.",
            vec![sample([], flag(up))],
        ),
        metric(
            "aiplat_service_up",
            "Whether the service's container runs.",
            each(&|s| Some(flag(s.running))),
        ),
        metric(
            "aiplat_service_healthy",
            "Whether the service answers as it should.",
            each(&|s| Some(flag(s.healthy))),
        ),
        metric(
            "aiplat_service_memory_limit_bytes",
            "Memory that the service may use.",
            each(&|s| limits(s).memory_bytes.map(number)),
        ),
        metric(
            "aiplat_service_cpu_limit",
            "Processors that the service may use.",
            each(&|s| limits(s).milli_cpus.map(|milli| number(milli) / 1000.0)),
        ),
        metric(
            "aiplat_service_processes_limit",
            "Processes and threads that the service may have.",
            each(&|s| Some(f64::from(limits(s).pids))),
        ),
    ];
    all.extend(of_stack(host, &stack));
    all.extend(of_certificates(host, catalogue, &stack).await);
    let records = trail(places, stack.config.base_dir())?.verdict().records;
    all.extend(of_backups(&entries(&records)));
    all.retain(|metric| !metric.samples.is_empty());
    Ok(all)
}

/// Metrics in the text form that Prometheus and the textfile collector of its node exporter read.
pub fn metrics_text(stack: &str, metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let Metric {
            name,
            help,
            samples,
        } = metric;
        text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
        for sample in samples {
            let mut labels = format!("stack=\"{}\"", escaped(stack));
            for (key, value) in &sample.labels {
                labels += &format!(",{key}=\"{}\"", escaped(value));
            }
            text += &format!("{name}{{{labels}}} {}\n", sample.value);
        }
    }
    text
}

/// The limits of the whole stack, what a deploy would change, and what an interrupted run left.
fn of_stack<H: Host>(host: &H, stack: &Standing) -> Vec<Metric> {
    let (config, desired, observed) = (&stack.config, &stack.desired, &stack.observed);
    let cgroup = observed.host.cgroup.clone().unwrap_or_default();
    let disk = observed.host.quota.as_ref();
    let disk = disk.filter(|found| found.refusal.is_none());
    let one = |value: Option<f64>| value.map(|v| sample([], v)).into_iter().collect();
    let pending = plan::plan(config, desired, observed).ok().map(|plan| {
        let changing = |s: &&plan::PlannedStep| s.change != Change::Verify;
        plan.steps.iter().filter(changing).count()
    });
    let journal = JournalFile::of(config);
    let mut last: BTreeMap<String, Moment> = BTreeMap::new();
    for record in read_journal(host, &journal, UNIX_EPOCH).unwrap_or_default() {
        last.insert(record.step, record.moment);
    }
    let unfinished = last.values().filter(|m| **m == Moment::Begin).count();
    vec![
        metric(
            "aiplat_stack_memory_limit_bytes",
            "Memory that the whole stack may use, as the kernel has it.",
            one(cgroup.memory_bytes.map(number)),
        ),
        metric(
            "aiplat_stack_cpu_limit",
            "Processors that the whole stack may use, as the kernel has it.",
            one(cgroup.milli_cpus.map(|milli| number(milli) / 1000.0)),
        ),
        metric(
            "aiplat_stack_processes_limit",
            "Processes and threads that the whole stack may have, as the kernel has it.",
            one(cgroup.pids.map(f64::from)),
        ),
        metric(
            "aiplat_stack_disk_limit_bytes",
            "Disk space that the whole stack may use, as the kernel has it.",
            one(disk.and_then(|d| d.limit_bytes).map(number)),
        ),
        metric(
            "aiplat_stack_disk_used_bytes",
            "Disk space that counts towards that limit.",
            one(disk.map(|d| number(d.used_bytes))),
        ),
        metric(
            "aiplat_pending_changes",
            "Steps that a deploy would take: not 0 where the stack is not as its manifest says.",
            one(pending.map(size)),
        ),
        metric(
            "aiplat_firewall_closed",
            "Whether the host's own listeners are closed to the stack's containers; absent where that cannot be seen.",
            one(observed.host.firewall.available.then(|| {
                let guarded = &observed.host.firewall.guarded;
                flag(guarded.contains(&config.id.bridge()))
            })),
        ),
        metric(
            "aiplat_unfinished_steps",
            "Steps that were begun and neither done nor failed: a run was killed, or works now.",
            one(Some(size(unfinished))),
        ),
    ]
}

/// What the audit trail says of backups.
fn of_backups(trail: &[Entry]) -> Vec<Metric> {
    let backups = || trail.iter().filter(|entry| entry.begin.command == "backup");
    let good = |entry: &&Entry| {
        let ended = entry.ended.as_ref();
        ended.is_some_and(|end| end.outcome == audit::Outcome::Ok)
    };
    let last = backups().rfind(good).and_then(|entry| {
        let at = humantime::parse_rfc3339(&entry.ended.as_ref()?.at).ok()?;
        at.duration_since(UNIX_EPOCH).ok()
    });
    // one without an end died, where another command has begun since; else it may be at work now
    let decided = |entry: &&Entry| {
        entry.ended.is_some() || trail.last().is_some_and(|last| last.seq != entry.seq)
    };
    let result = backups().rfind(decided).map(|entry| flag(good(&entry)));
    vec![
        metric(
            "aiplat_backup_last_success_seconds",
            "When the last backup that was made wholly ended, seconds since 1970; 0 where there is none.",
            vec![sample([], last.map_or(0.0, |at| number(at.as_secs())))],
        ),
        metric(
            "aiplat_backup_last_ok",
            "Whether the last backup that was begun was made wholly; absent where none was begun.",
            result.map(|value| sample([], value)).into_iter().collect(),
        ),
    ]
}

async fn of_certificates<H: Host>(
    host: &H,
    catalogue: &Catalogue,
    stack: &Standing,
) -> Vec<Metric> {
    let config = &stack.config;
    let whose = authority(config).word();
    let served = certificates(config, catalogue).await;
    let labels = |name: &str| [("name", name.to_owned()), ("authority", whose.to_owned())];
    let found = served
        .iter()
        .filter_map(|s| Some((s.name.as_str(), s.certificate.as_ref().ok()?)));
    let each = |moment: fn(&crate::certificate::Certificate) -> i64| -> Vec<Sample> {
        let sample = |(name, c): (&str, _)| sample(labels(name), seconds(moment(c)));
        found.clone().map(sample).collect()
    };
    let valid = served
        .iter()
        .map(|s| sample(labels(&s.name), flag(s.certificate.is_ok())));
    let root = own_authority(host, config).map(|c| sample([], seconds(c.not_after)));
    vec![
        metric(
            "aiplat_certificate_served",
            "Whether the front door serves a certificate under this name.",
            valid.collect(),
        ),
        metric(
            "aiplat_certificate_not_after_seconds",
            "When the certificate that the front door serves ends, seconds since 1970.",
            each(|c| c.not_after),
        ),
        metric(
            "aiplat_certificate_not_before_seconds",
            "When the certificate that the front door serves began, seconds since 1970.",
            each(|c| c.not_before),
        ),
        metric(
            "aiplat_authority_not_after_seconds",
            "When the certificate of the front door's own authority ends, seconds since 1970.",
            root.into_iter().collect(),
        ),
    ]
}

/// One service, asked now.
struct Service<'a> {
    of: &'a DesiredService,
    running: bool,
    healthy: bool,
}

impl<'a> Service<'a> {
    async fn look<E: Engine>(engine: &E, stack: &Standing, of: &'a DesiredService) -> Self {
        let own = |c: &&ObservedContainer| {
            c.name == of.container.name.as_str() && c.belongs_to(&stack.config.id)
        };
        let found = stack.observed.containers.iter().find(own);
        let running = found.is_some_and(|c| c.state == ContainerState::Running);
        // nobody sees what it answered
        let redactor = Redactor::default();
        let healthy = running
            && matches!(
                probe_once(engine, &of.gate, &redactor).await,
                Ok(Outcome::Ready)
            );
        Self {
            of,
            running,
            healthy,
        }
    }
}

fn metric(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Metric {
    Metric {
        name,
        help,
        samples,
    }
}

fn sample<const N: usize>(labels: [(&'static str, String); N], value: f64) -> Sample {
    Sample {
        labels: labels.into(),
        value,
    }
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[allow(clippy::cast_precision_loss, reason = "the form has only such numbers")]
fn number(value: u64) -> f64 {
    value as f64
}

#[allow(clippy::cast_precision_loss, reason = "the form has only such numbers")]
fn seconds(value: i64) -> f64 {
    value as f64
}

fn size(value: usize) -> f64 {
    number(u64::try_from(value).unwrap_or(u64::MAX))
}

/// A label's value, as the form wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, command: &str, ended: Option<audit::Outcome>) -> Entry {
        Entry {
            seq,
            at: "2026-11-22T09:00:00Z".to_owned(),
            who: audit::Who::default(),
            begin: audit::Begin {
                command: command.to_owned(),
                ..audit::Begin::default()
            },
            ended: ended.map(|outcome| audit::Ending {
                at: format!("2026-11-22T09:0{seq}:00.250Z"),
                outcome,
            }),
        }
    }

    #[test]
    fn the_last_backup_is_told_with_its_end_and_whether_it_was_one() {
        let failed = || {
            let error = "no room".to_owned();
            Some(audit::Outcome::Failed { error })
        };
        let good = || Some(audit::Outcome::Ok);
        let told = |trail: &[Entry]| {
            let [last, result] = of_backups(trail).try_into().unwrap();
            let value = |metric: Metric| metric.samples.first().map(|s| s.value);
            (value(last).unwrap(), value(result))
        };
        let ended = |seq: u32| 1_795_338_000.0 + f64::from(seq) * 60.0;
        assert_eq!(told(&[]), (0.0, None), "none was made");
        assert_eq!(told(&[entry(1, "deploy", good())]), (0.0, None));
        let all = [
            entry(1, "backup", good()),
            entry(2, "backup", good()),
            entry(3, "backup", failed()),
            entry(4, "backup", None),
            entry(5, "deploy", good()),
        ];
        assert_eq!(told(&all[..2]), (ended(2), Some(1.0)));
        assert_eq!(told(&all[..3]), (ended(2), Some(0.0)), "failed");
        assert_eq!(told(&all[1..2]), (ended(2), Some(1.0)));
        let at_work = [entry(1, "backup", good()), entry(4, "backup", None)];
        assert_eq!(told(&at_work), (ended(1), Some(1.0)), "perhaps at work");
        assert_eq!(told(&all[3..]), (0.0, Some(0.0)), "it died");
    }

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = [metric(
            "aiplat_service_up",
            "Whether it runs.",
            vec![
                sample([("service", "redis".to_owned())], 1.0),
                sample([("service", "a\"b\\c\nd".to_owned())], 1_795_384_220.0),
            ],
        )];
        assert_eq!(
            metrics_text("ai", &metrics),
            "# HELP aiplat_service_up Whether it runs.\n# TYPE aiplat_service_up gauge\n\
             aiplat_service_up{stack=\"ai\",service=\"redis\"} 1\n\
             aiplat_service_up{stack=\"ai\",service=\"a\\\"b\\\\c\\nd\"} 1795384220\n"
        );
    }
}
