//! The plan that signs a service in again with another key.

use secrecy::SecretString;

use super::problem::PlanProblem;
use super::step::{Change, Plan, PlannedStep, Step};
use crate::config::StackConfig;
use crate::desired::Desired;
use crate::observed::{ContainerState, Observed};
use crate::text::Text;

/// Makes the plan that signs the stack's node in again with this key.
///
/// # Errors
/// Why there is none: no service of the stack signs in anywhere, or it does not run. Nothing has been touched then.
pub fn sign_in(
    config: &StackConfig,
    desired: &Desired,
    observed: &Observed,
    key: SecretString,
) -> Result<Plan, Vec<PlanProblem>> {
    let mut all = desired.services.iter();
    let found = all.find_map(|s| Some((s, s.sign_in.as_ref()?)));
    let Some((service, sign_in)) = found else {
        return Err(vec![PlanProblem::NoSignIn]);
    };
    let name = &service.container.name;
    let running = observed.containers.iter().any(|c| {
        c.name == name.as_str() && c.belongs_to(&config.id) && c.state == ContainerState::Running
    });
    if !running {
        return Err(vec![PlanProblem::NotRunning {
            service: service.name.clone(),
        }]);
    }
    let fingerprints = config.secrets.fingerprint_key();
    let shown = format!("<a new key for {}>", service.name);
    let key = Text::secret(shown, key, &fingerprints);
    let step = PlannedStep {
        id: format!("sign-in/{}", service.name),
        after: Vec::new(),
        change: Change::Update,
        why: "is signed in again as the same node, with another key".to_owned(),
        risk: None,
        step: Step::SignIn(Box::new(sign_in.clone().with_key(&key, &fingerprints))),
    };
    Ok(Plan {
        stack: config.name().clone(),
        stack_id: config.id.clone(),
        base_dir: config.base_dir().to_path_buf(),
        services: vec![(service.name.clone(), name.clone())],
        steps: vec![step],
        notes: Vec::new(),
    })
}
