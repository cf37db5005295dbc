//! What is not this stack's is left alone.

use aiplat_core::names::StackId;
use aiplat_core::plan::Step;
use aiplat_docker::apply::{ApplyError, StepError};
use aiplat_docker::engine::{Engine, EngineError, Life};

use crate::on_engine;
use crate::specs::{removal, step};
use crate::support::Bed;

fn cause(error: ApplyError) -> StepError {
    match error {
        ApplyError::Steps { mut failures, .. } => failures.remove(0).source,
        other => panic!("{other}"),
    }
}

fn other(bed: &Bed) -> Bed {
    let mut bytes = *b"\xee\xee\xee\xee\xee\xee";
    bytes[..4].copy_from_slice(&std::process::id().to_le_bytes());
    Bed::of(bed.engine.clone(), StackId::from_bytes(bytes))
}

#[test]
fn a_foreign_container_is_neither_replaced_nor_removed() {
    on_engine!(bed, {
        let foreign = other(&bed);
        foreign.clear().await;
        bed.apply(vec![("net", &[], Step::Network(bed.network()))])
            .await
            .unwrap();
        // the other stack's container holds the very name that ours wants
        let mut squatter = bed.web("web", "foreign");
        squatter.labels = foreign.labels();
        let id = bed
            .engine
            .container_create(&squatter, Life::Service { hash: "0" })
            .await
            .unwrap();
        let mut wanted = bed.web_step("web", "mine");
        let name = wanted.spec.name.to_string();
        let mut results = vec![cause(
            bed.apply(vec![("web", &[], step(wanted.clone()))])
                .await
                .unwrap_err(),
        )];
        results.push(cause(
            bed.apply(vec![("rm", &[], removal(&name, &id))])
                .await
                .unwrap_err(),
        ));
        wanted.replaces = Some(id.clone());
        results.push(cause(
            bed.apply(vec![("web", &[], step(wanted.clone()))])
                .await
                .unwrap_err(),
        ));
        wanted.replaces = None;
        wanted.discard = Some(id.clone());
        results.push(cause(
            bed.apply(vec![("web", &[], step(wanted))])
                .await
                .unwrap_err(),
        ));
        let left = bed.engine.container_inspect(&id).await.unwrap();
        foreign.clear().await;
        assert_eq!(left.name, name);
        for error in results {
            assert!(matches!(error, StepError::Foreign { .. }), "{error}");
        }
    });
}

#[test]
fn a_foreign_network_is_neither_used_nor_removed() {
    on_engine!(bed, {
        let foreign = other(&bed);
        foreign.clear().await;
        let mut squatter = bed.network();
        squatter.labels = foreign.labels();
        let id = bed.engine.network_create(&squatter).await.unwrap();
        let make = cause(
            bed.apply(vec![("net", &[], Step::Network(bed.network()))])
                .await
                .unwrap_err(),
        );
        let remove = Step::RemoveNetwork {
            id: id.clone(),
            name: squatter.name.clone(),
        };
        let gone = cause(bed.apply(vec![("net", &[], remove)]).await.unwrap_err());
        let left = bed.engine.network_inspect(&id).await;
        foreign.clear().await;
        assert!(left.is_ok());
        assert!(matches!(make, StepError::Foreign { .. }), "{make}");
        assert!(matches!(gone, StepError::Foreign { .. }), "{gone}");
    });
}

#[test]
fn refusals_are_told_apart() {
    on_engine!(bed, {
        bed.apply(vec![("net", &[], Step::Network(bed.network()))])
            .await
            .unwrap();
        let engine = &bed.engine;
        let life = Life::Service { hash: "0" };
        let mut absent = bed.web("absent", "x");
        absent.image = "localhost/aiplat/there-is-no-such-image:1".into();
        let error = engine.container_create(&absent, life).await.unwrap_err();
        assert_eq!(
            error,
            EngineError::ImageAbsent {
                reference: absent.image.clone()
            }
        );

        let error = engine
            .container_inspect("there-is-no-such-container")
            .await
            .unwrap_err();
        assert!(
            matches!(&error, EngineError::NotFound { what } if what.contains("there-is-no")),
            "{error:?}"
        );
        let error = engine
            .network_inspect("there-is-no-such-network")
            .await
            .unwrap_err();
        assert!(
            matches!(&error, EngineError::NotFound { what } if what.contains("there-is-no")),
            "{error:?}"
        );

        let mut second = bed.network();
        second.name.push('x');
        second.bridge.pop();
        second.subnet = engine.network_inspect(&bed.stack()).await.unwrap().subnets[0]
            .parse()
            .unwrap();
        second.gateway = second.subnet.hosts().next().unwrap();
        let error = engine.network_create(&second).await.unwrap_err();
        assert!(
            matches!(error, EngineError::SubnetTaken { .. }),
            "{error:?}"
        );

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut published = bed.web_step("web", "x");
        published.spec.ports = vec![aiplat_core::spec::PublishedPort {
            address: [127, 0, 0, 1].into(),
            host: port,
            container: 8080,
            protocol: aiplat_core::spec::IpProtocol::Tcp,
        }];
        let error = cause(
            bed.apply(vec![("web", &[], step(published))])
                .await
                .unwrap_err(),
        );
        let StepError::Container { cause: inner, .. } = error else {
            panic!("{error}")
        };
        let taken = EngineError::PortTaken {
            address: [127, 0, 0, 1].into(),
            port,
        };
        assert!(
            matches!(&*inner, StepError::Engine(e) if *e == taken),
            "{inner:?}"
        );
        assert_eq!(bed.containers().await, []);

        let pull = Step::Image {
            reference: "127.0.0.1:9/aiplat/nowhere:1".into(),
            guards: Vec::new(),
        };
        let error = cause(bed.apply(vec![("image", &[], pull)]).await.unwrap_err());
        assert!(
            matches!(error, StepError::Engine(EngineError::PullFailed { .. })),
            "{error:?}"
        );
    });
}
