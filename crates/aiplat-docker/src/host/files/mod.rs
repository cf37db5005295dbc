//! Directories and files that the tool makes, as root, where a stack's own user may write: nothing follows a link.

mod append;
pub(crate) mod copy;
mod data_copy;
mod directory;
mod foreign;
mod purge;
mod read;
mod rename;
pub(crate) mod resolve;
mod state;
mod temporary;
pub(crate) mod tree;
mod write;

#[cfg(test)]
mod hostile;

use aiplat_core::spec::Owner;
use rustix::fs::{Gid, Mode, Stat, Uid};

pub(crate) use append::{append_line, truncate};
pub(crate) use data_copy::{begin, drop_copy, keep_only, put_back, room, take};
pub(crate) use directory::make_directory;
pub(crate) use purge::{interrupted, purge_check, purge_directory};
pub(crate) use read::{names_in, read_end, read_file};
pub(crate) use rename::rename;
pub(crate) use resolve::open;
pub(crate) use state::path_state;
pub(crate) use write::{remove_file, write_bytes, write_file};

fn owner_of(stat: &Stat) -> Owner {
    Owner {
        uid: stat.st_uid,
        gid: stat.st_gid,
    }
}

/// Permission bits with set-id and sticky.
fn mode_of(stat: &Stat) -> u32 {
    Mode::from_raw_mode(stat.st_mode).as_raw_mode()
}

fn ids(owner: Owner) -> (Option<Uid>, Option<Gid>) {
    (
        Some(Uid::from_raw(owner.uid)),
        Some(Gid::from_raw(owner.gid)),
    )
}
