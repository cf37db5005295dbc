//! `aiplat ls`
use super::Ended;
use crate::exit::Exit;
use crate::session::Session;
use clap::Args;
/// x
#[derive(Debug, Args)]
pub(crate) struct Ls;
impl Ls {
    pub(super) async fn run(self, _s: &Session) -> Ended {
        Ok(Exit::Ok)
    }
}
