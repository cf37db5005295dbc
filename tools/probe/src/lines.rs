//! Lines of words between the processes, separated by tabs.

use std::io::{self, BufRead, Write};

/// One line on standard output, at once. Where nobody listens any more there is nobody to tell.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The next line, without its end; nothing at the end of the input.
pub(crate) fn next(input: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    match input.read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}
