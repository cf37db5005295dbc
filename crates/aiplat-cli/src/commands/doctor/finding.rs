//! One thing that was looked at.

use serde::Serialize;

use crate::failure::Failure;
use crate::view::style;

/// How bad it is; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// It must be mended.
    Error,
    /// It may be meant so.
    Warning,
    /// It is good to know.
    Note,
    /// It is well.
    Ok,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// What was looked at, in one word.
    pub(super) check: &'static str,
    /// What was found.
    pub(super) found: String,
    /// What to do.
    pub(super) fix: Option<String>,
}

impl Finding {
    fn new(
        severity: Severity,
        check: &'static str,
        found: impl Into<String>,
        fix: Option<String>,
    ) -> Self {
        Self {
            severity,
            check,
            found: found.into(),
            fix,
        }
    }

    pub(super) fn error(
        check: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Error, check, found, Some(fix.into()))
    }

    pub(super) fn warning(
        check: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, check, found, Some(fix.into()))
    }

    pub(super) fn note(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(Severity::Note, check, found, None)
    }

    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(Severity::Ok, check, found, None)
    }

    /// The finding for people.
    pub(super) fn text(&self) -> String {
        let word = match self.severity {
            Severity::Error => style::bad("error  "),
            Severity::Warning => style::changed("warning"),
            Severity::Note => style::faint("note   "),
            Severity::Ok => style::good("ok     "),
        };
        let fix = self
            .fix
            .as_ref()
            .map(|fix| format!("{:20}fix: {fix}\n", ""))
            .unwrap_or_default();
        format!("{word}  {:9}  {}\n{fix}", self.check, self.found)
    }
}

/// Something that could not even be looked at.
pub(super) fn failed(check: &'static str, failure: &Failure) -> Finding {
    let error = &failure.json()["error"];
    let word = |key: &str| error[key].as_str().map(str::to_owned);
    let mut found = word("message").unwrap_or_default();
    for problem in error["problems"].as_array().into_iter().flatten() {
        found += &format!("; {}", problem["message"].as_str().unwrap_or_default());
    }
    Finding::new(Severity::Error, check, found, word("hint"))
}
