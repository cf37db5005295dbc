//! A virtual machine whose kernel enforces `AppArmor`, for tests on machines that have none.
//!
//! Policies are compiled here on the host for the machine's kernel ([`Policies`]), packed with one
//! static program into an initramfs ([`Initramfs`]) and booted under software emulation
//! ([`Machine`]). Inside, the program loads the policies and tries, for each of them, every row of
//! a table ([`Table`]) in something that looks like a container; what was answered comes back by
//! the serial line. A boot takes some five seconds, needs neither root nor KVM nor an engine, and
//! leaves nothing behind.
//!
//! A second kind of machine ([`Guest`]) has a disk with a real container engine and real images ([`EngineDisk`]), and runs
//! the product itself.

mod disk;
mod guest;
mod initramfs;
mod kernel;
mod machine;
mod native;
mod packages;
mod policy;
mod probe;
mod program;
mod rows;
mod script;
mod table;

pub use disk::EngineDisk;
pub use guest::{Guest, Report};
pub use initramfs::Initramfs;
pub use kernel::{Kernel, KernelError};
pub use machine::{BootError, Machine, Transcript};
pub use native::Native;
pub use packages::Image;
pub use policy::{ApparmorParser, Policies, PolicyError};
pub use probe::{ProbeError, build_probe};
pub use program::{Exchange, Program, load_programs};
pub use rows::{Actor, EngineRow, EngineRows};
pub use script::{Answers, Case, Script, Step};
pub use table::{Expect, Row, Survivor, Table, TableError, Verdict, load_survivors};
