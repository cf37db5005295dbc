//! Each command has an example in the manual, and each example in manual and help is a command that there is.

use std::collections::BTreeSet;

use clap::Command;

use super::line;
use crate::pages::pages;

/// Commands whose page is not written yet. A command leaves this list with its page, and none joins it.
const NOT_YET: &[&str] = &[];

/// Every command that does something, as the words of its path; not those for packages.
fn leaves() -> BTreeSet<String> {
    fn collect(command: &Command, path: &str, leaves: &mut BTreeSet<String>) {
        for sub in command.get_subcommands() {
            if sub.is_hide_set() || sub.get_name() == "help" {
                continue;
            }
            let path = format!("{path} {}", sub.get_name());
            if sub.has_subcommands() {
                collect(sub, &path, leaves);
            } else {
                leaves.insert(path.trim().to_owned());
            }
        }
    }
    let mut all = BTreeSet::new();
    collect(&aiplat_cli::command(), "", &mut all);
    all
}

#[test]
fn each_command_has_an_example_in_the_manual() {
    let mut shown = BTreeSet::new();
    for page in pages()
        .iter()
        .filter(|p| p.name.starts_with("docs/manual/"))
    {
        for example in page.blocks().iter().flat_map(|block| &block.examples) {
            let paths = line::commands(&example.command);
            shown.extend(paths.unwrap_or_default().iter().map(|path| path.join(" ")));
        }
    }
    let missing: BTreeSet<String> = leaves().difference(&shown).cloned().collect();
    let expected: BTreeSet<String> = NOT_YET.iter().map(|&name| name.to_owned()).collect();
    let new: Vec<_> = missing.difference(&expected).collect();
    assert!(
        new.is_empty(),
        "expected an example in a ```console block of docs/manual: {new:?}"
    );
    let done: Vec<_> = expected.difference(&missing).collect();
    assert!(
        done.is_empty(),
        "documented by now, or gone: take out of NOT_YET: {done:?}"
    );
}

#[test]
fn each_command_that_the_manual_names_exists() {
    let mut wrong = Vec::new();
    for page in pages() {
        let lines = page.text.lines().enumerate();
        for (index, text) in lines {
            let told = text
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|code| code.contains("aiplat "));
            let shown = text
                .strip_prefix("$ ")
                .or_else(|| text.strip_prefix("aiplat ").map(|_| text));
            for code in told
                .chain(shown)
                .filter(|code| !code.ends_with("# exit 64"))
            {
                if let Err(words) = line::commands(code) {
                    wrong.push(format!("{}:{}: {words}", page.name, index + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_example_in_the_help_is_a_command_line_that_there_is() {
    fn check(command: &Command, wrong: &mut Vec<String>) {
        let help = command.clone().render_long_help().to_string();
        let examples = help.split("Examples:").nth(1).unwrap_or_default();
        for text in examples
            .lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        {
            if let Err(words) = line::commands(text) {
                wrong.push(format!("{}: {words}", command.get_name()));
            }
        }
        for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
            check(sub, wrong);
        }
    }
    let mut wrong = Vec::new();
    check(&aiplat_cli::command(), &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
