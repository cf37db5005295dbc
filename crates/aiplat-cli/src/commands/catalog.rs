//! `aiplat catalog`
use super::Ended;
use crate::exit::Exit;
use crate::session::Session;
use clap::Args;
/// x
#[derive(Debug, Args)]
pub(crate) struct Catalog;
impl Catalog {
    pub(super) fn run(self, _s: &Session) -> Ended {
        Ok(Exit::Ok)
    }
}
