//! What services have inside stores of their stack that others use too.

use std::collections::BTreeMap;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::desired::{Deposit, deposits};
use aiplat_core::names::ServiceName;
use aiplat_core::observed::{EngineFacts, PathState};
use aiplat_core::spec::Withdrawal;

use super::ExtendError;
use crate::apply::{ProvisionError, StepError, there};
use crate::engine::Engine;
use crate::host::Host;
use crate::redact::Redactor;

/// Services, the stack without them, and where both are.
pub(super) struct Parted<'a, E, H> {
    pub(super) engine: &'a E,
    pub(super) host: &'a H,
    pub(super) config: &'a StackConfig,
    pub(super) catalogue: &'a Catalogue,
    pub(super) facts: &'a EngineFacts,
    pub(super) services: &'a [ServiceName],
}

impl<E: Engine, H: Host> Parted<'_, E, H> {
    fn deposits(&self) -> Vec<Deposit> {
        deposits(self.config, self.catalogue, self.facts, self.services)
    }

    async fn there(&self, withdrawal: &Withdrawal) -> Result<Option<Withdrawal>, StepError> {
        let redactor = Redactor::of_stack(self.config);
        there(self.engine, &self.config.id, withdrawal, &redactor).await
    }

    /// What is to be taken out of stores so that nothing of the services stays, as it is now.
    ///
    /// # Errors
    /// [`ExtendError::Deposit`] and [`ExtendError::StoreAway`]: nothing that cannot be looked at is lost by halves. Where
    /// nothing else is `known` of the services, a store that does not run is not asked.
    pub(super) async fn to_withdraw(&self, known: bool) -> Result<Vec<Withdrawal>, ExtendError> {
        let mut found = Vec::new();
        for Deposit { store, withdrawal } in self.deposits() {
            let Some(withdrawal) = withdrawal else {
                let data = self.config.path("data").join(store.as_str());
                let empty = match self.host.path_state(&data)? {
                    PathState::Directory { empty, .. } => empty,
                    state => state == PathState::Absent,
                };
                if known && !empty {
                    return Err(ExtendError::StoreAway { store });
                }
                continue;
            };
            match self.there(&withdrawal).await {
                Ok(there) => found.extend(there),
                Err(error) if !known && away(&error) => {}
                Err(error) => {
                    let source = Box::new(error);
                    return Err(ExtendError::Deposit { store, source });
                }
            }
        }
        Ok(found)
    }

    /// What there is in each store that can be asked, by its articles.
    pub(super) async fn found(&self) -> BTreeMap<ServiceName, Vec<String>> {
        let mut found = BTreeMap::new();
        for Deposit { store, withdrawal } in self.deposits() {
            // of one that cannot be asked nothing is known, and nothing is taken out later
            if let Some(withdrawal) = withdrawal
                && let Ok(there) = self.there(&withdrawal).await
            {
                let articles = there.map(|there| there.articles()).unwrap_or_default();
                found.insert(store, articles);
            }
        }
        found
    }

    /// What was put into stores since these articles were found there, whatever it is by now.
    pub(super) fn since(&self, found: &BTreeMap<ServiceName, Vec<String>>) -> Vec<Withdrawal> {
        let all = self.deposits().into_iter();
        all.filter_map(|deposit| deposit.withdrawal?.without(found.get(&deposit.store)?))
            .collect()
    }
}

/// Whether a store does not run.
pub(super) fn away(error: &StepError) -> bool {
    matches!(
        error,
        StepError::Provision(ProvisionError::NoAddress { .. } | ProvisionError::Session { .. })
    )
}
