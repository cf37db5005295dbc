//! `aiplat deploy`

use aiplat_docker::stack::{Inputs, Intent, Prepared};
use clap::Args;

use super::Ended;
use super::course::{Agreement, Course, agreed};
use crate::args::SettingsArgs;
use crate::session::Session;

/// Bring the stack up, or to what its manifest says.
///
/// Makes what is missing, changes what is different, removes what is no longer wanted, and leaves the rest alone:
/// services that need others start when those are healthy, everything else at once. A service whose new container does
/// not become healthy is put back to its old one. A run that was interrupted is continued by the same command.
///
/// A new stack needs no manifest: what is not given is derived, checked against what the host already uses, reserved,
/// and written to `BASE_DIR/config/.env`. Making things needs nobody's consent; where something could be lost, or a
/// service goes away, deploy asks first (`--yes` agrees).
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat deploy
      the stack found from here, or a new one in /mnt/data
  BASE_DIR=/mnt/data2 STACK_USER_UID=3000 DOCKER_NETWORK=ai_platform_2 DOMAIN_NAME=ai2.example.org aiplat deploy
      a second stack, by the environment alone
  aiplat deploy --base-dir /srv/small --network small --services litellm,qdrant --publish front-door
      a small one
  aiplat deploy --json | jq -r '.services[] | .service + \" \" + (.urls[0] // \"-\")'")]
pub(crate) struct Deploy {
    /// Compare every setting of every container with its specification, and mend what was changed by hand
    #[arg(long)]
    deep: bool,
    /// Agree that a change of VECTOR_DB leaves behind what the apps stored in the store so far
    #[arg(long)]
    yes_lose_vectors: bool,
    /// Go on where the kernel does not hold a container to its limits, rights or read-only root, or the stack to its disk
    /// space, and say so
    ///
    /// With `--json` it stands in `not_in_force`, by service, of those that this run made; disk space in `notes`.
    #[arg(long)]
    best_effort: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Deploy {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let (engine, host) = (session.engine().await?, session.host());
        let inputs = Inputs {
            deep: self.deep,
            lose_vectors: self.yes_lose_vectors,
            best_effort: self.best_effort,
            ..session.inputs(&self.settings, "deploy")?
        };
        let prepared = agreed(
            session,
            "look at `aiplat plan`, then run `aiplat deploy --yes`",
            |prepared: &Prepared| Some(Agreement::to(&prepared.plan)),
            async || Ok(session.prepare(&engine, &inputs, Intent::Deploy).await?),
        )
        .await?;
        let mut course = Course::of(session, &prepared);
        course.options.best_effort = self.best_effort;
        let deployed = prepared
            .deploy(&engine, &host, &course.options, &course.live)
            .await;
        course
            .ended(session, &engine, &session.catalogue, deployed)
            .await
    }
}
