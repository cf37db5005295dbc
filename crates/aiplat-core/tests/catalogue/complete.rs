//! Every entry says everything, and the services of the specification are all there.

use std::collections::BTreeSet;

use aiplat_core::catalogue::{Allowance, FORBIDDEN, Identity};

use crate::common::catalogue;

/// The services of the specification.
const SPECIFIED: [&str; 24] = [
    "postgres",
    "redis",
    "qdrant",
    "weaviate",
    "chroma",
    "ollama",
    "litellm",
    "anythingllm",
    "dify-api",
    "dify-worker",
    "dify-beat",
    "dify-web",
    "dify-plugin-daemon",
    "dify-sandbox",
    "dify-ssrf-proxy",
    "flowise",
    "openwebui",
    "n8n",
    "openclaw",
    "tailscale",
    "grafana",
    "prometheus",
    "minio",
    "caddy",
];

/// The host ports of the specification, at their places in the block.
const PORTS: [(&str, u16); 14] = [
    ("PROMETHEUS_PORT", 5000),
    ("GRAFANA_PORT", 5001),
    ("N8N_PORT", 5002),
    ("DIFY_PORT", 5003),
    ("ANYTHINGLLM_PORT", 5004),
    ("LITELLM_PORT", 5005),
    ("OPENWEBUI_PORT", 5006),
    ("MINIO_S3_PORT", 5007),
    ("MINIO_CONSOLE_PORT", 5008),
    ("SIGNAL_PORT", 5009),
    ("OPENCLAW_PORT", 5010),
    ("FLOWISE_PORT", 5011),
    ("CADDY_HTTP_PORT", 80),
    ("CADDY_HTTPS_PORT", 443),
];

#[test]
fn it_loads_without_a_problem_and_has_every_service() {
    let catalogue = catalogue();
    let names: BTreeSet<String> = catalogue.services().map(|s| s.name.to_string()).collect();
    let missing: Vec<_> = SPECIFIED
        .iter()
        .filter(|name| !names.contains(**name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(names.contains("signal"));
}

#[test]
fn every_host_port_of_the_specification_has_its_place() {
    let catalogue = catalogue();
    let found: BTreeSet<(String, u16)> = catalogue
        .services()
        .flat_map(|s| &s.ports)
        .filter_map(|p| Some((p.key.clone()?, p.default?)))
        .collect();
    let wanted: BTreeSet<_> = PORTS
        .iter()
        .map(|(key, port)| ((*key).to_owned(), *port))
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn every_entry_is_complete() {
    for service in catalogue().services() {
        let name = &service.name;
        assert!(service.summary.len() >= 8, "{name}: summary");
        assert!(!service.licence.spdx.trim().is_empty(), "{name}: licence");
        assert!(service.image.source.len() >= 8, "{name}: image.source");
        assert!(service.limits.memory.is_some(), "{name}: limits.memory");
        // a model may have all processors that the stack has
        let unlimited = name.as_str() == "ollama";
        assert!(
            unlimited || service.limits.cpus.is_some_and(|cpus| cpus > 0.0),
            "{name}: limits.cpus"
        );
        assert!(service.limits.pids >= 16, "{name}: limits.pids");
        assert!(
            (5..=900).contains(&service.health.start_seconds),
            "{name}: health.start_seconds"
        );
        let words = [
            &service.metrics.none,
            &service.data.none,
            &service.health.engine_none,
        ];
        for reason in words.into_iter().flatten() {
            assert!(reason.trim().len() >= 12, "{name}: `{reason}` is no reason");
        }
        assert!(
            service.run.home.is_some() || service.run.identity == Identity::Root,
            "{name}: run.home"
        );
        for secret in &service.secrets {
            assert!(
                secret
                    .rotation
                    .as_ref()
                    .is_none_or(|words| words.len() >= 8),
                "{name}: secret {}",
                secret.name
            );
        }
    }
}

#[test]
fn every_exception_has_its_reason_and_none_opens_the_host() {
    let mut seen = 0;
    for service in catalogue().services() {
        for exception in &service.exceptions {
            seen += 1;
            let words = exception.reason.split_whitespace().count();
            assert!(
                words >= 4,
                "{}: {}: `{}`",
                service.name,
                exception.allow,
                exception.reason
            );
            match &exception.allow {
                Allowance::Capability(name) => assert!(!FORBIDDEN.contains(&name.as_str())),
                // runs what users type: changes root and user itself, for which it must be root
                Allowance::Root => assert_eq!(service.name.as_str(), "dify-sandbox"),
                _ => {}
            }
        }
    }
    assert!(seen > 0, "an iteration over nothing proves nothing");
}

#[test]
fn only_openclaw_and_its_sidecar_have_a_user_of_their_own() {
    let catalogue = catalogue();
    let other: Vec<_> = catalogue
        .services()
        .filter(|s| s.run.identity == Identity::Openclaw)
        .map(|s| s.name.to_string())
        .collect();
    assert_eq!(other, ["openclaw", "tailscale"]);
}

#[test]
fn every_template_is_used_by_a_service() {
    let catalogue = catalogue();
    for service in catalogue.services() {
        for file in &service.files {
            assert!(
                catalogue.template(&file.template).is_some(),
                "{}: {}",
                service.name,
                file.template
            );
        }
    }
}
