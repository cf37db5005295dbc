//! `aiplat add`

use std::path::{Path, PathBuf};

use aiplat_core::names::ServiceName;
use aiplat_docker::stack::{own_services, read_service};
use clap::Args;

use super::Ended;
use super::deploy::Deploy;
use crate::args::SettingsArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{Session, catalogue_failure};

/// Add a service to the running stack, from the catalogue or from a file of your own.
///
/// Everything it needs comes with it: port, directories, secrets, profile, container, route, scrape job, and its name in
/// the manifest. No other service is restarted for it, except those that are configured by what runs beside them. When it
/// does not become healthy it is undone, the file of your own included.
///
/// A file of your own is checked like the built-in ones (`aiplat catalog check`) and kept, with the templates in the
/// folder of its name beside it, in `BASE_DIR/config/services`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat add flowise
  aiplat add ./my-service.toml")]
pub(crate) struct Add {
    /// A service of the catalogue, or the path of a service file
    #[arg(value_name = "NAME|FILE.toml")]
    what: String,
}

impl Add {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let before: Vec<ServiceName> = opened.config.selection.services().to_vec();
        let file = Path::new(&self.what);
        let own = file.extension().is_some_and(|e| e == "toml");
        let (session, name, kept) = if own {
            let (session, name, kept) = keep(session, opened.config.base_dir(), file)?;
            (session, name, Some(kept))
        } else {
            let name = self.what.parse::<ServiceName>();
            let name = name.map_err(|e| Failure::new(Exit::Invalid, e.to_string()))?;
            (session.clone(), name, None)
        };
        if before.contains(&name) {
            let words = format!("`{name}` runs in this stack already");
            return Err(Failure::new(Exit::Refused, words));
        }
        let wanted: Vec<_> = before.iter().chain([&name]).cloned().collect();
        let added = Deploy::of(selecting(&wanted)).run(&session).await;
        if let Err(failure) = added {
            undo(&session, &before, kept.as_deref()).await?;
            return Err(failure.hint(format!(
                "`{name}` was taken away again; nothing else changed"
            )));
        }
        added
    }
}

/// The settings of a deploy that selects exactly these services.
pub(super) fn selecting(services: &[ServiceName]) -> SettingsArgs {
    let names: Vec<_> = services.iter().map(ServiceName::as_str).collect();
    SettingsArgs {
        services: Some(names.join(",")),
        ..SettingsArgs::default()
    }
}

/// Checks the user's file, keeps it with its templates, and gives a session that knows it.
fn keep(
    session: &Session,
    base_dir: &Path,
    file: &Path,
) -> Result<(Session, ServiceName, PathBuf), Failure> {
    let service = read_service(file)?;
    let mut catalogue = session.catalogue.clone();
    let name = catalogue
        .add(
            &service.path.display().to_string(),
            &service.text,
            service.templates.clone(),
        )
        .map_err(|problems| catalogue_failure(&problems))?;
    let folder = own_services(base_dir);
    let kept = folder.join(format!("{name}.toml"));
    let failed = |error: std::io::Error| Failure::new(Exit::Host, error.to_string());
    fs_err::create_dir_all(&folder).map_err(failed)?;
    for (path, text) in &service.templates {
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            fs_err::create_dir_all(parent).map_err(failed)?;
        }
        fs_err::write(&target, text).map_err(failed)?;
    }
    // last: a file without its templates would be a broken one
    fs_err::write(&kept, &service.text).map_err(failed)?;
    Ok((session.with(catalogue), name, kept))
}

/// Brings the stack back to what it was.
async fn undo(
    session: &Session,
    before: &[ServiceName],
    kept: Option<&Path>,
) -> Result<(), Failure> {
    let back = Deploy::of(selecting(before)).run(&session.within()).await;
    if let Some(path) = kept {
        forget(path)?;
    }
    back.map(drop)
}

/// Removes a service file of the user's own, with its templates.
pub(super) fn forget(file: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Host, error.to_string());
    fs_err::remove_file(file).map_err(failed)?;
    let templates = file.with_extension("");
    if templates.is_dir() {
        fs_err::remove_dir_all(&templates).map_err(failed)?;
    }
    Ok(())
}
