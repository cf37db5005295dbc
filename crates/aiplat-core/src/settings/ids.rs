//! Users and groups of the host.

number! {
    /// A user id that services run as: 1 to 65534. Root is refused; 65535 and above are outside what most tools map.
    Uid, u32, 1..=65534, Uid
}

number! {
    /// A group id that services run as: 1 to 65534.
    Gid, u32, 1..=65534, Gid
}

/// openclaw's ids stand this far above the stack's.
const OPENCLAW_OFFSET: u32 = 1000;

fn openclaw(id: u32) -> u32 {
    let preferred = id + OPENCLAW_OFFSET;
    if preferred <= 65534 {
        preferred
    } else {
        id - OPENCLAW_OFFSET
    }
}

impl Uid {
    /// The first ordinary user of a host, 1000.
    pub const FIRST_USER: Self = Self(1000);

    /// openclaw's preferred user id beside this one: 1000 above, or 1000 below where that leaves the range. Whether
    /// it is free only the host can tell.
    #[must_use]
    pub fn openclaw(self) -> Self {
        Self(openclaw(self.0))
    }
}

impl Gid {
    /// openclaw's preferred group id beside this one, as [`Uid::openclaw`].
    #[must_use]
    pub fn openclaw(self) -> Self {
        Self(openclaw(self.0))
    }
}
