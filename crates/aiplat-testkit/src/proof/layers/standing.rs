//! One prober in the place of every container, for as long as the proof lasts.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio::sync::Mutex;

use crate::proof::prober::{Attempt, Entry, Prober, Ready, Seen};
use crate::proof::{Layer, Member, Scene};

/// The probers by container, and why some are not there.
#[derive(Debug)]
pub(in crate::proof) struct Standing {
    probers: BTreeMap<String, Result<Mutex<Prober>, String>>,
    ports: BTreeMap<String, Ready>,
}

impl Standing {
    /// Puts a prober into every container's place, where a layer needs any.
    pub(in crate::proof) async fn take(scene: &Scene<'_>) -> Self {
        let needed = [Layer::Files, Layer::Network, Layer::Vectors];
        let mut standing = Self {
            probers: BTreeMap::new(),
            ports: BTreeMap::new(),
        };
        if !needed.iter().any(|l| scene.options.layers.contains(l)) {
            return standing;
        }
        let members: Vec<&Member> = scene.stacks.iter().flat_map(|s| &s.members).collect();
        // a few at a time: each is a process that has to get going
        for some in members.chunks(16) {
            let started = some.iter().map(|member| async move {
                // whoever really runs there, not who was planned to
                let planned = (
                    member.spec.user.uid,
                    member.spec.user.gid,
                    member.spec.groups.clone(),
                );
                let (uid, gid, groups) =
                    super::process::user_of(&scene.bed.host.proc, member.pid).unwrap_or(planned);
                let entry = Entry {
                    pid: Some(member.pid),
                    container: member.detail.id.clone(),
                    uid,
                    gid,
                    groups,
                    listen: true,
                    token: token(member),
                };
                Prober::start(&scene.options.prober, &entry).await
            });
            for (member, prober) in some.iter().zip(join_all(started).await) {
                let id = member.detail.id.clone();
                if let Ok(prober) = &prober {
                    standing.ports.insert(id.clone(), prober.ready.clone());
                }
                let prober = prober.map(Mutex::new).map_err(|e| e.to_string());
                standing.probers.insert(id, prober);
            }
        }
        standing
    }

    /// Where the listener in a container's place is.
    pub(super) fn listener(&self, member: &Member) -> Option<&Ready> {
        self.ports.get(&member.detail.id)
    }

    /// Tries these from a container's place.
    pub(in crate::proof) async fn attempt(
        &self,
        member: &Member,
        attempts: &[Attempt],
    ) -> Result<Vec<Seen>, String> {
        match self.probers.get(&member.detail.id) {
            None => Err("there is no prober in its place".to_owned()),
            Some(Err(words)) => Err(words.clone()),
            Some(Ok(prober)) => prober
                .lock()
                .await
                .attempt(attempts)
                .await
                .map_err(|e| e.to_string()),
        }
    }

    /// Lets all of them go.
    pub(in crate::proof) async fn leave(self) {
        let all = self
            .probers
            .into_values()
            .flatten()
            .map(|p| p.into_inner().end());
        join_all(all).await;
    }
}

/// What the listener in a container's place answers: nobody else does.
fn token(member: &Member) -> String {
    format!(
        "aiplat:{}",
        &member.detail.id[..member.detail.id.len().min(24)]
    )
}
