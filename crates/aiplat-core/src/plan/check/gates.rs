//! Only the stack's own containers are asked, reloaded and provisioned.

use super::Checker;
use crate::desired::own_databases;
use crate::names::ContainerName;
use crate::spec::{Gate, Provision, Reload, Withdrawal};

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

    /// Only of a store that the stack runs, and nothing that a service has which stays.
    pub(super) fn withdrawal(&mut self, withdrawal: &Withdrawal) {
        self.gate(withdrawal.gate());
        let runs = self.config.selection.has(&withdrawal.gate().service);
        self.expect(
            runs,
            "takes something out of a store that the stack does not run",
        );
        let Withdrawal::Postgres { databases, .. } = withdrawal;
        let stays = self.config.selection.services().iter();
        let stays = stays.filter_map(|name| self.catalogue.get(name));
        let kept: Vec<_> = stays.flat_map(|s| own_databases(self.config, s)).collect();
        for own in databases {
            let free = kept.iter().all(|kept| kept.apart(own));
            let words = format!("drops `{}`, which a service has that stays", own.database);
            self.expect(free, words);
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
