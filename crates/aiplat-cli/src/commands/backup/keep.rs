//! Which archives stay, once a new one is there.

use aiplat_archive::{Keep, Sidecar, Target, Verdict};
use clap::Args;

use crate::failure::Failure;
use crate::session::Session;

/// Which of the stack's archives in the same place stay. Without any of these, all do.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Which older archives stay (all, where none of these is given)")]
pub(crate) struct KeepArgs {
    /// The last N
    #[arg(
        long = "keep-last",
        id = "keep-last",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    last: u32,
    /// The last one of each of N days
    #[arg(
        long = "keep-daily",
        id = "keep-daily",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    daily: u32,
    /// The last one of each of N weeks
    #[arg(
        long = "keep-weekly",
        id = "keep-weekly",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    weekly: u32,
    /// The last one of each of N months
    #[arg(
        long = "keep-monthly",
        id = "keep-monthly",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    monthly: u32,
}

impl KeepArgs {
    fn keep(self) -> Keep {
        Keep {
            last: self.last,
            daily: self.daily,
            weekly: self.weekly,
            monthly: self.monthly,
        }
    }

    /// Whether anything may go.
    pub(super) fn is_given(self) -> bool {
        self.keep() != Keep::default()
    }

    /// Deletes what need not stay, now that `new` is there; the names of what went. What cannot be deleted is said and
    /// stays: the backup itself is made.
    pub(super) fn carry_out(
        self,
        session: &Session,
        target: &Target,
        new: &Sidecar,
    ) -> Result<Vec<String>, Failure> {
        if !self.is_given() {
            return Ok(Vec::new());
        }
        let there: Vec<Sidecar> = target
            .list()?
            .into_iter()
            .filter_map(|a| a.sidecar)
            .collect();
        let mut deleted = Vec::new();
        for (name, verdict) in self.keep().decide(&new.stack, &new.stack_id, &there) {
            if verdict != Verdict::Delete {
                continue;
            }
            match target.delete(&name) {
                Ok(()) => deleted.push(name.to_string()),
                Err(error) => session.printer.warning(&error.to_string()),
            }
        }
        Ok(deleted)
    }
}
