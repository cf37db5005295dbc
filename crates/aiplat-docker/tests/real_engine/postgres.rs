//! Roles and databases in a real server.

use aiplat_core::plan::Step;
use aiplat_core::spec::{Bind, Owner, PostgresDatabase, Probe, Provision, Tmpfs};
use aiplat_docker::apply::ApplyError;
use aiplat_docker::engine::Engine;

use crate::on_engine;
use crate::specs::{USER, container, secret, step};
use crate::support::Bed;

const SERVER: &str = "localhost/aiplat/postgres:17.11-trixie";
const ADMIN: &str = "administrator-1";

fn wanted(role: &str, password: &str) -> PostgresDatabase {
    PostgresDatabase {
        role: role.into(),
        password: secret(password),
        database: role.into(),
        schema: Some("extra".into()),
        extensions: vec!["vector".into()],
    }
}

fn provision(
    bed: &Bed,
    gate: &aiplat_core::spec::Gate,
    databases: Vec<PostgresDatabase>,
    password: &str,
) -> Step {
    let _ = bed;
    Step::Provision(Box::new(Provision::Postgres {
        gate: gate.clone(),
        port: 5432,
        user: "postgres".into(),
        password: secret(password),
        databases,
    }))
}

/// A session of a role, and what the server says to a query.
async fn ask(
    address: &str,
    role: &str,
    password: &str,
    database: &str,
    query: &str,
) -> Result<String, String> {
    let config = format!("host={address} user={role} password={password} dbname={database}");
    let words = |e: tokio_postgres::Error| {
        e.as_db_error()
            .map_or_else(|| e.to_string(), |d| d.message().to_owned())
    };
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls)
        .await
        .map_err(words)?;
    tokio::spawn(connection);
    let rows = client.simple_query(query).await.map_err(words)?;
    Ok(rows
        .iter()
        .filter_map(|row| match row {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect::<Vec<_>>()
        .join(","))
}

#[test]
fn each_service_has_a_role_and_a_database_that_no_other_can_enter() {
    on_engine!(bed, {
        assert!(
            bed.engine.image(SERVER).await.unwrap().is_some(),
            "expected image `{SERVER}` on the engine: run scripts/images"
        );
        let data = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(data.path(), Some(USER.uid), Some(USER.gid)).unwrap();
        let mut spec = bed.script("postgres", "");
        (spec.image, spec.entrypoint, spec.command) = (SERVER.into(), None, None);
        spec.env.insert("POSTGRES_PASSWORD".into(), secret(ADMIN));
        spec.env
            .insert("PGDATA".into(), "/var/lib/postgresql/data/pgdata".into());
        spec.limits.memory_bytes = Some(512 << 20);
        spec.binds = vec![Bind {
            source: data.path().into(),
            target: "/var/lib/postgresql/data".into(),
            read_only: false,
        }];
        let run = Tmpfs {
            target: "/var/run/postgresql".into(),
            ..spec.tmpfs[0].clone()
        };
        spec.tmpfs.push(Tmpfs {
            bytes: 1 << 20,
            owner: Owner { ..USER },
            ..run
        });
        let mut gate = bed.gate(&spec, "", 90);
        gate.probe = Probe::Postgres {
            port: 5432,
            user: "postgres".into(),
            database: "postgres".into(),
        };
        let both = vec![
            wanted("alpha", "alpha-pass-1"),
            wanted("be\"ta'", "beta-pass-1"),
        ];
        bed.apply(vec![
            ("net", &[], Step::Network(bed.network())),
            ("postgres", &["net"], step(container(&spec, gate.clone()))),
            (
                "provision",
                &["postgres"],
                provision(&bed, &gate, both.clone(), ADMIN),
            ),
        ])
        .await
        .unwrap();

        let detail = bed
            .engine
            .container_inspect(spec.name.as_str())
            .await
            .unwrap();
        // the gate has asked, over and over: whoever reads the server's log need not read of it
        let log = bed.engine.logs_tail(&detail.id, 500).await.unwrap();
        let told = ["SASL", "could not receive", "unexpected EOF"];
        let of_probes = log
            .iter()
            .filter(|l| told.iter().any(|t| l.text.contains(t)));
        let of_probes: Vec<_> = of_probes.map(|l| l.text.as_str()).collect();
        assert!(of_probes.is_empty(), "{of_probes:?}");
        let address = detail.addresses[&bed.stack()].to_string();
        let own = "CREATE TABLE IF NOT EXISTS t (v vector(3)); CREATE TABLE IF NOT EXISTS extra.t (i int); SELECT current_user";
        assert_eq!(
            ask(&address, "alpha", "alpha-pass-1", "alpha", own)
                .await
                .unwrap(),
            "alpha"
        );
        for (database, query) in [("postgres", "SELECT 1"), ("template1", "SELECT 1")] {
            let refused = ask(&address, "alpha", "alpha-pass-1", database, query)
                .await
                .unwrap_err();
            assert!(
                refused.contains("permission denied for database"),
                "{refused}"
            );
        }
        let elsewhere = ask(&address, "alpha", "alpha-pass-1", "'be\"ta\\''", "SELECT 1")
            .await
            .unwrap_err();
        assert!(
            elsewhere.contains("permission denied for database"),
            "{elsewhere}"
        );
        let rights = "SELECT rolsuper::text || rolcreatedb || rolcreaterole FROM pg_roles WHERE rolname = current_user";
        let rights = ask(&address, "alpha", "alpha-pass-1", "alpha", rights)
            .await
            .unwrap();
        assert_eq!(rights, "falsefalsefalse");

        // again, with another password: the table stays, the old password does not
        let rotated = vec![wanted("alpha", "alpha-pass-2"), both[1].clone()];
        bed.apply(vec![(
            "provision",
            &[],
            provision(&bed, &gate, rotated, ADMIN),
        )])
        .await
        .unwrap();
        ask(&address, "alpha", "alpha-pass-1", "alpha", "SELECT 1")
            .await
            .unwrap_err();
        let count = ask(
            &address,
            "alpha",
            "alpha-pass-2",
            "alpha",
            "SELECT count(*) FROM t",
        )
        .await
        .unwrap();
        assert_eq!(count, "0");

        // two runs at the same moment do not trip over each other
        let twice = |id| (id, &[][..], provision(&bed, &gate, both.clone(), ADMIN));
        bed.apply(vec![twice("one"), twice("two"), twice("three")])
            .await
            .unwrap();

        let error = bed
            .apply(vec![(
                "provision",
                &[],
                provision(&bed, &gate, both, "wrong-password"),
            )])
            .await;
        let Err(ApplyError::Steps { failures, .. }) = error else {
            panic!("it should fail")
        };
        let words = failures[0].source.to_string();
        assert!(words.contains("password authentication failed"), "{words}");
        assert!(
            !words.contains("wrong-password") && !words.contains("alpha-pass"),
            "{words}"
        );
        bed.clear().await;
    });
}
