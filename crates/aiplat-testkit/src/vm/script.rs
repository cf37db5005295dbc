//! What the machine is told to do, and which answer belongs to which question.

use std::collections::BTreeMap;

use super::program::Exchange;
use super::table::{Row, Table};

/// The number of a step, to look its answer up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(usize);

/// The profile of a process that has none.
pub(super) const UNCONFINED: &str = "-";

/// Lines for the probe's `/script`.
#[derive(Debug, Default)]
pub struct Script {
    lines: Vec<String>,
}

/// The steps in which the rows of a table are answered for one profile.
#[derive(Debug, Clone)]
pub struct Case {
    start: Step,
    table: Step,
    label: Step,
}

/// The machine's answers by step.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    by_step: BTreeMap<usize, String>,
}

impl Script {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads the policy file, replacing what is loaded under its names. One write.
    pub fn load(&mut self, file: &str) -> Step {
        self.push(format!("load\t{file}"))
    }

    /// Removes a profile.
    pub fn remove(&mut self, profile: &str) -> Step {
        self.push(format!("remove\t{profile}"))
    }

    /// Lists the loaded profiles, separated by tabs.
    pub fn profiles(&mut self) -> Step {
        self.push("profiles".to_owned())
    }

    /// Prints the kernel's features.
    pub fn features(&mut self) -> Step {
        self.push("features".to_owned())
    }

    /// Stops the kernel from logging denials, which takes time where thousands are meant to happen.
    pub fn quiet(&mut self) -> Step {
        self.push("quiet".to_owned())
    }

    /// Prints what the kernel's log says was denied so far.
    pub fn log(&mut self) -> Step {
        self.push("log".to_owned())
    }

    /// Ends the container there is and starts a fresh one.
    pub fn container(&mut self) -> Step {
        self.push("container".to_owned())
    }

    /// As [`Script::container`], with the tree at `path` of the archive as the image.
    pub fn container_of(&mut self, path: &str) -> Step {
        self.push(format!("container\t{path}"))
    }

    /// Starts `command` of the image as `user` under `profile`.
    pub fn start(&mut self, profile: Option<&str>, user: u32, command: &[String]) -> Step {
        let profile = profile.unwrap_or(UNCONFINED);
        self.push(format!("start\t{profile}\t{user}\t{}", command.join("\t")))
    }

    /// The label the program wears.
    pub fn program_label(&mut self) -> Step {
        self.push("program\tlabel".to_owned())
    }

    /// The program's last lines of output, separated by tabs.
    pub fn program_output(&mut self) -> Step {
        self.push("program\toutput".to_owned())
    }

    /// Asks the program on a port until it answers as expected, for at most `seconds`.
    pub fn program_answers(&mut self, port: u16, exchange: &Exchange, seconds: u64) -> Step {
        let Exchange { say, expect } = exchange;
        self.push(format!(
            "program\tanswers\t{port}\t{say}\t{expect}\t{seconds}"
        ))
    }

    /// Stops the program politely and says how it ended.
    pub fn program_stop(&mut self, seconds: u64) -> Step {
        self.push(format!("program\tstop\t{seconds}"))
    }

    /// Tells the container the rows that [`Script::case`] runs.
    pub fn table(&mut self, table: &Table) {
        self.push("begin".to_owned());
        for row in table.rows() {
            self.push(format!("add\t{}", line(row)));
        }
    }

    /// Starts a process under `profile` (nothing: unconfined), with one of the profile `other`
    /// beside it.
    pub fn subject(&mut self, profile: Option<&str>, other: &str) -> Step {
        self.push(format!(
            "subject\t{}\t{other}",
            profile.unwrap_or(UNCONFINED)
        ))
    }

    /// One row, tried by the present subject.
    pub fn row(&mut self, row: &str) -> Step {
        self.push(format!("row\t{}", row.replace(' ', "\t")))
    }

    /// The present subject's label, as the runtime sees it.
    pub fn label(&mut self) -> Step {
        self.push("label".to_owned())
    }

    /// Every row the container was last told, under `profile`.
    pub fn case(&mut self, profile: Option<&str>, other: &str) -> Case {
        let start = self.subject(profile, other);
        let rows = self.push("run".to_owned());
        let label = self.label();
        Case {
            start,
            table: rows,
            label,
        }
    }

    /// The text for the machine.
    pub fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }

    fn push(&mut self, line: String) -> Step {
        self.lines.push(line);
        Step(self.lines.len() - 1)
    }
}

fn line(row: &Row) -> String {
    std::iter::once(row.op.as_str())
        .chain(row.args.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("\t")
}

impl Answers {
    pub(super) fn insert(&mut self, step: usize, answer: String) {
        self.by_step.insert(step, answer);
    }

    /// The answer of a step; `none` where the machine never got there, which no test takes for
    /// a denial.
    pub fn of(&self, step: Step) -> &str {
        self.by_step.get(&step.0).map_or("none", String::as_str)
    }

    /// One word for each row of `table`, in the table's order.
    pub fn words(&self, case: &Case, table: &Table) -> Vec<String> {
        let mut words = self.of(case.table).split(' ');
        table
            .rows()
            .iter()
            .map(|_| words.next().unwrap_or("none").to_owned())
            .collect()
    }

    /// Whether the case's subject started at all: `ok`, or what the kernel said.
    pub fn started(&self, case: &Case) -> &str {
        self.of(case.start)
    }

    /// The label the case's subject wore.
    pub fn label(&self, case: &Case) -> &str {
        self.of(case.label)
    }
}
