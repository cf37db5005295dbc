//! How much an archive may hold.

/// Bounds against archives that were made to fill a disk or a memory. Files are bounded by the free space as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries.
    pub entries: u64,
    /// Bytes of all that is in it.
    pub content: u64,
    /// How many bytes one byte of the archive may become, once the content is over [`Limits::ratio_from`]. Rows and logs
    /// reach some 20; only zeros reach more than 10 000.
    pub ratio: u64,
    /// Below this many bytes of content, any ratio will do.
    pub ratio_from: u64,
    /// Bytes of the manifest, which is read into memory.
    pub manifest: u64,
    /// Bytes that stay free on the file system that is unpacked to.
    pub keep_free: u64,
}

impl Limits {
    /// Bytes of the whole stream: the content, what stands before each entry, and the manifest.
    pub(super) fn stream(&self) -> u64 {
        self.content
            .saturating_add(self.entries.saturating_mul(64 * 1024))
            .saturating_add(self.manifest)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 4_000_000,
            content: 1 << 46,
            ratio: 10_000,
            ratio_from: 4 << 30,
            manifest: 1 << 30,
            keep_free: 64 << 20,
        }
    }
}
