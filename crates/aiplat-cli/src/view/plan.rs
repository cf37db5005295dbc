//! A plan as people read it: grouped, each change with a symbol, a word and its reason.

use std::fmt::Write as _;

use aiplat_core::plan::{Change, Plan, PlannedStep, Step};
use aiplat_core::spec::{FileSpec, QuotaSpec};

use super::style;
use crate::words::{self, count, list};

/// Where a step stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Ground,
    Images,
    Services,
    Inside,
    Removed,
}

impl Section {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Ground, "Ground"),
        (Self::Images, "Images"),
        (Self::Services, "Services"),
        (
            Self::Inside,
            "Configuration of services, and what is made in them",
        ),
        (Self::Removed, "Removed"),
    ];

    fn of(planned: &PlannedStep) -> Self {
        match &planned.step {
            // a service's own configuration
            Step::Files(_) if planned.id.contains('/') => Self::Inside,
            Step::Directories(_)
            | Step::Files(_)
            | Step::RemoveFile { .. }
            | Step::Cgroup(_)
            | Step::Quota(_)
            | Step::Network(_)
            | Step::Firewall(_)
            | Step::Profiles { .. } => Self::Ground,
            Step::Image { .. } => Self::Images,
            Step::Container(_) | Step::Start { .. } | Step::Stop(_) | Step::Gate(_) => {
                Self::Services
            }
            Step::Check(_)
            | Step::Provision(_)
            | Step::Secret(_)
            | Step::Reload(_)
            | Step::Renew(_)
            | Step::SignIn(_)
            | Step::Configure(_) => Self::Inside,
            Step::RemoveContainer(_)
            | Step::RemoveNetwork { .. }
            | Step::RemoveFirewall(_)
            | Step::RemoveProfiles { .. }
            | Step::RemoveCgroup { .. }
            | Step::RemoveQuota(_)
            | Step::PurgeDirectory { .. }
            | Step::Withdraw(_)
            | Step::Release => Self::Removed,
        }
    }
}

/// The whole plan.
pub(crate) fn text(plan: &Plan) -> String {
    let base = plan.base_dir.display();
    let mut text = format!("{} `{}` in {base}\n", style::heading("Stack"), plan.stack);
    text += &changes(plan);
    let risks = risks(plan).into_iter();
    let marked = risks.map(|risk| format!("{} {risk}", style::bad("!")));
    block(&mut text, "Risks", marked);
    block(
        &mut text,
        "Notes",
        plan.notes.iter().map(|note| format!("* {note}")),
    );
    let _ = write!(text, "\n{}\n", summary(plan));
    text
}

/// What changes, section by section; nothing where nothing does.
pub(crate) fn changes(plan: &Plan) -> String {
    let changing: Vec<&PlannedStep> = plan
        .steps
        .iter()
        .filter(|s| s.change != Change::Verify)
        .collect();
    let names: Vec<(String, &PlannedStep)> = changing.iter().map(|s| (name(s), *s)).collect();
    let wide = names
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0)
        .min(44);
    let mut text = String::new();
    for (section, title) in Section::ALL {
        let lines = names
            .iter()
            .filter(|(_, step)| Section::of(step) == section)
            .map(|(name, step)| {
                format!("{} {name:wide$}  {}", mark(step), style::faint(&step.why))
            });
        block(&mut text, title, lines);
    }
    text
}

fn block(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        let _ = write!(text, "\n{}\n", style::heading(title));
        lines
            .iter()
            .for_each(|line| text.push_str(&format!("  {}\n", line.trim_end())));
    }
}

/// `Plan: 3 to create, 1 to change, none to remove; 12 services are looked at.`
pub(crate) fn summary(plan: &Plan) -> String {
    let proofs = plan.count(Change::Verify);
    if !plan.has_changes() {
        let services = count(plan.services.len(), "service runs", "services run");
        return format!("Nothing to change: {services} as wanted.");
    }
    let parts: Vec<String> = [
        (Change::Create, "to create"),
        (Change::Update, "to change"),
        (Change::Remove, "to remove"),
    ]
    .into_iter()
    .map(|(change, words)| (plan.count(change), words))
    .filter(|(number, _)| *number > 0)
    .map(|(number, words)| format!("{number} {words}"))
    .collect();
    let proved = if proofs > 0 {
        format!("; {} without a change", count(proofs, "check", "checks"))
    } else {
        String::new()
    };
    format!("Plan: {}{proved}.", list(&parts))
}

