//! Other images for services that run, with the way back.
//!
//! An upgrade is a deploy that asks for other images and copies the data of their services first. When it fails, a second
//! deploy brings container, data and manifest back to what was proved before. Both run under one hold of the stack's lock,
//! and the audit trail has one record of what came of them.

mod images;

use std::path::{Path, PathBuf};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::names::ServiceName;
use aiplat_core::spec::DataCopy;

pub use images::Changed;
use images::{Images, decide};

use super::prepare::prepare_with;
use super::{
    CatalogueError, DeployError, Inputs, Intent, Operation, Places, PrepareError, Prepared, open,
    quoted,
};
use crate::apply::{ApplyOptions, Report};
use crate::engine::{Engine, EngineError};
use crate::events::Events;
use crate::host::{Host, HostError};

/// As its lock and its trail name it.
const COMMAND: &str = "upgrade";

/// Why an upgrade was not done.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// One tag for several programs.
    #[error(
        "`{bundle}` has images of several versions ({found}), so that no one tag fits all; upgrade its services one by one"
    )]
    Several {
        /// The bundle.
        bundle: String,
        /// Its services with their tags.
        found: String,
    },
    /// A tag without a service.
    #[error("expected a service together with `--to`: no tag fits all")]
    Everything,
    /// It could not be planned: nothing has been touched.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A service file.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Steps of a way back failed, or nothing could be begun.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A step failed, and what ran before runs again.
    #[error("the upgrade of {} was taken back", quoted(.services))]
    Returned {
        /// The services whose image was to change.
        services: Vec<ServiceName>,
        /// What failed.
        source: Box<DeployError>,
    },
    /// A step failed, and so did the way back.
    #[error("the upgrade of {} failed ({first}), and not all of it could be taken back", quoted(.services))]
    NotReturned {
        /// The services whose image was to change.
        services: Vec<ServiceName>,
        /// What failed first.
        first: String,
        /// What failed on the way back.
        source: Box<UpgradeError>,
    },
}

impl From<HostError> for UpgradeError {
    fn from(error: HostError) -> Self {
        Self::Prepare(error.into())
    }
}

impl From<EngineError> for UpgradeError {
    fn from(error: EngineError) -> Self {
        Self::Prepare(error.into())
    }
}

/// An upgrade that is planned and locked.
#[derive(Debug)]
pub struct Upgrading {
    /// The plan, and what it was made from.
    pub prepared: Prepared,
    /// The services whose image changes; none where only the manifest does.
    pub changed: Vec<Changed>,
    catalogue: Catalogue,
    inputs: Inputs,
    back: Images,
}

/// What came of an upgrade.
#[derive(Debug, Clone)]
pub struct Upgraded {
    /// What was done.
    pub report: Report,
    /// The directories that have a service's data as it was before.
    pub copies: Vec<(ServiceName, PathBuf)>,
}

/// Plans an upgrade of one service, of a bundle, or of everything that runs in the stack in a directory, under the
/// stack's lock: to a tag or a whole reference, or back to the catalogue's own pins. `None` where the images are the ones
/// asked for.
///
/// # Errors
/// [`UpgradeError`]; nothing has been touched.
pub async fn upgrade<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    base_dir: &Path,
    what: Option<&str>,
    to: Option<&str>,
    inputs: &Inputs,
    places: &Places,
) -> Result<Option<Upgrading>, UpgradeError> {
    let operation = Operation::on_stack(host, places, base_dir, COMMAND)?;
    let catalogue = super::catalogue(operation.base_dir())?;
    let opened = open(host, &catalogue, operation.base_dir())?;
    let containers = engine.containers().await?;
    let decided = decide(&opened.config, &catalogue, &containers, what, to)?;
    if decided.forward.is_empty() {
        return Ok(None);
    }
    let inputs = operation.inputs(inputs);
    let mut forward = inputs.clone();
    decided.forward.ask(&mut forward);
    forward.copied = services(&decided.changed).into_iter().collect();
    let prepared = prepare_with(
        engine,
        host,
        &catalogue,
        &forward,
        places,
        Intent::Deploy,
        &mut Some(operation),
        None,
    )
    .await?;
    Ok(Some(Upgrading {
        prepared,
        changed: decided.changed,
        catalogue,
        inputs,
        back: decided.back,
    }))
}

fn services(changed: &[Changed]) -> Vec<ServiceName> {
    changed.iter().map(|c| c.service.clone()).collect()
}

impl Upgrading {
    /// Carries it out, and goes back when it fails.
    ///
    /// # Errors
    /// [`UpgradeError::Returned`] where a step failed and the images, the data and the manifest are what they were. After
    /// a kill the same upgrade again goes on, and may still go back.
    pub async fn run<E: Engine, H: Host, V: Events>(
        self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Upgraded, UpgradeError> {
        let (copies, services) = (self.copies(), services(&self.changed));
        let back = Back {
            catalogue: self.catalogue,
            inputs: self.inputs,
            places: self.prepared.places.clone(),
            images: self.back,
        };
        let (done, mut operation) = self.prepared.settle(engine, host, options, events).await;
        let result = match done {
            Ok(report) => Ok(Upgraded {
                report,
                copies: copies.into_iter().filter(|(_, at)| at.is_dir()).collect(),
            }),
            Err(first @ DeployError::Apply(_)) => {
                let went = back.go(engine, host, &mut operation, options, events).await;
                Err(match went {
                    Ok(()) => UpgradeError::Returned {
                        services,
                        source: Box::new(first),
                    },
                    Err(source) => UpgradeError::NotReturned {
                        services,
                        first: first.to_string(),
                        source: Box::new(source),
                    },
                })
            }
            // no step was begun, or all are done
            Err(error @ DeployError::Host(_)) => Err(error.into()),
        };
        Operation::end_held(operation, result)
    }

    /// Where the data of each service is kept as it is under the container that is to be replaced.
    fn copies(&self) -> Vec<(ServiceName, PathBuf)> {
        let Prepared {
            config, observed, ..
        } = &self.prepared;
        let copy = |service: ServiceName| {
            let name = config.container(&service);
            let own = |wanted: &str| observed.containers.iter().find(|c| c.name == wanted);
            let old = own(&name.superseded()).or_else(|| own(name.as_str()))?;
            let base_dir = config.base_dir();
            let copy = DataCopy::of_container(base_dir, &service, &old.id, Vec::new());
            Some((service, copy.at))
        };
        services(&self.changed)
            .into_iter()
            .filter_map(copy)
            .collect()
    }
}

/// What the way back needs.
struct Back {
    catalogue: Catalogue,
    inputs: Inputs,
    places: Places,
    images: Images,
}

impl Back {
    /// Brings images, data and manifest to what they were before, under the lock that is held.
    async fn go<E: Engine, H: Host, V: Events>(
        mut self,
        engine: &E,
        host: &H,
        operation: &mut Option<Operation>,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<(), UpgradeError> {
        self.images.ask(&mut self.inputs);
        let prepared = prepare_with(
            engine,
            host,
            &self.catalogue,
            &self.inputs,
            &self.places,
            Intent::Deploy,
            operation,
            None,
        )
        .await?;
        let (done, held) = prepared.settle(engine, host, options, events).await;
        *operation = held;
        Ok(done.map(drop)?)
    }
}
