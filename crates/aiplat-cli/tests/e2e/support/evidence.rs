//! What is told of a test that failed: where it fails is a machine that nobody can look at afterwards.

use serde_json::Value;

use super::bed::Bed;
use super::run::last_runs;

/// Most lines of everything.
const LINES: usize = 140;

/// Writes down, among the words of the test that fails, its last runs, the engine's account of its containers, and the last
/// records of its stacks' journals.
#[allow(
    clippy::print_stderr,
    reason = "shown with the test's own words, and only when it fails"
)]
pub(super) fn tell(bed: &Bed) {
    let mut words = vec!["--- the last runs".to_owned()];
    words.extend(last_runs());
    words.push("--- containers".to_owned());
    for container in bed.engine.containers() {
        let name = container["Name"].as_str().unwrap_or_default();
        if name.contains(&bed.tag) {
            words.push(of_container(bed, &container));
        }
    }
    for (base, _) in bed.stacks() {
        words.push(format!("--- the journal of {}", base.display()));
        let journal = std::fs::read_to_string(base.join("config/journal.jsonl"));
        words.push(last(&journal.unwrap_or_default(), 8));
    }
    let words = words.join("\n");
    let lines: Vec<&str> = words.lines().collect();
    let shown: Vec<String> = lines
        .iter()
        .take(LINES)
        .map(|line| line.chars().take(400).collect())
        .collect();
    eprintln!("{}", shown.join("\n"));
    if lines.len() > LINES {
        eprintln!("... and {} lines more", lines.len() - LINES);
    }
}

/// One line, and of one that is not well what it and its health checks said last.
fn of_container(bed: &Bed, container: &Value) -> String {
    let state = &container["State"];
    let health = &state["Health"];
    let mut words = format!(
        "{} {} health {} failing {} restarts {} exit {} oom {} started {} finished {} error {}",
        container["Name"],
        state["Status"],
        health["Status"],
        health["FailingStreak"],
        container["RestartCount"],
        state["ExitCode"],
        state["OOMKilled"],
        state["StartedAt"],
        state["FinishedAt"],
        state["Error"]
    );
    let well = state["Status"] == "running" && (health.is_null() || health["Status"] == "healthy");
    if well {
        return words;
    }
    if let Some(check) = health["Log"].as_array().and_then(|all| all.last()) {
        words += &format!("\n  its last check: {check}");
    }
    let id = container["Id"].as_str().unwrap_or_default();
    let path = format!("/containers/{id}/logs?stdout=1&stderr=1&tail=6");
    let (_, log) = bed.engine.call("GET", &path, &Value::Null);
    let log = String::from_utf8_lossy(&log).replace(|c: char| c.is_control() && c != '\n', "");
    for line in log.lines() {
        words += &format!("\n  log: {line}");
    }
    words
}

fn last(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}
