//! `aiplat logs`
use super::Ended;
use crate::exit::Exit;
use crate::session::Session;
use clap::Args;
/// x
#[derive(Debug, Args)]
pub(crate) struct Logs;
impl Logs {
    pub(super) async fn run(self, _s: &Session) -> Ended {
        Ok(Exit::Ok)
    }
}
