//! Colours. They repeat what the words say and never carry meaning of their own; the printer takes them out where they
//! are not wanted.

use anstyle::{AnsiColor, Style};

fn paint(style: Style, text: &str) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

/// New, or well.
pub(crate) fn good(text: &str) -> String {
    paint(colour(AnsiColor::Green), text)
}

/// Different, or to be noticed.
pub(crate) fn changed(text: &str) -> String {
    paint(colour(AnsiColor::Yellow), text)
}

/// Gone, or wrong.
pub(crate) fn bad(text: &str) -> String {
    paint(colour(AnsiColor::Red), text)
}

/// The word before a warning.
pub(crate) fn warning(text: &str) -> String {
    paint(colour(AnsiColor::Yellow).bold(), text)
}

/// The word before an error.
pub(crate) fn error(text: &str) -> String {
    paint(colour(AnsiColor::Red).bold(), text)
}

/// A heading.
pub(crate) fn heading(text: &str) -> String {
    paint(Style::new().bold(), text)
}

/// Aside.
pub(crate) fn faint(text: &str) -> String {
    paint(Style::new().dimmed(), text)
}

/// One of six colours, to tell neighbours apart.
pub(crate) fn nth(index: usize, text: &str) -> String {
    const COLOURS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Yellow,
        AnsiColor::Blue,
        AnsiColor::BrightCyan,
    ];
    paint(colour(COLOURS[index % COLOURS.len()]), text)
}

/// How many columns a text takes, colours left out.
pub(crate) fn width(text: &str) -> usize {
    anstream::adapter::strip_str(text)
        .to_string()
        .chars()
        .count()
}
