//! The built-in service files, and the page that tells how to write one.

use std::collections::BTreeSet;

use aiplat_core::catalogue::{Catalogue, Identity, MountKind};

fn built_in() -> Catalogue {
    Catalogue::built_in().unwrap_or_else(|problems| {
        let words: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("the built-in catalogue has problems:\n{}", words.join("\n"))
    })
}

#[test]
fn every_service_of_the_specification_is_there() {
    let names: Vec<_> = built_in().services().map(|s| s.name.to_string()).collect();
    assert_eq!(
        names,
        [
            "anythingllm",
            "caddy",
            "chroma",
            "dify-api",
            "dify-beat",
            "dify-plugin-daemon",
            "dify-sandbox",
            "dify-ssrf-proxy",
            "dify-web",
            "dify-worker",
            "flowise",
            "grafana",
            "litellm",
            "minio",
            "n8n",
            "ollama",
            "openclaw",
            "openwebui",
            "postgres",
            "prometheus",
            "qdrant",
            "redis",
            "signal",
            "tailscale",
            "weaviate",
        ]
    );
}

/// One image, one list: what the catalogue pins is what the recipes build in its place.
#[test]
fn every_pinned_image_has_a_recipe_for_places_without_a_registry() {
    let table = include_str!("../../../fixtures/images/images.tsv");
    let recipes: BTreeSet<&str> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').nth(4))
        .collect();
    for service in built_in().services() {
        let image = &service.image;
        for reference in std::iter::once(&image.reference).chain(image.variant.values()) {
            assert!(
                recipes.contains(reference.as_str()),
                "no recipe stands in for `{reference}`"
            );
        }
    }
}

#[test]
fn databases_and_stores_have_neither_host_port_nor_route() {
    let catalogue = built_in();
    let inner = [
        "postgres", "redis", "qdrant", "weaviate", "chroma", "ollama",
    ];
    for service in catalogue
        .services()
        .filter(|s| inner.contains(&s.name.as_str()))
    {
        assert!(
            service.ports.iter().all(|p| p.key.is_none()),
            "`{}` has a host port",
            service.name
        );
        assert!(service.routes.is_empty(), "`{}` has a route", service.name);
    }
}

/// The engine makes a missing inner folder as root, in the middle of the user's own.
#[test]
fn no_mount_lies_inside_another_of_the_same_service() {
    for service in built_in().services() {
        let writable = service
            .mounts
            .iter()
            .filter(|m| m.kind != MountKind::Config);
        for outer in writable {
            let inside = service.mounts.iter().find(|inner| {
                inner
                    .target
                    .strip_prefix(&outer.target)
                    .is_some_and(|rest| rest.starts_with('/'))
            });
            assert!(
                inside.is_none(),
                "`{}` nests a mount in `{}`",
                service.name,
                outer.target
            );
        }
    }
}

#[test]
fn the_sandbox_alone_is_root_and_metrics_never_leave_by_the_front_door() {
    for service in built_in().services() {
        let root = service.run.identity == Identity::Root;
        assert_eq!(
            root,
            service.name.as_str() == "dify-sandbox",
            "{}",
            service.name
        );
        let Some(port) = &service.metrics.port else {
            continue;
        };
        let path = service
            .metrics
            .path
            .as_deref()
            .unwrap_or("/metrics")
            .trim_end_matches('/');
        for route in service
            .routes
            .iter()
            .filter(|r| r.port == *port && r.paths.is_empty())
        {
            let hidden = route.hide.iter().any(|hide| hide == path);
            assert!(
                hidden,
                "`{}` shows `{path}` at the front door",
                service.name
            );
        }
    }
}

#[test]
fn the_example_of_the_page_is_a_service_file() {
    let page = include_str!("../catalogue/SCHEMA.md");
    let (_, rest) = page.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let mut catalogue = built_in();
    let added = catalogue.add("wiki.toml", example, []);
    assert_eq!(added.expect("a valid example").as_str(), "wiki");
    let misspelt = example.replace("summary", "sumary");
    let problems = built_in()
        .add("wiki.toml", &misspelt, [])
        .expect_err("a misspelt key");
    assert!(
        problems[0].to_string().contains("sumary"),
        "{}",
        problems[0]
    );
}
