//! Which names inside a store are a service's own: all that it can have made by what it was told, and nobody else's.

use aiplat_vectordb::{Holding, Own, StoreContext, StoreKind, holdings};

fn of(kind: StoreKind, service: &str, provision: bool) -> Vec<Holding> {
    holdings(&StoreContext::new(kind, "s", service, provision))
}

/// The names that a service is told in a store.
fn told(kind: StoreKind, service: &str, provision: bool) -> Vec<String> {
    let context = StoreContext::new(kind, "s", service, provision);
    let variables = context.variables().into_iter();
    let text = |wanted: &str| {
        let mut all = variables.clone().filter(|(name, _)| *name == wanted);
        all.next().map(|(_, var)| var.text().to_string())
    };
    let prefixed = text("prefix").map(|prefix| format!("{prefix}documents"));
    text("collection").into_iter().chain(prefixed).collect()
}

#[test]
fn a_service_owns_what_it_was_told_to_make_and_nothing_of_another() {
    for kind in StoreKind::ALL
        .into_iter()
        .filter(|kind| *kind != StoreKind::Pgvector)
    {
        for provision in [false, true] {
            let mine = of(kind, "a", provision);
            for name in told(kind, "a", provision) {
                assert!(mine[0].own.has(&name), "{kind} {provision}: {name}");
            }
            // `a-b` and `aa` begin like `a`
            for other in ["a-b", "aa", "b"] {
                let theirs = of(kind, other, provision);
                for name in told(kind, other, provision) {
                    let apart = mine[0].path != theirs[0].path || !mine[0].own.has(&name);
                    assert!(
                        apart,
                        "{kind} {provision}: {name} of `{other}` is taken for that of `a`"
                    );
                }
                assert_ne!(mine.last(), theirs.last(), "{kind} {provision}");
            }
        }
    }
    assert_eq!(of(StoreKind::Pgvector, "a", true), []);
}

#[test]
fn a_place_of_its_own_goes_whole_and_after_what_is_in_it() {
    let chroma = of(StoreKind::Chroma, "a", true);
    assert_eq!(chroma[0].own, Own::All);
    assert_eq!(
        chroma[0].path,
        "/api/v2/tenants/s__a/databases/s__a/collections"
    );
    assert_eq!(
        (chroma[1].what, chroma[1].own.has("s__a")),
        ("database", true)
    );
    assert!(!chroma[1].own.has("s__a_b") && !chroma[1].own.has("s__a__x"));
    let weaviate = of(StoreKind::Weaviate, "a", true);
    assert_eq!(
        weaviate.iter().map(|h| h.what).collect::<Vec<_>>(),
        ["class", "role"]
    );
    let key = weaviate[1].bearer.as_ref().map(|key| key.name.as_str());
    assert_eq!(key, Some("weaviate_api_key"));
    // without a user of its own it has no role
    assert_eq!(of(StoreKind::Weaviate, "a", false).len(), 1);
}
