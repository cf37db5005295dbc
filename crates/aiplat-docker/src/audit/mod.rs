//! The audit trail on disk: a stack's `config/audit.jsonl`, and its head in the state directory.
//!
//! Two files, in two places: the log lies with the stack, its head where the stack's user cannot write
//! (`<state dir>/audit/<stack id>.json`). Each record goes through both: pending in the head, in the log, settled in the
//! head. Whoever dies on the way leaves the record in the head, and the next run puts it into the log.
//! `stack::Operation` writes; this only says how.

mod caller;
mod store;

#[cfg(test)]
mod tests;

pub use caller::Caller;
pub use store::{AuditStore, Trail};
