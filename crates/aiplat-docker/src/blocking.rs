//! Calls of the host block. They are short, and made from the task that applies.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs something that blocks; other tasks go on elsewhere where the runtime has more than one thread.
pub(crate) fn blocking<T>(act: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(act),
        _ => act(),
    }
}
