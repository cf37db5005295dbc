//! How things look as text.

pub(crate) mod certificates;
pub(crate) mod plan;
pub(crate) mod services;
pub(crate) mod style;
pub(crate) mod table;

pub(crate) use table::Table;
