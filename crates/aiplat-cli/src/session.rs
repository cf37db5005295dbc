//! What a running command works with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aiplat_core::catalogue::{Catalogue, CatalogueProblem};
use aiplat_core::config::known_keys;
use aiplat_core::observed::VolumeFacts;
use aiplat_core::settings::{KnownKeys, Warning};
use aiplat_docker::apply::ApplyOptions;
use aiplat_docker::engine::{Bollard, Engine};
use aiplat_docker::host::{Boot, LinuxHost};
use aiplat_docker::stack::{
    CatalogueError, Inputs, Intent, Opened, Places, PrepareError, Prepared, catalogue, open,
    prepare,
};

use crate::args::{Global, SettingsArgs};
use crate::caller::caller;
use crate::counted::Counted;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::{Found, find};
use crate::printer::Printer;

/// The directory of a stack that nobody placed.
pub(crate) const DEFAULT_BASE_DIR: &str = "/mnt/data";

/// What a command is handed.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) global: Global,
    pub(crate) environment: Environment,
    pub(crate) printer: Printer,
    /// The built-in services, and the stack's own where those are as they must be.
    pub(crate) catalogue: Catalogue,
    /// What is wrong with the stack's own.
    own_services: Option<Failure>,
}

impl Session {
    pub(crate) fn new(global: Global, environment: Environment) -> Result<Self, Failure> {
        let printer = Printer::new(&global, &environment);
        if let Some(problem) = &environment.own_problem {
            return Err(Failure::new(Exit::Usage, problem.clone()));
        }
        // the stack's own services stand beside the built-in ones, wherever the stack is found
        let found = find(global.base_dir.as_deref(), &environment);
        let base_dir = found.path().unwrap_or(Path::new(DEFAULT_BASE_DIR));
        let (catalogue, own_services) = match catalogue(base_dir) {
            Ok(catalogue) => (catalogue, None),
            // what has nothing to do with the stack goes on without them
            Err(error) => (built_in()?, Some(error.into())),
        };
        Ok(Self {
            global,
            environment,
            printer,
            catalogue,
            own_services,
        })
    }

    /// Connects to the engine.
    pub(crate) async fn engine(&self) -> Result<Counted<Bollard>, Failure> {
        Ok(Counted::new(
            Bollard::connect(&self.engine_address()).await?,
        ))
    }

    pub(crate) fn engine_address(&self) -> String {
        self.environment.engine_address(self.global.host.as_deref())
    }

    /// Where the host-wide register is, and who is at work.
    pub(crate) fn places(&self) -> Places {
        let places = Places {
            caller: caller(&self.environment, &self.known()),
            ..Places::default()
        };
        match &self.environment.own.state_dir {
            Some(state_dir) => Places {
                state_dir: state_dir.clone(),
                ..places
            },
            None => places,
        }
    }

    /// This host.
    pub(crate) fn host(&self) -> LinuxHost {
        let usual = LinuxHost::default();
        LinuxHost {
            state_dir: self.places().state_dir,
            boot: self.boot(),
            fstab: self
                .environment
                .own
                .test_fstab
                .clone()
                .unwrap_or(usual.fstab),
            ..usual
        }
    }

    /// Reads, decides and plans for the stack that these inputs describe.
    pub(crate) async fn prepare<E: Engine>(
        &self,
        engine: &E,
        inputs: &Inputs,
        intent: Intent,
    ) -> Result<Prepared, PrepareError> {
        let (host, places) = (self.host(), self.places());
        prepare(engine, &host, &self.catalogue, inputs, &places, intent).await
    }

    /// Where systemd starts the host it puts the firewall's rules back, of the stacks in the usual register.
    fn boot(&self) -> Option<Boot> {
        let own = &self.environment.own;
        let usual = own.state_dir.is_none() && Path::new("/run/systemd/system").is_dir();
        let units = usual.then(|| PathBuf::from("/etc/systemd/system"));
        Some(Boot {
            units: own.test_systemd.clone().or(units)?,
            program: self.environment.program.clone()?,
        })
    }

    /// How the stack was found.
    pub(crate) fn found(&self) -> Found {
        find(self.global.base_dir.as_deref(), &self.environment)
    }

    /// The directory of a stack that is there, for commands that make none.
    pub(crate) fn base_dir(&self) -> Result<PathBuf, Failure> {
        match self.found().path() {
            Some(path) => Ok(path.to_path_buf()),
            None if PathBuf::from(DEFAULT_BASE_DIR).join("config/.env").is_file() => Ok(DEFAULT_BASE_DIR.into()),
            None => Err(Failure::new(
                Exit::NoStack,
                "no stack: expected `--base-dir`, BASE_DIR, or a current directory inside a stack's",
            )
            .hint("`aiplat ls` shows every stack on this host; `aiplat deploy` makes one")),
        }
    }

    /// Opens the stack that is there.
    pub(crate) fn opened(&self) -> Result<Opened, Failure> {
        self.expect_own_services()?;
        let opened = open(&self.host(), &self.catalogue, &self.base_dir()?)?;
        self.warn(&opened.warnings);
        Ok(opened)
    }

    /// The stack's own service files are as they must be.
    pub(crate) fn expect_own_services(&self) -> Result<(), Failure> {
        self.own_services.clone().map_or(Ok(()), Err)
    }

    /// Keys that mean something.
    pub(crate) fn known(&self) -> KnownKeys {
        known_keys(&self.catalogue)
    }

    /// What a run is given.
    pub(crate) fn inputs(&self, settings: &SettingsArgs, command: &str) -> Result<Inputs, Failure> {
        self.expect_own_services()?;
        let values = settings.values(&self.known())?.into_iter();
        let (unset, mut flags): (BTreeMap<_, _>, BTreeMap<_, _>) =
            values.partition(|(_, value)| value.trim().is_empty());
        if let Some(path) = self.found().as_flag() {
            flags.insert("BASE_DIR".to_owned(), path.display().to_string());
        }
        Ok(Inputs {
            flags,
            unset: unset.into_keys().collect(),
            environment: self.environment.variables.clone(),
            invoking_user: self.environment.invoking_user,
            allow_unmounted: settings.allow_unmounted,
            // only a deploy refuses: what else is done to a stack is not about its limits
            best_effort: true,
            command: command.to_owned(),
            ..Inputs::default()
        })
    }

    /// How a plan is carried out.
    pub(crate) fn apply_options(&self, cpus: u32) -> ApplyOptions {
        ApplyOptions {
            kill_after: self.environment.own.test_kill_after,
            ..ApplyOptions::for_cpus(cpus.max(1) as usize)
        }
    }

    /// Tells that a directory is about to be made where no volume is mounted.
    pub(crate) fn warn_volume(&self, volume: &VolumeFacts) {
        if !volume.exists {
            self.printer.warning(
                "`BASE_DIR` is not there and will be made: it is no mount point of its own, so that full there is full \
                 for the whole host",
            );
        }
    }

    /// Tells warnings.
    pub(crate) fn warn(&self, warnings: &[Warning]) {
        for warning in warnings {
            self.printer.warning(&warning.to_string());
        }
    }
}

fn built_in() -> Result<Catalogue, Failure> {
    Catalogue::built_in().map_err(|problems| catalogue_failure(&problems))
}

impl From<CatalogueError> for Failure {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Problems(problems) => catalogue_failure(&problems),
            CatalogueError::Host(error) => error.into(),
        }
    }
}

/// Service files that are not as they must be.
pub(crate) fn catalogue_failure(problems: &[CatalogueProblem]) -> Failure {
    Failure::new(Exit::Invalid, "a service file is not as expected").all(problems)
}
