//! Taking known secrets out of text that others wrote, such as log lines, before anybody sees it.

use std::collections::BTreeSet;
use std::fmt;

use aiplat_core::config::StackConfig;
use aiplat_core::plan::{Plan, Step};
use aiplat_core::spec::{ContainerSpec, DataCopy, Gate, Probe, Provision, Withdrawal};
use aiplat_core::text::Text;

/// Shorter values are no secrets of ours and would take ordinary words out.
const SHORTEST: usize = 6;

/// What stands where a secret stood.
const MARK: &str = "<secret>";

/// Knows secrets and takes them out of text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret which is part of another one leaves nothing behind.
    secrets: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Knows the secrets of these texts.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a Text>) -> Self {
        let mut found = BTreeSet::new();
        for text in texts.into_iter().filter(|text| text.is_secret()) {
            let value = text.expose();
            found.extend(
                hidden_parts(text.shown(), value)
                    .into_iter()
                    .map(str::to_owned),
            );
            if !value.trim().contains('\n') {
                found.insert(value.trim().to_owned());
            }
        }
        let mut secrets: Vec<String> = found.into_iter().filter(|s| s.len() >= SHORTEST).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// Knows every secret of a plan.
    pub fn of_plan(plan: &Plan) -> Self {
        Self::of(
            plan.steps
                .iter()
                .flat_map(|planned| step_texts(&planned.step)),
        )
    }

    /// Knows all secrets of a stack.
    pub fn of_stack(config: &StackConfig) -> Self {
        let key = config.secrets.fingerprint_key();
        let texts: Vec<Text> = config
            .secrets
            .iter()
            .map(|(name, value)| Text::secret(format!("<secret:{name}>"), value.clone(), &key))
            .collect();
        Self::of(&texts)
    }

    /// The text without the secrets.
    pub fn clean(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) {
                text.replace(secret.as_str(), MARK)
            } else {
                text
            }
        })
    }
}

/// The parts of `value` that stand where `shown` has `<secret:name>`: what is between matches literally.
fn hidden_parts<'v>(shown: &str, value: &'v str) -> Vec<&'v str> {
    let mut parts = Vec::new();
    let mut pieces = shown.split("<secret:");
    let Some(mut rest) = pieces.next().and_then(|head| value.strip_prefix(head)) else {
        return parts;
    };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let Some((_, literal)) = piece.split_once('>') else {
            return parts;
        };
        let end = match (literal.is_empty(), pieces.peek().is_some()) {
            (true, true) => return parts, // two secrets side by side: no telling where one ends
            (true, false) => Some(rest.len()),
            (false, true) => rest.find(literal),
            (false, false) => rest.rfind(literal),
        };
        let Some(end) = end else { return parts };
        parts.push(&rest[..end]);
        rest = &rest[end + literal.len()..];
    }
    parts
}

fn step_texts(step: &Step) -> Vec<&Text> {
    match step {
        Step::Files(files) => files.iter().map(|file| &file.content).collect(),
        Step::Check(once) => container_texts(&once.container),
        Step::Container(step) => container_texts(&step.spec)
            .into_iter()
            .chain(gate_texts(&step.gate))
            .chain(step.copy.iter().flat_map(copy_texts))
            .collect(),
        Step::Start { gate, .. } | Step::Gate(gate) => gate_texts(gate),
        Step::Provision(provision) => provision_texts(provision),
        Step::Withdraw(withdrawal) => withdrawal_texts(withdrawal),
        Step::Secret(act) => act
            .texts()
            .into_iter()
            .chain(gate_texts(&act.gate))
            .collect(),
        Step::Reload(reload) => gate_texts(&reload.gate),
        Step::Renew(renewal) => gate_texts(&renewal.reload.gate),
        Step::SignIn(step) => std::iter::once(&step.kept.content)
            .chain(gate_texts(&step.gate))
            .collect(),
        Step::Configure(configure) => configure
            .files
            .iter()
            .map(|file| &file.content)
            .chain(gate_texts(&configure.reload.gate))
            .collect(),
        Step::Directories(_)
        | Step::RemoveFile { .. }
        | Step::Cgroup(_)
        | Step::Quota(_)
        | Step::Network(_)
        | Step::Firewall(_)
        | Step::Profiles { .. }
        | Step::Image { .. }
        | Step::Stop(_)
        | Step::RemoveContainer(_)
        | Step::RemoveNetwork { .. }
        | Step::RemoveFirewall(_)
        | Step::RemoveProfiles { .. }
        | Step::RemoveCgroup { .. }
        | Step::RemoveQuota(_)
        | Step::PurgeDirectory { .. }
        | Step::Release => Vec::new(),
    }
}

