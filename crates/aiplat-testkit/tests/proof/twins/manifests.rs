//! Twins of what is written: manifests that give two stacks the same, or that say other than what is reserved.

use aiplat_testkit::proof::{Layer, Report};

use super::super::lab::Lab;
use super::{Score, wanted};

pub(super) async fn run(lab: &Lab, score: &mut Score) {
    let (a, b) = (lab.config("proof-a"), lab.config("proof-b"));
    let proof = async |change: &dyn Fn(&mut aiplat_core::config::StackConfig), layer| -> Report {
        let mut broken = b.clone();
        change(&mut broken);
        lab.verify_these(vec![a.clone(), broken], &[layer]).await
    };
    let report = proof(&|b| b.allocation.uid = a.allocation.uid, Layer::Ports).await;
    score.judge(
        "same-user",
        &report,
        &wanted(Layer::Ports, "proof-b", "of both"),
    );
    let report = proof(&|b| b.allocation.gid = a.allocation.gid, Layer::Ports).await;
    score.judge(
        "same-group",
        &report,
        &wanted(Layer::Ports, "proof-b", "of both"),
    );
    let report = proof(&|b| b.allocation.subnet = a.allocation.subnet, Layer::Ports).await;
    score.judge(
        "same-subnet",
        &report,
        &wanted(Layer::Ports, "proof-b", "of both"),
    );
    let report = proof(&|b| b.secrets = a.secrets.clone(), Layer::Secrets).await;
    score.judge(
        "secrets-copied",
        &report,
        &wanted(Layer::Secrets, "proof-b", "values of their secrets"),
    );
    let report = proof(&|b| b.allocation.uid = 54_321, Layer::Collisions).await;
    score.judge(
        "user-not-reserved",
        &report,
        &wanted(Layer::Collisions, "proof-b", "STACK_USER_UID"),
    );
    let report = proof(&|b| b.allocation.uid = 54_321, Layer::Process).await;
    score.judge(
        "runs-as-another-than-planned",
        &report,
        &wanted(Layer::Process, "proof-b/redis", "users"),
    );
}
