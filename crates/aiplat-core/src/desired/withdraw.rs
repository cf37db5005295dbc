//! What services that go have inside stores that stay.

use std::collections::BTreeSet;

use aiplat_apparmor::InForce;
use aiplat_vectordb::{Holding, Provision as StoreProvision, StoreContext, holdings, provisioning};

use super::Context;
use super::probes::{SUPERUSER, SUPERUSER_SECRET, gate, prefixed};
use crate::catalogue::{Catalogue, Service};
use crate::config::StackConfig;
use crate::names::ServiceName;
use crate::observed::EngineFacts;
use crate::render::{Renderer, database_names};
use crate::spec::{OwnDatabase, OwnDatabases, Shelf, Withdrawal};

/// What services that go may have inside one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The store.
    pub store: ServiceName,
    /// What would be taken out of it, whether it is there or not; none where the stack does not run the store.
    pub withdrawal: Option<Withdrawal>,
}

/// What `services` may have inside stores beside them, by what the catalogue says is theirs alone: what a service of
/// `config`, which is the stack without them, has by the same name is not among it.
pub fn deposits(
    config: &StackConfig,
    catalogue: &Catalogue,
    engine: &EngineFacts,
    services: &[ServiceName],
) -> Vec<Deposit> {
    let context = Context {
        config,
        catalogue,
        engine,
        enforced: config
            .apparmor(engine.apparmor)
            .is_ok_and(|found| found == InForce::Enforced),
        renderer: Renderer::new(config, catalogue),
    };
    let both = [context.databases(services), context.vectors(services)];
    both.into_iter().flatten().collect()
}

impl Context<'_> {
    /// Services that go, and those that stay.
    fn parted(&self, services: &[ServiceName]) -> [Vec<&Service>; 2] {
        let stay = self.config.selection.services().iter();
        let goes = |name: &&ServiceName| !self.config.selection.has(name);
        [
            services
                .iter()
                .filter(goes)
                .filter_map(|n| self.catalogue.get(n))
                .collect(),
            stay.filter_map(|n| self.catalogue.get(n)).collect(),
        ]
    }

    /// Databases of those that go, of which none that stays has one.
    fn databases(&self, services: &[ServiceName]) -> Option<Deposit> {
        let of = |all: &[&Service]| -> BTreeSet<OwnDatabase> {
            all.iter()
                .flat_map(|s| own_databases(self.config, s))
                .collect()
        };
        let [goes, stays] = self.parted(services);
        let kept = of(&stays);
        let free = |own: &OwnDatabase| kept.iter().all(|kept| kept.apart(own));
        let databases: Vec<OwnDatabase> = of(&goes).into_iter().filter(free).collect();
        let postgres = self.catalogue.get(&"postgres".parse().ok()?)?;
        if databases.is_empty() || services.contains(&postgres.name) {
            return None;
        }
        Some(Deposit {
            store: postgres.name.clone(),
            withdrawal: self
                .in_postgres(postgres, databases)
                .map(Withdrawal::Postgres),
        })
    }

    /// What a service keeps in the stack's `PostgreSQL` and nobody else does; what it has there for its vectors is not
    /// among it.
    pub(super) fn kept_in_postgres(&self, service: &Service) -> Option<OwnDatabases> {
        let databases: Vec<_> = app_databases(self.config, service).collect();
        let postgres = self.catalogue.get(&"postgres".parse().ok()?)?;
        self.in_postgres(postgres, databases)
            .filter(|own| !own.databases.is_empty())
    }

    /// Databases in the stack's `PostgreSQL`; `None` where it runs none.
    fn in_postgres(&self, postgres: &Service, databases: Vec<OwnDatabase>) -> Option<OwnDatabases> {
        let runs = self.config.selection.has(&postgres.name);
        let password = self.renderer.secret(SUPERUSER_SECRET).filter(|_| runs)?;
        Some(OwnDatabases {
            gate: gate(self, postgres),
            port: postgres.container_port("sql"),
            user: SUPERUSER.to_owned(),
            password,
            databases,
        })
    }

    /// What those that go have in the vector store by names that none has which stays.
    fn vectors(&self, services: &[ServiceName]) -> Option<Deposit> {
        let [goes, stays] = self.parted(services);
        let all = |these: &[&Service]| -> Vec<StoreContext> {
            these
                .iter()
                .filter_map(|s| own_vectors(self.config, s))
                .collect()
        };
        let kept = all(&stays);
        let mut own = all(&goes);
        own.retain(|mine| kept.iter().all(|theirs| theirs.names != mine.names));
        own.dedup_by(|a, b| a.names == b.names);
        let first = own.first()?;
        let store: ServiceName = first.kind.spec().service.parse().ok()?;
        if services.contains(&store) {
            return None;
        }
        let shelves = own
            .iter()
            .flat_map(holdings)
            .map(|h| self.shelf(h))
            .collect();
        let port = first.port;
        let server = self.catalogue.get(&store);
        let server = server.filter(|_| self.config.selection.has(&store));
        Some(Deposit {
            withdrawal: server.map(|server| Withdrawal::Http {
                gate: gate(self, server),
                port,
                shelves,
            }),
            store,
        })
    }

    fn shelf(&self, holding: Holding) -> Shelf {
        let bearer = holding
            .bearer
            .and_then(|key| self.renderer.secret(&key.name));
        let header = bearer.map(|key| ("authorization".to_owned(), prefixed(self, &key)));
        Shelf {
            what: holding.what.to_owned(),
            path: holding.path,
            list: holding.list.to_owned(),
            name: holding.name.to_owned(),
            headers: header.into_iter().collect(),
            own: holding.own,
            kept: Vec::new(),
            seen: Vec::new(),
        }
    }
}

/// The names under which a service keeps its vectors, where its store is spoken to over HTTP.
pub(crate) fn own_vectors(config: &StackConfig, service: &Service) -> Option<StoreContext> {
    config
        .vector(service)
        .filter(|vector| !holdings(vector).is_empty())
}

/// The databases that are made for a service.
pub(crate) fn own_databases(config: &StackConfig, service: &Service) -> Vec<OwnDatabase> {
    let vector = config.vector(service);
    let made = vector.iter().flat_map(provisioning);
    let vectors = made.filter_map(|made| match made {
        StoreProvision::Sql(sql) => Some(OwnDatabase {
            database: sql.database.to_string(),
            role: sql.role.to_string(),
        }),
        StoreProvision::Http(_) => None,
    });
    app_databases(config, service).chain(vectors).collect()
}

/// Those of them that its entry names: no other entry may have the same.
fn app_databases(config: &StackConfig, service: &Service) -> impl Iterator<Item = OwnDatabase> {
    service.databases.iter().map(|database| {
        let (role, database) = database_names(config, &database.name);
        OwnDatabase { database, role }
    })
}
