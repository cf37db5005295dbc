//! No two stacks share a name, a directory, a user, a port, a subnet or a graphics processor.

use std::net::Ipv4Addr;

use super::Checker;
use crate::allocation::{Register, Reservation};

impl Checker<'_> {
    /// What this stack has against what the others have reserved.
    pub(super) fn others(&mut self, register: &Register) {
        for other in register
            .stacks
            .iter()
            .filter(|r| r.stack_id != self.config.id)
        {
            self.names(other);
            self.users(other);
            let mine = self.config.allocation.subnet;
            let apart = !(other.subnet.contains(&mine) || mine.contains(&other.subnet));
            self.expect(
                apart,
                format!(
                    "the subnet {mine} overlaps with that of stack `{}`",
                    other.stack
                ),
            );
            self.ports(other);
            for gpu in &self.config.allocation.gpus {
                self.expect(
                    !other.gpus.contains(gpu),
                    format!(
                        "the graphics processor {gpu} belongs to stack `{}`",
                        other.stack
                    ),
                );
            }
        }
    }

    fn names(&mut self, other: &Reservation) {
        let Reservation {
            stack,
            base_dir,
            container_prefix,
            ..
        } = other;
        self.expect(
            stack != self.config.name(),
            format!("the name is that of stack `{stack}`"),
        );
        let prefix = self.config.settings.container_prefix.get().to_string();
        self.expect(
            *container_prefix != prefix,
            format!("the prefix `{prefix}` is that of stack `{stack}`"),
        );
        let own = self.config.base_dir();
        let apart = crate::allocation::apart(own, base_dir);
        self.expect(
            apart,
            format!("the directory is shared with stack `{stack}`"),
        );
    }

    fn users(&mut self, other: &Reservation) {
        let mine = &self.config.allocation;
        for uid in [mine.uid, mine.openclaw_uid] {
            let free = !other.uids.contains(&uid);
            self.expect(
                free,
                format!("the user {uid} belongs to stack `{}`", other.stack),
            );
        }
        for gid in [mine.gid, mine.openclaw_gid] {
            let free = !other.gids.contains(&gid);
            self.expect(
                free,
                format!("the group {gid} belongs to stack `{}`", other.stack),
            );
        }
    }

    fn ports(&mut self, other: &Reservation) {
        let settings = &self.config.settings;
        for (key, port) in &self.config.allocation.ports {
            let edge = key.starts_with("CADDY_");
            let address = if edge {
                &settings.front_door_address
            } else {
                &settings.bind_address
            };
            let meets =
                |a: Ipv4Addr, b: Ipv4Addr| a == b || a.is_unspecified() || b.is_unspecified();
            let free = !other
                .ports
                .iter()
                .any(|p| p.port == *port && meets(p.address, *address.get()));
            self.expect(
                free,
                format!("the port {port} belongs to stack `{}`", other.stack),
            );
        }
    }
}
