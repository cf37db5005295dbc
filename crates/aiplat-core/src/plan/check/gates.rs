//! Only the stack's own containers are asked, reloaded and provisioned.

use aiplat_vectordb::holdings;

use super::Checker;
use crate::desired::{own_databases, own_vectors};
use crate::names::ContainerName;
use crate::spec::{
    DataCopy, Gate, OwnDatabase, OwnDatabases, Provision, Reload, Shelf, Withdrawal,
};

impl Checker<'_> {
    pub(super) fn gate(&mut self, gate: &Gate) {
        let Gate {
            service,
            container,
            address_of,
            network,
            at: _,
            probe: _,
            deadline_seconds,
        } = gate;
        self.expect(
            *container == self.config.container(service),
            "asks another stack's container",
        );
        let addressed = self.own(address_of);
        self.expect(
            addressed,
            "asks at the address of another stack's container",
        );
        self.expect(
            network == self.config.name().as_str(),
            "asks in a foreign network",
        );
        self.expect(*deadline_seconds > 0, "waits without a deadline");
    }

    pub(super) fn provision(&mut self, provision: &Provision) {
        let (Provision::Postgres { gate, .. } | Provision::Http { gate, .. }) = provision;
        self.gate(gate);
    }

    /// Of the service's own databases alone: they are put in place of what is there.
    pub(super) fn copy(&mut self, copy: &DataCopy) {
        let Some(kept) = &copy.databases else { return };
        self.gate(&kept.gate);
        let service = self.catalogue.get(&copy.service);
        let own = service.map(|service| own_databases(self.config, service));
        let own = own.unwrap_or_default();
        for database in &kept.databases {
            self.expect(
                own.contains(database),
                format!("copies `{}`, which is not the service's", database.database),
            );
        }
    }

    /// Only of a store that the stack runs, and nothing that a service has which stays.
    pub(super) fn withdrawal(&mut self, withdrawal: &Withdrawal) {
        self.gate(withdrawal.gate());
        let runs = self.config.selection.has(&withdrawal.gate().service);
        self.expect(
            runs,
            "takes something out of a store that the stack does not run",
        );
        let stays = self.config.selection.services().iter();
        let stays: Vec<_> = stays.filter_map(|name| self.catalogue.get(name)).collect();
        let mut taken = Vec::new();
        match withdrawal {
            Withdrawal::Postgres(OwnDatabases { databases, .. }) => {
                let kept = stays.iter().flat_map(|s| own_databases(self.config, s));
                let kept: Vec<_> = kept.collect();
                let shared = |own: &&OwnDatabase| !kept.iter().all(|kept| kept.apart(own));
                taken.extend(
                    databases
                        .iter()
                        .filter(shared)
                        .map(|own| own.database.clone()),
                );
            }
            Withdrawal::Http { shelves, .. } => {
                let kept = stays.iter().filter_map(|s| own_vectors(self.config, s));
                for theirs in kept.flat_map(|vector| holdings(&vector)) {
                    let same =
                        |shelf: &&Shelf| shelf.path == theirs.path && shelf.own == theirs.own;
                    taken.extend(shelves.iter().filter(same).map(|shelf| shelf.path.clone()));
                }
            }
        }
        for name in taken {
            self.expect(
                false,
                format!("drops `{name}`, which a service has that stays"),
            );
        }
    }

    pub(super) fn reload(&mut self, reload: &Reload) {
        let own = reload.container == self.config.container(&reload.service);
        self.expect(own, "reloads another stack's container");
        self.gate(&reload.gate);
    }

    /// Whether a container is one of a selected service.
    fn own(&self, name: &ContainerName) -> bool {
        let services = self.config.selection.services().iter();
        services
            .map(|service| self.config.container(service))
            .any(|own| own == *name)
    }
}
