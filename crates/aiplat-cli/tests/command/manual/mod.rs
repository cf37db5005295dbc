//! Help, manual and behaviour say the same: what the manual names exists, and what exists is in the manual.

mod examples;
mod generated;
mod line;
mod links;
