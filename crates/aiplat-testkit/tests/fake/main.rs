//! Whole stacks on an engine and a host in memory: observe, plan, apply, and everything that can go wrong on the way.

mod backup;
mod contract;
mod extended;
mod interrupted;
mod operations;
mod order;
mod quiet;
mod renewed;
mod restored;
mod rollback;
mod rotated;
mod sign_in;
mod support;
mod upgrade;