/// Symbol and word for what happens, eleven columns wide.
fn mark(step: &PlannedStep) -> String {
    let word = match (&step.step, step.change) {
        (Step::Container(made), _) if made.replaces.is_some() => "~ replace",
        (Step::Start { .. }, _) => "~ start",
        (Step::Stop(_), _) => "~ stop",
        (Step::Provision(_), _) => "~ provide",
        (Step::Secret(_), Change::Update) => "~ rotate",
        (Step::Reload(_), _) => "~ reload",
        (Step::Image { .. }, _) => "+ pull",
        (Step::PurgeDirectory { .. } | Step::Withdraw(_), _) => "- purge",
        (_, Change::Create) => "+ create",
        (_, Change::Update) => "~ change",
        (_, Change::Remove) => "- remove",
        (_, Change::Verify) => "= check",
    };
    let padded = format!("{word:11}");
    match word.as_bytes()[0] {
        b'+' => style::good(&padded),
        b'~' => style::changed(&padded),
        b'-' => style::bad(&padded),
        _ => style::faint(&padded),
    }
}

/// What a step is about.
fn name(step: &PlannedStep) -> String {
    let id = step.id.as_str();
    let tail = id.split_once('/').map_or(id, |(_, tail)| tail);
    match &step.step {
        Step::Container(made) => made.spec.service.to_string(),
        Step::Directories(all) => count(all.len(), "directory", "directories"),
        Step::Files(files) if id == "secrets" => manifest_and_secrets(files),
        Step::Files(files) if !id.contains('/') => {
            format!("{id} ({})", count(files.len(), "file", "files"))
        }
        Step::Files(_) => format!("{tail}: {}", files_word(id)),
        Step::RemoveFile { path } | Step::PurgeDirectory { path, .. } => path.display().to_string(),
        Step::Network(network) => format!("network {} ({})", network.name, network.subnet),
        Step::Firewall(rules) | Step::RemoveFirewall(rules) => {
            format!("firewall rules for {}", rules.bridge)
        }
        Step::Cgroup(cgroup) => format!("limits of {}", cgroup.parent),
        Step::Quota(QuotaSpec {
            bytes: Some(bytes), ..
        }) => format!("{} of disk space at most", words::bytes(*bytes)),
        Step::Quota(_) | Step::RemoveQuota(_) => "limit of disk space".to_owned(),
        Step::Profiles { files } | Step::RemoveProfiles { files } => {
            count(files.len(), "AppArmor profile", "AppArmor profiles")
        }
        Step::Image { reference, .. } => reference.clone(),
        Step::Start { gate, .. } | Step::Gate(gate) => gate.service.to_string(),
        Step::Provision(_) => match tail.split_once('/') {
            Some((service, provider)) => format!("{provider}: for {service}"),
            None => format!("{tail}: first set-up"),
        },
        Step::Withdraw(withdrawal) => {
            let store = &withdrawal.gate().service;
            format!("{store}: {}", withdrawal.what().join(", "))
        }
        Step::Secret(act) => format!("{}: secret {}", act.gate.service, act.secret),
        Step::Reload(reload) => reload.service.to_string(),
        Step::Configure(configure) => configure.reload.service.to_string(),
        Step::Renew(renewal) => renewal.reload.service.to_string(),
        Step::SignIn(step) => step.service.to_string(),
        Step::Stop(stopped) => stopped.service.to_string(),
        Step::RemoveContainer(container) => container.name.clone(),
        Step::RemoveNetwork { name, .. } => format!("network {name}"),
        Step::RemoveCgroup { parent } => format!("limits of {parent}"),
        Step::Release => "reservations".to_owned(),
        Step::Check(_) => tail.to_owned(),
    }
}

/// The manifest and the files of secrets are written in one step, and are two things to whoever reads of it.
fn manifest_and_secrets(files: &[FileSpec]) -> String {
    let manifest = |file: &&FileSpec| file.path.ends_with("config/.env");
    let secrets = files.iter().filter(|file| !manifest(file)).count();
    let number = count(secrets, "file", "files");
    match (files.iter().any(|file| manifest(&file)), secrets) {
        (true, 0) => "manifest".to_owned(),
        (true, _) => format!("manifest and secrets ({number})"),
        (false, _) => format!("secrets ({number})"),
    }
}

