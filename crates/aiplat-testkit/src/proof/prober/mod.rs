//! The prober: a child process that stands where a container's own processes stand, and tries things.
//!
//! The child is a program that calls [`serve`]: `aiplat` itself under a hidden word, or `aiplat-netprobe`. It is started
//! on the host, so that nothing is needed in an image; it opens the container's namespaces, enters them, gives up
//! every right that the container's user does not have, and only then reads what to try. It is in none of the
//! container's process namespaces, so nothing in the container can see, stop or trace it. The engine never hears of
//! it: there is no container to be left behind, and it ends when the one who started it does.

mod client;
mod dns;
mod enter;
mod files;
mod hog;
mod net;
mod protocol;
mod serve;

pub use client::{Prober, ProberError};
pub use hog::Hog;
pub use protocol::{Attempt, Entry, Got, How, Ready, Seen};
pub use serve::serve;
