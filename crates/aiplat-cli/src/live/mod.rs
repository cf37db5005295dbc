//! What goes on during a deploy, as it happens: moving bars on a terminal, plain lines elsewhere, nothing when nobody
//! wants to see it.

mod bars;
mod lines;

use aiplat_docker::events::{Event, Events};

use crate::session::Session;
use bars::Bars;
use lines::Lines;

/// One of the views.
pub(crate) enum Live {
    Bars(Bars),
    Lines(Lines),
    Silent,
}

impl Live {
    /// The view that fits where the command runs.
    pub(crate) fn of(session: &Session) -> Self {
        if !session.printer.tells_progress() {
            Self::Silent
        } else if session.environment.can_draw() {
            Self::Bars(Bars::new())
        } else {
            Self::Lines(Lines::new(session.printer.clone()))
        }
    }

    /// Takes the view away; what it left to read stays.
    pub(crate) fn end(&self) {
        if let Self::Bars(bars) = self {
            bars.end();
        }
    }
}

impl Events for Live {
    fn on(&self, event: Event<'_>) {
        match self {
            Self::Bars(bars) => bars.on(&event),
            Self::Lines(lines) => lines.on(&event),
            Self::Silent => {}
        }
    }
}

/// A step without a service, in words.
fn ground(id: &str) -> Option<String> {
    let words = match id.split_once('/') {
        None => id.to_owned(),
        Some(("image", reference)) => format!("image {reference}"),
        Some(("check", service)) => format!("{service}: configuration checked"),
        Some(("provision", path)) => match path.split_once('/') {
            Some((service, provider)) => format!("{provider}: made what {service} needs"),
            None => path.to_owned(),
        },
        Some(("setup", service)) => format!("{service}: set up"),
        Some(("network", name)) => format!("network {name}"),
        Some(("backup", what)) => format!("{what}: in the backup"),
        Some(("restore" | "verify", what)) => what.to_owned(),
        Some(("purge", name)) => format!("{name}/ purged"),
        Some(_) => return None,
    };
    Some(words)
}
