//! `aiplat health`
use super::Ended;
use crate::exit::Exit;
use crate::session::Session;
use clap::Args;
/// x
#[derive(Debug, Args)]
pub(crate) struct Health;
impl Health {
    pub(super) async fn run(self, _s: &Session) -> Ended {
        Ok(Exit::Ok)
    }
}
