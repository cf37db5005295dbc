//! Answers of engines old and new, and of none.

use std::sync::Mutex;

use aiplat_core::observed::{ContainerState, ObservedPort};
use aiplat_core::spec::IpProtocol;
use aiplat_docker::engine::{Bollard, Engine, EngineError, HealthState};
use serde_json::{Value, json};

use crate::socket::Socket;

#[tokio::test]
async fn an_engine_that_is_too_old_is_named() {
    let socket = Socket::new("1.40", &[]);
    let error = Bollard::connect(&socket.address()).await.unwrap_err();
    assert_eq!(
        error,
        EngineError::TooOld {
            api: "1.40".into(),
            needed: "1.41"
        }
    );
    assert_eq!(
        error.to_string(),
        "expected an engine that speaks API 1.41 or newer, this one speaks 1.40"
    );
}

#[tokio::test]
async fn something_that_is_no_engine_is_unreachable() {
    let socket = Socket::new("1.41", &[("GET /version", 200, json!("hello"))]);
    let error = Bollard::connect(&socket.address()).await.unwrap_err();
    assert!(
        matches!(error, EngineError::Unreachable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_facts_of_docker_and_podman() {
    let cases = [
        (
            json!({ "Version": "20.10.24", "ApiVersion": "1.41" }),
            json!({ "NCPU": 2, "MemTotal": 1024, "CgroupDriver": "cgroupfs", "CgroupVersion": "1",
                "DockerRootDir": "/var/lib/docker", "SecurityOptions": ["name=seccomp,profile=default"] }),
            (
                "docker", "20.10.24", "1.41", false, false, true, "cgroupfs", 1,
            ),
        ),
        (
            json!({ "Version": "28.5.2", "ApiVersion": "1.51" }),
            json!({ "NCPU": 2, "MemTotal": 1024, "CgroupDriver": "systemd", "CgroupVersion": "2",
                "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"] }),
            ("docker", "28.5.2", "1.51", true, false, true, "systemd", 2),
        ),
        (
            json!({ "Version": "5.4.2", "ApiVersion": "1.41",
                "Components": [{ "Name": "Podman Engine", "Version": "5.4.2" }] }),
            json!({ "SecurityOptions": ["name=rootless"], "CgroupVersion": "2", "CgroupDriver": "systemd" }),
            ("podman", "5.4.2", "1.41", false, true, false, "systemd", 2),
        ),
    ];
    for (version, info, expected) in cases {
        let socket = Socket::new(
            "1.41",
            &[("GET /version", 200, version), ("GET /info", 200, info)],
        );
        let facts = socket.connect().await.facts().await.unwrap();
        let seen = (
            facts.product.as_str(),
            facts.version.as_str(),
            facts.api_version.as_str(),
            facts.apparmor,
            facts.rootless,
            facts.reachable,
            facts.cgroup_driver.as_str(),
            facts.cgroup_version,
        );
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_list_of_containers_with_much_missing() {
    let list = json!([
        { "Id": "1", "Names": ["/other/alias", "/ai-web"], "Image": "web:1", "State": "running", "Status": "Up 3 minutes",
          "Labels": { "aiplat.stack": "ai" }, "Created": 5,
          "Ports": [
            { "IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 5000, "Type": "tcp" },
            { "IP": "::", "PrivatePort": 53, "PublicPort": 53, "Type": "udp" },
            { "PrivatePort": 9000, "Type": "tcp" } ],
          "NetworkSettings": { "Networks": { "ai": { "IPAddress": "172.30.5.2" }, "off": { "IPAddress": "" } } } },
        { "Id": "2", "Names": null, "State": "exited", "Labels": null, "Ports": [] },
    ]);
    let socket = Socket::new("1.41", &[("GET /containers/json", 200, list)]);
    let seen = socket.connect().await.containers().await.unwrap();
    assert!(socket.asked()[0].what.contains("all=true"));
    assert_eq!(seen.len(), 2);
    let web = &seen[0];
    assert_eq!(
        (web.name.as_str(), web.state),
        ("ai-web", ContainerState::Running)
    );
    let port = |address: &str, host, container, protocol| ObservedPort {
        address: address.parse().unwrap(),
        host,
        container,
        protocol,
    };
    let mut expected = [
        port("127.0.0.1", 5000, 80, IpProtocol::Tcp),
        port("::", 53, 53, IpProtocol::Udp),
    ];
    expected.sort_unstable();
    assert_eq!(web.ports, expected);
    assert_eq!(web.networks["ai"], Some([172, 30, 5, 2].into()));
    assert_eq!(web.networks["off"], None);
    assert_eq!(
        (seen[1].name.as_str(), seen[1].state),
        ("", ContainerState::Exited)
    );
}

#[tokio::test]
async fn a_container_in_detail() {
    let detail = json!({
        "Id": "1", "Name": "/ai-web", "Image": "sha256:00", "RestartCount": 2, "AppArmorProfile": "aiplat-ai.web",
        "State": { "Status": "running", "Pid": 4711, "ExitCode": 0, "OOMKilled": false, "StartedAt": "2026-11-22T06:57:33Z",
            "Health": { "Status": "unhealthy", "FailingStreak": 3, "Log": [
                { "ExitCode": 1, "Output": "first" }, { "ExitCode": 1, "Output": "last\n" } ] } },
        "Config": { "Image": "web:1", "Labels": { "aiplat.stack-id": "0123456789ab" } },
        "HostConfig": { "NetworkMode": "ai" },
        "NetworkSettings": { "Networks": { "ai": { "IPAddress": "172.30.5.2" } } },
    });
    let socket = Socket::new("1.41", &[("GET /containers/ai-web/json", 200, detail)]);
    let engine = socket.connect().await;
    let seen = engine.container_inspect("ai-web").await.unwrap();
    assert!(seen.belongs_to(&"0123456789ab".parse().unwrap()));
    assert_eq!(
        (seen.name.as_str(), seen.pid, seen.restart_count),
        ("ai-web", Some(4711), 2)
    );
    let health = seen.health.unwrap();
    assert_eq!(
        (health.state, health.last_output.as_str()),
        (HealthState::Unhealthy, "last")
    );
    assert_eq!(seen.addresses["ai"], std::net::Ipv4Addr::new(172, 30, 5, 2));
}

#[tokio::test]
async fn a_check_that_the_engine_stopped_has_not_failed() {
    for (streak, expected) in [
        (json!(0), HealthState::Starting),
        (json!(1), HealthState::Unhealthy),
        (json!(null), HealthState::Unhealthy),
    ] {
        let health = json!({ "Status": "unhealthy", "FailingStreak": streak, "Log": [] });
        let detail = json!({
            "Id": "1", "Name": "/ai-web", "Image": "sha256:00",
            "State": { "Status": "running", "Pid": 4711, "Health": health },
            "Config": { "Image": "web:1" }, "HostConfig": {}, "NetworkSettings": {},
        });
        let socket = Socket::new("1.41", &[("GET /containers/ai-web/json", 200, detail)]);
        let seen = socket.connect().await.container_inspect("ai-web").await;
        assert_eq!(seen.unwrap().health.unwrap().state, expected, "{streak}");
    }
}

#[tokio::test]
async fn images_under_all_their_names() {
    let list = json!([{
        "Id": "sha256:00", "ParentId": "", "RepoTags": ["localhost/a:1", "<none>:<none>"], "RepoDigests": null,
        "Created": 0, "Size": 0, "SharedSize": -1, "Containers": -1, "Labels": { "aiplat.stand-in": "true" },
    }]);
    let socket = Socket::new("1.41", &[("GET /images/json", 200, list)]);
    let seen = socket.connect().await.images().await.unwrap();
    assert_eq!(
        seen.keys().collect::<Vec<_>>(),
        ["localhost/a:1", "sha256:00"]
    );
    assert!(seen["localhost/a:1"].stand_in);
}

#[tokio::test]
async fn a_pull_tells_its_progress_and_its_failure() {
    let moving = json!({ "id": "layer", "status": "Downloading", "progressDetail": { "current": 5, "total": 10 } });
    let socket = Socket::new("1.41", &[("POST /images/create", 200, moving)]);
    let seen = Mutex::new(Vec::new());
    socket
        .connect()
        .await
        .image_pull("registry:5000/a", &|p| seen.lock().unwrap().push(p))
        .await
        .unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(
        (seen[0].layer.as_str(), seen[0].current, seen[0].total),
        ("layer", Some(5), Some(10))
    );
    // without a tag, an engine would pull them all
    assert!(
        socket.asked()[0]
            .what
            .contains("fromImage=registry%3A5000%2Fa%3Alatest"),
        "{:?}",
        socket.asked()
    );

    let failures = [
        (
            200,
            json!({ "errorDetail": { "message": "manifest unknown" }, "error": "manifest unknown" }),
        ),
        (500, json!({ "message": "dial tcp: connection refused" })),
        (
            404,
            json!({ "message": "pull access denied for a, repository does not exist" }),
        ),
    ];
    for (status, answer) in failures {
        let socket = Socket::new("1.41", &[("POST /images/create", status, answer)]);
        let error = socket
            .connect()
            .await
            .image_pull("a:1", &|_| {})
            .await
            .unwrap_err();
        assert!(
            matches!(&error, EngineError::PullFailed { reference, .. } if reference == "a:1"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn acts_ask_for_what_they_say() {
    let table: Vec<(&str, u16, Value)> = vec![
        ("POST /containers/1/start", 204, Value::Null),
        ("POST /containers/1/stop", 204, Value::Null),
        ("POST /containers/1/kill", 204, Value::Null),
        ("POST /containers/1/rename", 204, Value::Null),
        ("DELETE /containers/1", 204, Value::Null),
        ("DELETE /networks/1", 204, Value::Null),
    ];
    let socket = Socket::new("1.41", &table);
    let engine = socket.connect().await;
    engine.container_start("1").await.unwrap();
    engine.container_stop("1", 7).await.unwrap();
    engine.container_kill("1", "SIGHUP").await.unwrap();
    engine.container_rename("1", "new").await.unwrap();
    engine.container_remove("1", true).await.unwrap();
    engine.network_remove("1").await.unwrap();
    let asked: Vec<_> = socket.asked().into_iter().map(|a| a.what).collect();
    let expected = [
        "POST /containers/1/start",
        "POST /containers/1/stop?t=7",
        "POST /containers/1/kill?signal=SIGHUP",
        "POST /containers/1/rename?name=new",
        "DELETE /containers/1?v=true&force=true&link=false",
        "DELETE /networks/1",
    ];
    assert_eq!(asked, expected);
}
