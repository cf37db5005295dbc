//! Why a command did not do what it was asked: kind and exit code, words, every problem, causes, and what to do.

mod backup;
mod engine;
mod extend;
mod rotate;
mod run;
mod stack;
mod upgrade;

use std::error::Error;

pub(crate) use stack::no_container;

use aiplat_core::settings::Problem;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::view::style;

/// A failure as people and programs are told of it. Holds no secret: every part comes from errors that hold none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    problems: Vec<Trouble>,
    causes: Vec<String>,
    hint: Option<String>,
    detail: Option<Value>,
}

/// One of several problems.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    words: String,
    key: Option<String>,
    line: Option<usize>,
}

impl Failure {
    /// A failure with its message: lower case, no full stop.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            problems: Vec::new(),
            causes: Vec::new(),
            hint: None,
            detail: None,
        }
    }

    /// An error and what caused it.
    pub(crate) fn of(exit: Exit, error: &dyn Error) -> Self {
        let mut failure = Self::new(exit, error.to_string());
        failure.causes = causes(error);
        failure
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do about it, when there is something.
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// Every problem, each on a line of its own.
    pub(crate) fn all<T: ToString>(mut self, problems: impl IntoIterator<Item = T>) -> Self {
        let troubles = problems.into_iter().map(|problem| Trouble {
            words: problem.to_string(),
            key: None,
            line: None,
        });
        self.problems.extend(troubles);
        self
    }

    /// Problems of the manifest and of settings.
    pub(crate) fn settings<'a>(mut self, problems: impl IntoIterator<Item = &'a Problem>) -> Self {
        for problem in problems {
            self.problems.push(Trouble {
                words: match problem.hint {
                    Some(hint) => format!("{problem}; {hint}"),
                    None => problem.to_string(),
                },
                key: problem.key.clone(),
                line: problem.line,
            });
        }
        self
    }

    /// What a program may want to know besides.
    pub(crate) fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The failure for people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} {}\n", style::error("error:"), self.message);
        for problem in &self.problems {
            text += &format!("  - {}\n", problem.words);
        }
        for cause in &self.causes {
            text += &format!("{} {cause}\n", style::bad("caused by:"));
        }
        if let Some(hint) = &self.hint {
            text += &format!("{} {hint}\n", style::good("hint:"));
        }
        text
    }

    /// The failure for programs.
    pub(crate) fn json(&self) -> Value {
        let problems: Vec<Value> = self
            .problems
            .iter()
            .map(|p| json!({"message": p.words, "key": p.key, "line": p.line}))
            .collect();
        let mut error = json!({
            "kind": self.exit.word(),
            "code": self.exit.code(),
            "message": self.message,
            "problems": problems,
            "causes": self.causes,
            "hint": self.hint,
        });
        if let Some(detail) = &self.detail {
            error["detail"] = detail.clone();
        }
        json!({ "error": error })
    }
}

/// What caused an error, outermost first, without repeating what was said.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !said.contains(&words) {
            causes.push(words.clone());
            said = words;
        }
        source = cause.source();
    }
    causes
}

/// Words for `count` problems: the problem itself where there is one.
fn headline(problems: &[String], one_kind: &str) -> String {
    match problems {
        [one] => one.clone(),
        many => format!("{} problems with {one_kind}", many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    fn plain(failure: &Failure) -> String {
        anstream::adapter::strip_str(&failure.text()).to_string()
    }

    #[test]
    fn people_see_message_problems_causes_and_hint_each_on_a_line() {
        let failure = Failure::of(Exit::Failure, &Outer(Inner))
            .all(["a", "b"])
            .hint("do this");
        assert_eq!(
            plain(&failure),
            "error: outer\n  - a\n  - b\ncaused by: inner\nhint: do this\n"
        );
    }

    #[test]
    fn programs_see_one_shape() {
        let json = Failure::new(Exit::Locked, "held").json();
        let error = &json["error"];
        assert_eq!(
            (error["kind"].as_str(), error["code"].as_u64()),
            (Some("locked"), Some(7))
        );
        for key in ["message", "problems", "causes", "hint"] {
            assert!(error.get(key).is_some(), "{key}");
        }
    }
}
