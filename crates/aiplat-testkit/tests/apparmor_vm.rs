//! The profiles on a kernel that enforces them: the allow and deny tables, two stacks, the life of
//! a loaded policy, and whether anybody would notice a missing rule.
//!
//! Needs `qemu-system-x86_64`, `apparmor_parser`, and either the network (Debian's kernel package,
//! once) or `AIPLAT_VM_KERNEL`. Where something is missing the tests say loudly that they did not
//! run; with `AIPLAT_REQUIRE_VM=1` they fail.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the report of a long test, and of one that did not run"
)]

#[path = "apparmor_vm/lab.rs"]
mod lab;
#[path = "apparmor_vm/life.rs"]
mod life;
#[path = "apparmor_vm/matrix.rs"]
mod matrix;
#[path = "apparmor_vm/mutation.rs"]
mod mutation;
#[path = "apparmor_vm/native.rs"]
mod native;
#[path = "apparmor_vm/programs.rs"]
mod programs;
