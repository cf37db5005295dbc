//! The one place that needs `unsafe`: mapping a file as code, and memory in huge pages.
//!
//! "Never run what you can write" has to hold for libraries too, which are mapped and not run,
//! and no safe crate offers that call. The mappings are made where the kernel likes, are never
//! read or run, and are removed at once.
#![expect(unsafe_code, reason = "mmap(2) has no safe wrapper")]

use std::fs::File;
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use crate::answer::Outcome;

/// Maps the first page of `path` as code.
pub(crate) fn file_as_code(path: &str) -> Outcome {
    let file = File::open(path)?;
    // SAFETY: a new private mapping at an address of the kernel's choice, never dereferenced and
    // removed before anything else happens.
    unsafe {
        let flags = (ProtFlags::READ | ProtFlags::EXEC, MapFlags::PRIVATE);
        let address = mmap(ptr::null_mut(), 4096, flags.0, flags.1, &file, 0)?;
        munmap(address, 4096)?;
    }
    Ok(())
}

/// Memory to write code into and run it, as a compiler at run time does.
pub(crate) fn anonymous_code() -> Outcome {
    // SAFETY: as above.
    unsafe {
        let protection = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
        let address = mmap_anonymous(ptr::null_mut(), 4096, protection, MapFlags::PRIVATE)?;
        munmap(address, 4096)?;
    }
    Ok(())
}

/// Shared memory in huge pages, as a database asks for it.
pub(crate) fn huge_pages() -> Outcome {
    let length = 2 << 20;
    // SAFETY: as above.
    unsafe {
        let flags = MapFlags::SHARED | MapFlags::HUGETLB;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let address = mmap_anonymous(ptr::null_mut(), length, protection, flags)?;
        munmap(address, length)?;
    }
    Ok(())
}
