//! An archive of a stack, as a backup would make it where stores are programs.

use std::collections::BTreeMap;

use aiplat_archive::{ArchiveName, Attributes, Header, Options, Seal, Target, TreeOptions, Writer};
use aiplat_core::backup::{
    Contents, DatabaseDump, FORMAT, Method, PostgresContents, RedisContents, ServiceContents,
    StackContents,
};
use aiplat_core::config::StackConfig;

/// What the database server gave out.
pub(super) const DUMP: &[u8] = b"PGDMP of a test";

/// An archive as a backup of the stack would be, with what stores would have given out.
pub(super) fn archive(
    config: &StackConfig,
    name: &ArchiveName,
    target: &Target,
    changed: &[(&str, &str)],
) {
    let (a, base) = (&config.allocation, config.base_dir());
    let service = |service: &str, method| ServiceContents {
        service: service.to_owned(),
        method,
        image: None,
        data_format: None,
        bytes: 1,
        paused_ms: 0,
        bound: None,
    };
    let contents = Contents {
        format: FORMAT,
        tool: "0".to_owned(),
        stack: StackContents {
            name: config.name().clone(),
            id: config.id.clone(),
            store_names: config.store_names().clone(),
            base_dir: base.display().to_string(),
            domain: config.domain().to_owned(),
            vector_db: config.vector_store().as_str().to_owned(),
            uid: a.uid,
            gid: a.gid,
            openclaw_uid: a.openclaw_uid,
            openclaw_gid: a.openclaw_gid,
        },
        services: vec![
            service("prometheus", Method::Freeze),
            service("postgres", Method::PostgresDump),
            service("redis", Method::RedisSave),
        ],
        left_out: BTreeMap::new(),
        postgres: Some(PostgresContents {
            version: "17.11".to_owned(),
            databases: vec![DatabaseDump {
                name: "notes".to_owned(),
                file: "dumps/postgres/0.dump".to_owned(),
                tables: Vec::new(),
            }],
            roles: 1,
        }),
        redis: Some(RedisContents {
            file: "dumps/redis/dump.rdb".to_owned(),
            keys: BTreeMap::new(),
        }),
        qdrant: None,
    };
    let metadata = serde_json::to_value(&contents).unwrap();
    let header = Header::new(name, config.id.as_str(), metadata.clone());
    let mut to =
        Writer::begin(target, name, &Seal::Unencrypted, header, Options::default()).unwrap();
    let closed = Attributes::new(0o700, "root");
    for folder in ["stack", "data", "dumps", "dumps/postgres", "dumps/redis"] {
        to.directory(folder, &closed).unwrap();
    }
    let mut manifest = std::fs::read_to_string(base.join("config/.env")).unwrap();
    for (key, value) in changed {
        manifest.push_str(&format!("{key}={value}\n"));
    }
    let roles = br#"[{"name":"notes","attributes":["LOGIN"],"verifier":null,"member_of":[]}]"#;
    let files: [(&str, &[u8]); 4] = [
        ("stack/manifest", manifest.as_bytes()),
        ("dumps/postgres/roles.json", roles),
        ("dumps/postgres/0.dump", DUMP),
        ("dumps/redis/dump.rdb", b"REDIS of a test"),
    ];
    for (path, bytes) in files {
        to.bytes(path, &Attributes::new(0o600, "root"), bytes)
            .unwrap();
    }
    let stack = (a.uid, a.gid);
    let owner = |uid, gid| {
        let role = if (uid, gid) == stack {
            "stack".to_owned()
        } else {
            format!("{uid}:{gid}")
        };
        Some(role)
    };
    let tree = TreeOptions {
        owner: &owner,
        skip: &|_| false,
    };
    to.tree(&base.join("config/secrets"), "stack/secrets", &tree)
        .unwrap();
    to.tree(&base.join("data/prometheus"), "data/prometheus", &tree)
        .unwrap();
    to.finish(metadata).unwrap();
}
