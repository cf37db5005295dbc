//! Which layer wins, and what holds where none gives a value.

use secrecy::ExposeSecret;

use super::super::{KnownKeys, Layers, Settings, Source};
use super::{known, manifest, map, resolved};

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_manifest() {
    let mut layers = manifest("BASE_DIR=/mnt/c\nDOMAIN_NAME=c.test\nPUBLISH=front-door\n");
    layers.environment = map(&[
        ("BASE_DIR", "/mnt/b"),
        ("DOMAIN_NAME", "b.test"),
        ("HOME", "/root"),
    ]);
    layers.flags = map(&[("BASE_DIR", "/mnt/a")]);
    let (settings, warnings) = Settings::resolve(&layers, &known()).expect("valid");
    assert!(warnings.is_empty(), "{warnings:?}");
    let base = &settings.base_dir;
    assert_eq!(
        (base.get().as_str(), base.source()),
        ("/mnt/a", Source::Flag)
    );
    let domain = &settings.domain_name;
    assert_eq!(
        (domain.get().as_str(), domain.source()),
        ("b.test", Source::Environment)
    );
    assert_eq!(settings.publish.source(), Source::Manifest);
    assert_eq!(settings.vector_db.source(), Source::Default);
    assert!(!settings.vector_db.is_given() && settings.publish.is_given());
}

#[test]
fn a_blank_value_is_not_given() {
    let mut layers = manifest("BASE_DIR=/mnt/c\nSTACK_MEMORY=\n");
    layers.environment = map(&[("BASE_DIR", "  "), ("TAILSCALE_AUTH_KEY", "")]);
    let (settings, _) = Settings::resolve(&layers, &known()).expect("valid");
    assert_eq!(settings.base_dir.get().as_str(), "/mnt/c");
    assert!(settings.stack_memory.get().is_none() && settings.tailscale_auth_key.get().is_none());
}

#[test]
fn the_one_line_test_needs_no_file() {
    let layers = Layers {
        environment: map(&[
            ("BASE_DIR", "/mnt/data2"),
            ("STACK_USER_UID", "3000"),
            ("DOCKER_NETWORK", "ai_platform_2"),
            ("DOMAIN_NAME", "ai2.example.org"),
        ]),
        invoking_user: Some((1000, 100)),
        ..Layers::default()
    };
    let (s, warnings) = Settings::resolve(&layers, &KnownKeys::default()).expect("valid");
    assert!(warnings.is_empty());
    assert_eq!(s.stack_user_uid.get().get(), 3000);
    assert_eq!(
        s.stack_user_gid.get().get(),
        3000,
        "a group that no other stack has"
    );
    assert_eq!(s.container_prefix.get().as_str(), "ai_platform_2-");
    assert_eq!(s.apparmor_profile_dir.get().as_str(), "/mnt/data2/apparmor");
    assert_eq!(
        s.tailscale_hostname.get().as_str(),
        "openclaw-ai2-example-org"
    );
    assert_eq!(s.front_door_address.get(), s.bind_address.get());
    assert!(s.ports.is_empty() && s.openclaw_uid.get().is_none() && s.stack_subnet.get().is_none());
}

#[test]
fn defaults_of_the_specification() {
    let s = resolved("");
    assert_eq!(s.base_dir.get().as_str(), "/mnt/data");
    assert_eq!(s.domain_name.get().as_str(), "ai.localhost");
    assert_eq!(s.localhost.get().as_str(), "localhost");
    assert_eq!(s.bind_address.get().to_string(), "127.0.0.1");
    assert_eq!(s.publish.get().as_str(), "all");
    assert_eq!(
        (s.stack_user_uid.get().get(), s.stack_user_gid.get().get()),
        (1000, 1000)
    );
    assert_eq!(s.docker_network.get().as_str(), "ai_platform");
    assert_eq!(s.vector_db.get().as_str(), "qdrant");
    assert_eq!(s.apparmor.get().as_str(), "auto");
    assert!(s.services.get().is_none() && !s.deny_etc_passwd.get());
    assert_eq!(s.embedding_dimensions.get().get(), 768);
}

