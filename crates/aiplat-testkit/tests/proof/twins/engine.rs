//! Twins on the engine: networks that are shared, ports that are published to everybody.

use aiplat_core::spec::FirewallSpec;
use aiplat_docker::host::Host;
use aiplat_testkit::proof::{Layer, Raw, Report};
use serde_json::json;

use super::super::lab::Lab;
use super::containers::{hardened, remove, start};
use super::{Score, wanted};

async fn network(lab: &Lab) -> Report {
    lab.verify(&["proof-a", "proof-b"], &[Layer::Network]).await
}

async fn connect(raw: &Raw, network: &str, container: &str, on: bool) {
    let what = if on { "connect" } else { "disconnect" };
    let body = json!({"Container": container, "Force": true}).to_string();
    raw.post(&format!("/networks/{network}/{what}"), Some(&body))
        .await
        .unwrap();
}

pub(super) async fn run(lab: &Lab, score: &mut Score) {
    let raw = lab.bed().raw;
    let (a, b) = (lab.config("proof-a"), lab.config("proof-b"));
    shared_network(lab, &raw, score).await;

    // one container more, in A's name and on B's network
    let mut body = hardened(lab, &a, "redis").await;
    body["HostConfig"]["NetworkMode"] = json!("proof-b");
    start(&raw, "proof-a-twin-guest", &body).await;
    let report = network(lab).await;
    score.judge(
        "started-on-the-other-s-network",
        &report,
        &wanted(
            Layer::Network,
            "(proof-a-twin-guest)",
            "its ports and a listener",
        ),
    );
    remove(&raw, "proof-a-twin-guest").await;

    // nobody's container on B's network
    let mut body = hardened(lab, &b, "redis").await;
    body["Labels"] = json!({});
    start(&raw, "proof-twin-stranger", &body).await;
    let report = network(lab).await;
    score.judge(
        "stranger-on-the-network",
        &report,
        &wanted(Layer::Network, "proof-b", "who is attached"),
    );
    remove(&raw, "proof-twin-stranger").await;

    // a name of B's that leads to it from inside A
    let mut body = hardened(lab, &a, "redis").await;
    body["NetworkingConfig"] = json!({"EndpointsConfig": {"proof-b": {"Aliases": ["postgres"]}}});
    body["HostConfig"]["NetworkMode"] = json!("proof-b");
    start(&raw, "proof-a-twin-names", &body).await;
    let report = network(lab).await;
    score.judge(
        "names-of-the-other-resolve",
        &report,
        &wanted(Layer::Network, "(proof-a-twin-names)", "names"),
    );
    remove(&raw, "proof-a-twin-names").await;

    published(lab, &raw, score).await;
    newer_protocol(lab, &raw, score).await;
}

/// A network that has the newer protocol, attached to a container of each: what is open by it is seen by it.
async fn newer_protocol(lab: &Lab, raw: &Raw, score: &mut Score) {
    const NAME: &str = "proof-twin-six";
    let _ = raw.delete(&format!("/networks/{NAME}")).await;
    let body = json!({
        "Name": NAME, "EnableIPv6": true,
        "IPAM": {"Config": [{"Subnet": "fd00:a1a7::/64"}]},
    });
    raw.post("/networks/create", Some(&body.to_string()))
        .await
        .unwrap();
    for container in ["proof-a-redis", "proof-b-redis"] {
        connect(raw, NAME, container, true).await;
    }
    let mut report = network(lab).await;
    for container in ["proof-a-redis", "proof-b-redis"] {
        connect(raw, NAME, container, false).await;
    }
    raw.delete(&format!("/networks/{NAME}")).await.unwrap();
    // seen by the newer protocol, whatever the older one shows
    report.cells.retain(|c| c.seen.contains("[fd00:a1a7:"));
    for (name, tried) in [
        ("newer-protocol-shared", "its ports and a listener"),
        (
            "newer-protocol-to-the-host",
            "a listener of ours on every address",
        ),
    ] {
        score.judge(
            name,
            &report,
            &wanted(Layer::Network, "proof-a/redis", tried),
        );
    }
}

/// The second stack's network attached to one container of the first, by hand.
async fn shared_network(lab: &Lab, raw: &Raw, score: &mut Score) {
    connect(raw, "proof-b", "proof-a-redis", true).await;
    let report = network(lab).await;
    for (name, who, tried) in [
        (
            "network-shared: packets",
            "proof-a/redis",
            "its ports and a listener",
        ),
        (
            "network-shared: attached",
            "proof-a/redis",
            "networks it is attached to",
        ),
        (
            "network-shared: seen by the other",
            "proof-b",
            "who is attached",
        ),
    ] {
        score.judge(name, &report, &wanted(Layer::Network, who, tried));
    }
    let report = lab.verify(&["proof-a", "proof-b"], &[Layer::Vectors]).await;
    score.judge(
        "network-shared: the store answers",
        &report,
        &wanted(Layer::Vectors, "proof-a/redis", "its interface"),
    );
    connect(raw, "proof-b", "proof-a-redis", false).await;
}

/// A port on every address, and no rule that closes the host.
async fn published(lab: &Lab, raw: &Raw, score: &mut Score) {
    let (a, b) = (lab.config("proof-a"), lab.config("proof-b"));
    let spec = FirewallSpec {
        bridge: a.id.bridge(),
        chain: aiplat_core::spec::FIREWALL_CHAIN.to_owned(),
    };
    let mut body = hardened(lab, &b, "redis").await;
    body["Image"] = json!("localhost/aiplat/valkey:8.1.8");
    body["Entrypoint"] = json!(["valkey-server", "--protected-mode", "no", "--save", ""]);
    body["Cmd"] = json!([]);
    body["WorkingDir"] = json!("/");
    body["ExposedPorts"] = json!({"6379/tcp": {}});
    body["HostConfig"]["PortBindings"] =
        json!({"6379/tcp": [{"HostIp": "0.0.0.0", "HostPort": "34673"}]});
    start(raw, "proof-b-twin-open", &body).await;
    lab.host.unguard_bridge(&spec).unwrap();
    let report = network(lab).await;
    lab.host.guard_bridge(&spec).unwrap();
    remove(raw, "proof-b-twin-open").await;
    score.judge(
        "published-and-reached",
        &report,
        &wanted(
            Layer::Network,
            "proof-a/redis",
            "its host ports at every address",
        ),
    );
}