/// What could be lost. Directories that are purged are one line: they are lost together.
fn risks(plan: &Plan) -> Vec<String> {
    let purged = |s: &&PlannedStep| matches!(s.step, Step::PurgeDirectory { .. });
    let risky = || plan.steps.iter().filter(|s| s.risk.is_some());
    let lost: Vec<String> = risky()
        .filter(purged)
        .filter_map(|s| match &s.step {
            Step::PurgeDirectory { path, .. } => Some(format!("`{}`", path.display())),
            _ => None,
        })
        .collect();
    let together = lost.len() > 1;
    let one = together.then(|| format!("purge: everything below {} is lost", list(&lost)));
    risky()
        .filter(|s| !(together && purged(s)))
        .filter_map(|s| Some(format!("{}: {}", s.id, s.risk.as_ref()?)))
        .chain(one)
        .collect()
}

fn files_word(id: &str) -> &'static str {
    match id.split('/').next().unwrap_or_default() {
        "stage" => "configuration to check",
        "setup-done" | "loaded" => "record",
        _ => "configuration",
    }
}

#[cfg(test)]
mod tests {
    use aiplat_core::spec::FirewallSpec;

    use super::*;

    fn step(id: &str, change: Change, step: Step) -> PlannedStep {
        PlannedStep {
            id: id.into(),
            after: Vec::new(),
            change,
            why: "is not there yet".into(),
            risk: None,
            step,
        }
    }

    fn plan(steps: Vec<PlannedStep>) -> Plan {
        Plan {
            stack: "ai".parse().unwrap(),
            stack_id: "0123456789ab".parse().unwrap(),
            base_dir: "/mnt/data".into(),
            services: vec![("redis".parse().unwrap(), "ai-redis".parse().unwrap())],
            steps,
            notes: vec!["AppArmor is not available here".into()],
        }
    }

    #[test]
    fn symbols_and_words_say_the_same_and_risks_and_notes_are_there() {
        let purge = Step::PurgeDirectory {
            path: "/mnt/data/data".into(),
            base_dir: "/mnt/data".into(),
        };
        let mut purge = step("purge/data", Change::Remove, purge);
        purge.risk = Some("everything below is lost".into());
        let firewall = Step::Firewall(FirewallSpec {
            bridge: "aip-1".into(),
            chain: "X".into(),
        });
        let shown = text(&plan(vec![
            step(
                "image/redis:8",
                Change::Create,
                Step::Image {
                    reference: "redis:8".into(),
                    guards: Vec::new(),
                },
            ),
            step("firewall", Change::Create, firewall),
            purge,
        ]));
        let plain = anstream::adapter::strip_str(&shown).to_string();
        for words in [
            "Stack `ai` in /mnt/data",
            "+ pull      redis:8",
            "+ create    firewall rules for aip-1",
            "- purge     /mnt/data/data",
            "! purge/data: everything below is lost",
            "* AppArmor is not available here",
            "Plan: 2 to create and 1 to remove.",
        ] {
            assert!(plain.contains(words), "{words:?} in\n{plain}");
        }
    }

    #[test]
    fn directories_that_are_purged_together_are_one_risk() {
        let purge = |name: &str| {
            let act = Step::PurgeDirectory {
                path: format!("/mnt/data/{name}").into(),
                base_dir: "/mnt/data".into(),
            };
            let mut purge = step(&format!("purge/{name}"), Change::Remove, act);
            purge.risk = Some(format!("everything below `/mnt/data/{name}` is lost"));
            purge
        };
        let plan = plan(vec![purge("data"), purge("config"), purge("ssl")]);
        let wanted = "purge: everything below `/mnt/data/data`, `/mnt/data/config` and `/mnt/data/ssl` is lost";
        assert_eq!(risks(&plan), [wanted]);
    }

    #[test]
    fn the_manifest_is_no_secret() {
        let file = |path: &str| FileSpec {
            path: path.into(),
            content: aiplat_core::text::Text::plain("x"),
            owner: aiplat_core::spec::Owner { uid: 1, gid: 1 },
            mode: 0o600,
        };
        let (env, key) = (file("/m/config/.env"), file("/m/config/secrets/key"));
        let both = [env.clone(), key.clone()];
        assert_eq!(manifest_and_secrets(&both), "manifest and secrets (1 file)");
        assert_eq!(manifest_and_secrets(&[env]), "manifest");
        assert_eq!(manifest_and_secrets(&[key]), "secrets (1 file)");
    }

    #[test]
    fn a_plan_without_changes_says_so() {
        assert_eq!(
            summary(&plan(Vec::new())),
            "Nothing to change: 1 service runs as wanted."
        );
        assert!(changes(&plan(Vec::new())).is_empty());
    }
}
