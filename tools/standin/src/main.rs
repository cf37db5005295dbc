//! A tool of aiplat developers.
fn main() {}
