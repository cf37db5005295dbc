//! Archives on a real file system: there and back, changed, cut off, hostile.

mod bucket;
mod full_disk;
mod hostile;
mod round_trip;
mod support;
mod tamper;
mod targets;
