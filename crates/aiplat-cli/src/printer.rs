//! The one place that prints: results on standard output, everything else on standard error.

use std::io::Write;

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use crate::args::Global;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::view::style;

/// Prints. With `--json`, standard output gets exactly one JSON document, a result or an error, and nothing else is
/// printed.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    out: ColorChoice,
    err: ColorChoice,
}

impl Printer {
    pub(crate) fn new(global: &Global, environment: &Environment) -> Self {
        let wanted = environment.colour() && !global.no_color && !global.json;
        let choice = |terminal| {
            if wanted && terminal {
                ColorChoice::Always
            } else {
                ColorChoice::Never
            }
        };
        Self {
            json: global.json,
            quiet: global.quiet,
            out: choice(environment.terminal_out),
            err: choice(environment.terminal_err),
        }
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress is told to anybody.
    pub(crate) fn tells_progress(&self) -> bool {
        !self.json && !self.quiet
    }

    /// A result: as text, or as JSON when that was asked for.
    pub(crate) fn result<T: Serialize>(&self, json: &T, text: impl FnOnce() -> String) {
        if self.json {
            self.document(json);
        } else {
            let text = text();
            if !text.trim().is_empty() {
                self.text(text.trim_end());
            }
        }
    }

    /// Text that is itself the result, whatever form was asked for.
    pub(crate) fn text(&self, text: &str) {
        self.out(text);
    }

    /// One JSON document.
    pub(crate) fn document<T: Serialize>(&self, value: &T) {
        let text = serde_json::to_string_pretty(value).expect("results have only string keys");
        self.out(&text);
    }

    /// One JSON document on one line, where there are many.
    pub(crate) fn line<T: Serialize>(&self, value: &T) {
        self.out(&serde_json::to_string(value).expect("results have only string keys"));
    }

    /// Bytes of a program in a container, as they are.
    pub(crate) fn bytes(bytes: &[u8], error: bool) {
        if error {
            let mut stream = std::io::stderr().lock();
            let _ = stream.write_all(bytes).and_then(|()| stream.flush());
        } else {
            let mut stream = std::io::stdout().lock();
            let _ = stream.write_all(bytes).and_then(|()| stream.flush());
        }
    }

    /// What is going on.
    pub(crate) fn progress(&self, text: &str) {
        if self.tells_progress() {
            self.err(text);
        }
    }

    /// What works, but was perhaps not meant.
    pub(crate) fn warning(&self, text: &str) {
        if !self.json {
            self.err(&format!("{} {text}", style::warning("warning:")));
        }
    }

    /// Why it did not work.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            self.document(&failure.json());
        } else {
            self.err(failure.text().trim_end());
        }
    }

    /// What `clap` says of a wrong command line.
    pub(crate) fn usage(&self, text: &str) {
        self.err(text);
    }

    // a reader that went away, such as `head`, is no failure of ours
    fn out(&self, text: &str) {
        let _ = writeln!(
            AutoStream::new(std::io::stdout(), self.out).lock(),
            "{text}"
        );
    }

    fn err(&self, text: &str) {
        let _ = writeln!(
            AutoStream::new(std::io::stderr(), self.err).lock(),
            "{text}"
        );
    }
}