#[test]
fn the_invoking_user_is_the_default() {
    let mut layers = Layers {
        invoking_user: Some((1007, 100)),
        ..Layers::default()
    };
    let (s, _) = Settings::resolve(&layers, &known()).expect("valid");
    assert_eq!(
        (s.stack_user_uid.get().get(), s.stack_user_gid.get().get()),
        (1007, 100)
    );

    layers.invoking_user = Some((4_000_000, 100));
    let (s, warnings) = Settings::resolve(&layers, &known()).expect("valid");
    assert_eq!(
        (s.stack_user_uid.get().get(), s.stack_user_gid.get().get()),
        (1000, 1000)
    );
    assert_eq!(warnings.len(), 1);
}

#[test]
fn every_key_has_its_field() {
    let s = resolved(
        "BASE_DIR=/srv/ai/\nDOMAIN_NAME=AI.Example.org\nLOCALHOST=127.0.0.1\nBIND_ADDRESS=127.3.2.1\n\
         FRONT_DOOR_ADDRESS=203.0.113.7\nPUBLISH=front-door\nACME_EMAIL=a@example.org\n\
         STACK_USER_UID=2000\nSTACK_USER_GID=2001\nOPENCLAW_UID=2002\nOPENCLAW_GID=2003\n\
         DOCKER_NETWORK=x\nSTACK_SUBNET=10.9.8.0/24\nCONTAINER_PREFIX=y.\nSERVICES='a,b c,,a'\n\
         VECTOR_DB=Chroma\nOLLAMA_MODEL=m:1\nEMBEDDING_MODEL=e\nEMBEDDING_DIMENSIONS=384\n\
         GRAFANA_PORT=6001\nMY_PORT=6002\nCADDY_HTTPS_PORT=8443\nAPPARMOR=require\n\
         APPARMOR_PROFILE_DIR=/srv/profiles\nDENY_ETC_PASSWD=yes\nTAILSCALE_AUTH_KEY=tskey-1\n\
         TAILSCALE_HOSTNAME=node\nSTACK_CPUS=1.5\nSTACK_MEMORY=8g\nSTACK_PIDS=4096\nSTACK_DISK=200g\nSTACK_GPUS=2,0\n\
         IMAGE_REGISTRY=localhost/aiplat\nIMAGE_DIFY_API=me/dify:1\nPOSTGRES_PASSWORD=' p '\n",
    );
    assert_eq!(s.base_dir.get().as_str(), "/srv/ai");
    assert_eq!(s.domain_name.get().as_str(), "ai.example.org");
    assert_eq!(s.front_door_address.get().to_string(), "203.0.113.7");
    assert_eq!(s.openclaw_gid.get().map(super::super::Gid::get), Some(2003));
    assert_eq!(
        s.stack_subnet.get().map(|n| n.to_string()).as_deref(),
        Some("10.9.8.0/24")
    );
    let services: Vec<_> = s
        .services
        .get()
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    assert_eq!(services, ["a", "b", "c"].map(str::to_owned)[..]);
    let ports: Vec<_> = s
        .ports
        .iter()
        .map(|(k, p)| (k.as_str(), p.get().get()))
        .collect();
    assert_eq!(
        ports,
        [
            ("CADDY_HTTPS_PORT", 8443),
            ("GRAFANA_PORT", 6001),
            ("MY_PORT", 6002)
        ]
    );
    assert_eq!(s.apparmor_profile_dir.get().as_str(), "/srv/profiles");
    assert_eq!(
        s.tailscale_auth_key
            .get()
            .as_ref()
            .map(ExposeSecret::expose_secret),
        Some("tskey-1")
    );
    assert_eq!(
        s.stack_memory.get().map(super::super::ByteSize::bytes),
        Some(8 << 30)
    );
    assert_eq!(
        s.stack_disk.get().map(super::super::ByteSize::bytes),
        Some(200 << 30)
    );
    let gpus = s.stack_gpus.get().as_ref().map(ToString::to_string);
    assert_eq!(gpus.as_deref(), Some("0,2"));
    assert_eq!(
        s.stack_cpus.get().map(super::super::Cpus::nano),
        Some(1_500_000_000)
    );
    assert_eq!(
        s.images.values().next().map(|i| i.get().as_str()),
        Some("me/dify:1")
    );
    assert_eq!(
        s.secrets["POSTGRES_PASSWORD"].expose_secret(),
        " p ",
        "a secret is kept to the byte"
    );
}
