//! What goes over the wire: the real client against a socket that records every request and answers from a table.

mod answers;
mod create;
mod socket;
mod terminal;
