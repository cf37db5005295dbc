//! What the tests stand on.

pub(crate) mod bed;
pub(crate) mod engine;
pub(crate) mod images;
pub(crate) mod inventory;
pub(crate) mod leftovers;
pub(crate) mod proxy;
pub(crate) mod run;
pub(crate) mod stack;
