//! Part of aiplat.

pub mod allocation;
pub mod catalogue;
pub mod compose;
pub mod config;
pub mod manifest;
pub mod names;
pub mod observed;
pub mod plan;

pub mod desired;
mod render;
pub mod secret;
pub mod settings;
pub mod spec;
pub mod text;
