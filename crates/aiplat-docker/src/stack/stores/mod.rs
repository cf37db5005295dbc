//! What the stores of a stack give out and take back by their own means.

pub(super) mod postgres;
pub(super) mod qdrant;
pub(super) mod redis;

use std::net::SocketAddr;
use std::path::PathBuf;

use aiplat_core::catalogue::{Catalogue, Service};
use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use aiplat_core::text::Text;

use crate::engine::{Engine, EngineError};
use crate::programs::{self, Ends, ProgramError};
use crate::redact::Redactor;

/// Why a store did not give out or take back its data. Holds no statement and no secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine said no.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The service has no container, or one without an address.
    #[error(
        "`{service}` cannot be reached: expected its container to run at an address that this host reaches"
    )]
    Unreachable {
        /// The service.
        service: String,
    },
    /// The container of that name is somebody else's.
    #[error("container `{container}` is not this stack's: expected nothing else under its name")]
    Foreign {
        /// The container.
        container: String,
    },
    /// The store answered, and said no.
    #[error("`{service}` did not {what}: {words}")]
    Refused {
        /// The service.
        service: String,
        /// What it was asked, in words.
        what: String,
        /// What it said.
        words: String,
    },
    /// A file on this host could not be read or written.
    #[error("could not {what} `{}`", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl StoreError {
    pub(super) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}

/// A store of a stack, as it can be spoken to.
pub(super) struct Store<'a, E> {
    pub(super) engine: &'a E,
    pub(super) config: &'a StackConfig,
    pub(super) service: &'a Service,
    /// Its container's id, looked at just now.
    pub(super) container: String,
    /// Where it listens.
    pub(super) at: SocketAddr,
    pub(super) redactor: Redactor,
}

impl<'a, E: Engine> Store<'a, E> {
    /// Finds a running store of the stack.
    pub(super) async fn find(
        engine: &'a E,
        config: &'a StackConfig,
        catalogue: &'a Catalogue,
        name: &ServiceName,
    ) -> Result<Self, StoreError> {
        let unreachable = || StoreError::Unreachable {
            service: name.to_string(),
        };
        let service = catalogue.get(name).ok_or_else(unreachable)?;
        let detail = engine
            .container_inspect(config.container(name).as_str())
            .await?;
        if !detail.belongs_to(&config.id) {
            return Err(StoreError::Foreign {
                container: detail.name,
            });
        }
        let address = detail.addresses.get(config.name().as_str());
        let port = service
            .health
            .port
            .as_ref()
            .and_then(|name| service.ports.iter().find(|p| p.name == *name))
            .map(|p| p.container);
        let (address, port) = address.zip(port).ok_or_else(unreachable)?;
        Ok(Self {
            engine,
            config,
            service,
            container: detail.id,
            at: SocketAddr::from((*address, port)),
            redactor: Redactor::of_stack(config),
        })
    }

    /// The value of a secret of the stack; empty where it has none of that name.
    pub(super) fn secret(&self, name: &str) -> Text {
        let key = self.config.secrets.fingerprint_key();
        match self.config.secrets.get(name) {
            Some(value) => Text::secret(format!("<secret:{name}>"), value.clone(), &key),
            None => Text::plain(""),
        }
    }

    /// Runs a program in the store's container to its end.
    async fn program(
        &self,
        what: &str,
        argv: Vec<String>,
        ends: Ends<'_>,
    ) -> Result<(), StoreError> {
        let ran = programs::run(self.engine, &self.container, argv, ends).await;
        ran.map_err(|error| match error {
            ProgramError::Engine(error) => error.into(),
            ProgramError::File { what, path, source } => StoreError::File { what, path, source },
            ProgramError::Failed(words) => self.refused(what, &words),
        })
    }

    pub(super) fn refused(&self, what: impl Into<String>, words: &str) -> StoreError {
        StoreError::Refused {
            service: self.service.name.to_string(),
            what: what.into(),
            words: self.redactor.clean(words.trim()),
        }
    }
}