fn container_texts(spec: &ContainerSpec) -> Vec<&Text> {
    let arguments = spec.entrypoint.iter().chain(&spec.command).flatten();
    spec.env.values().chain(arguments).collect()
}

fn gate_texts(gate: &Gate) -> Vec<&Text> {
    match &gate.probe {
        Probe::Redis { password, .. } => vec![password],
        Probe::Http { .. }
        | Probe::Postgres { .. }
        | Probe::Tcp { .. }
        | Probe::Exec { .. }
        | Probe::Alive { .. }
        | Probe::Engine => Vec::new(),
    }
}

fn copy_texts(copy: &DataCopy) -> Vec<&Text> {
    let databases = copy.databases.iter();
    databases.map(|server| &server.password).collect()
}

fn withdrawal_texts(withdrawal: &Withdrawal) -> Vec<&Text> {
    let mut all = gate_texts(withdrawal.gate());
    match withdrawal {
        Withdrawal::Postgres(server) => all.push(&server.password),
        Withdrawal::Http { shelves, .. } => {
            let headers = shelves.iter().flat_map(|shelf| &shelf.headers);
            all.extend(headers.map(|(_, value)| value));
        }
    }
    all
}

fn provision_texts(provision: &Provision) -> Vec<&Text> {
    match provision {
        Provision::Postgres {
            gate,
            password,
            databases,
            ..
        } => gate_texts(gate)
            .into_iter()
            .chain([password])
            .chain(databases.iter().map(|database| &database.password))
            .collect(),
        Provision::Http { gate, requests, .. } => gate_texts(gate)
            .into_iter()
            .chain(
                requests
                    .iter()
                    .flat_map(|r| r.headers.iter().map(|(_, value)| value).chain(&r.body)),
            )
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use aiplat_core::text::FingerprintKey;

    use super::*;

    fn secret(shown: &str, value: &str) -> Text {
        Text::secret(shown, value.into(), &FingerprintKey::new("key".into()))
    }

    #[test]
    fn the_secret_inside_a_longer_text_is_known() {
        let redactor = Redactor::of([&secret(
            "postgres://u:<secret:db>@h/d",
            "postgres://u:hunter22@h/d",
        )]);
        assert_eq!(
            redactor.clean("FATAL: hunter22 is wrong"),
            "FATAL: <secret> is wrong"
        );
    }

    #[test]
    fn secrets_of_a_whole_file_are_known() {
        let redactor = Redactor::of([&secret(
            "requirepass <secret:a>\nmasterauth <secret:b>\n",
            "requirepass alphaalpha\nmasterauth betabeta\n",
        )]);
        assert_eq!(redactor.clean("alphaalpha betabeta"), "<secret> <secret>");
        assert_eq!(redactor.clean("requirepass"), "requirepass");
    }

    #[test]
    fn ordinary_words_stay() {
        let redactor = Redactor::of([&Text::plain("ordinary"), &secret("<secret:x>", "abc")]);
        assert_eq!(redactor.clean("ordinary abc"), "ordinary abc");
    }

    #[test]
    fn the_longer_secret_goes_first() {
        let redactor = Redactor::of([
            &secret("<secret:x>", "abcdef"),
            &secret("<secret:y>", "abcdefghi"),
        ]);
        assert_eq!(redactor.clean("abcdefghi"), "<secret>");
        assert!(!format!("{redactor:?}").contains("abcdef"));
    }
}
