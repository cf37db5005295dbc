//! All services times all four stores: wired, set up in the app, or not with a reason.

use aiplat_vectordb::{StoreKind, Wiring, render_matrix};

use crate::common::catalogue;

#[test]
fn every_service_says_how_it_uses_every_store_or_why_not() {
    let catalogue = catalogue();
    let mut cells = 0;
    for service in catalogue.services() {
        for store in StoreKind::ALL {
            cells += 1;
            let at = format!("{} with {store}", service.name);
            let entry = service.vector.entry(store);
            match &entry.wiring {
                Wiring::Env { env, files } => {
                    let somehow = !env.is_empty() || !files.is_empty() || entry.config.is_some();
                    assert!(somehow, "{at}: wired by nothing");
                }
                Wiring::InApp { words } => assert!(words.len() >= 12, "{at}: `{words}`"),
                Wiring::None { reason } => assert!(reason.len() >= 12, "{at}: `{reason}`"),
            }
        }
    }
    assert_eq!(cells, catalogue.services().count() * 4);
}

#[test]
fn each_store_is_exactly_one_service() {
    let catalogue = catalogue();
    for store in StoreKind::ALL {
        let own: Vec<_> = catalogue
            .services()
            .filter(|s| s.vector_store == Some(store))
            .map(|s| &s.name)
            .collect();
        assert_eq!(own.len(), 1, "{store}: {own:?}");
        assert_eq!(own[0].as_str(), store.spec().service, "{store}");
    }
}

#[test]
fn the_matrix_can_be_shown_whole() {
    let catalogue = catalogue();
    let table = render_matrix(
        catalogue
            .services()
            .map(|s| (s.name.as_str().to_owned(), &s.vector)),
    );
    assert_eq!(table.lines().count(), catalogue.services().count() + 2);
}
