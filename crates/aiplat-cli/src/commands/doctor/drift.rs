//! What deploy would change: every setting of every container is compared with its specification.

use aiplat_core::plan::Change;
use aiplat_docker::engine::Engine;
use aiplat_docker::stack::Intent;

use super::finding::{self, Finding};
use crate::args::SettingsArgs;
use crate::failure::Failure;
use crate::session::Session;

pub(super) async fn look<E: Engine>(
    session: &Session,
    engine: &E,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let mut inputs = session.inputs(&SettingsArgs::default(), "doctor")?;
    inputs.deep = true;
    // the stack as its own manifest has it: what this shell would override is no drift
    inputs.environment.clear();
    let base_dir = session.base_dir()?.display().to_string();
    inputs.flags.insert("BASE_DIR".to_owned(), base_dir);
    let prepared = session.prepare(engine, &inputs, Intent::Plan).await;
    let plan = match prepared {
        Ok(prepared) => prepared.plan,
        Err(error) => {
            findings.push(finding::failed("plan", &Failure::from(error)));
            return Ok(());
        }
    };
    let changes = plan.steps.iter().filter(|s| s.change != Change::Verify);
    let before = findings.len();
    findings.extend(changes.map(|step| {
        Finding::warning(
            "drift",
            format!("{}: {}", step.id, step.why),
            "`aiplat deploy --deep` mends it",
        )
    }));
    if findings.len() == before {
        findings.push(Finding::ok("drift", "everything is as the manifest says"));
    }
    Ok(())
}
