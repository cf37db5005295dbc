//! `aiplat add`

mod image;

use std::path::Path;

use aiplat_docker::stack::{Adding, Addition, ServiceFile, add, read_service};
use clap::Args;

use super::Ended;
use super::course::{Agreement, Course, agreed};
use crate::args::SettingsArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use image::FromFlags;

/// Add a service to the running stack: from the catalogue, from a file of your own, or from an image.
///
/// Everything it needs comes with it: port, directories, secrets, profile, container, route, scrape job, and its name in
/// the manifest. No other service is restarted for it, except those that are configured by what runs beside them. When it
/// does not become healthy it is undone, with all that was made for it. A run that was killed is finished by the same
/// command.
///
/// A file of your own is checked like the built-in ones (`aiplat catalog check`) and kept, with the templates in the
/// folder of its name beside it, in `BASE_DIR/config/services`.
///
/// With `--image` such a file is made from the flags, shown, and kept in the same way; `--print` only shows it, to be
/// written on by hand. The program runs as the stack's user with no right and no writable path but `/tmp` and each `--data`
/// and `--tmpfs`, and answers at `https://NAME.DOMAIN_NAME` where the front door runs.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat add flowise
  aiplat add ./my-service.toml
  aiplat add --image traefik/whoami:v1.11.0 --port 80 --health /health
  aiplat add --image example/wiki:4.2 --port 8080 --data /var/lib/wiki --secret ADMIN_PASSWORD --env LANG=C.UTF-8
  aiplat add --image example/worker:1.0 --health alive:10 --needs redis -- run --queue redis:6379
  aiplat add --image example/wiki:4.2 --port 8080 --print > wiki.toml")]
pub(crate) struct Add {
    /// A service of the catalogue, or the path of a service file
    #[arg(
        value_name = "NAME|FILE.toml",
        required_unless_present = "image",
        conflicts_with = "image"
    )]
    what: Option<String>,
    #[command(flatten)]
    flags: FromFlags,
}

impl Add {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let what = self.addition()?;
        if let (Addition::File(file), true) = (&what, self.flags.made()) {
            if self.flags.print {
                session.checked(file)?;
                let made = serde_json::json!({"file": file.path, "text": file.text});
                session.printer.result(&made, || file.text.clone());
                return Ok(Exit::Ok);
            }
            session.printer.progress(file.text.trim_end());
            session.printer.progress("");
        }
        let base_dir = session.opened()?.volume.path;
        let inputs = session.inputs(&SettingsArgs::default(), "add")?;
        let (engine, host) = (session.engine().await?, session.host());
        let adding = agreed(
            session,
            "look at `aiplat plan`, or agree with `--yes`",
            |adding: &Adding| Some(Agreement::to(&adding.prepared.plan)),
            async || {
                let (what, places) = (what.clone(), session.places());
                Ok(add(&engine, &host, &base_dir, what, &inputs, &places).await?)
            },
        )
        .await?;
        let course = Course::of(session, &adding.prepared);
        let catalogue = adding.catalogue.clone();
        let added = adding
            .run(&engine, &host, &course.options, &course.live)
            .await;
        course.ended(session, &engine, &catalogue, added).await
    }

    /// What is to be added: made from flags, read from a file, or named.
    fn addition(&self) -> Result<Addition, Failure> {
        let Some(what) = &self.what else {
            return Ok(Addition::File(self.flags.file()?));
        };
        let file = Path::new(what);
        if file.extension().is_some_and(|e| e == "toml") {
            return Ok(Addition::File(read_service(file)?));
        }
        let name = what.parse();
        let name = name.map_err(|error: aiplat_core::names::InvalidName| {
            Failure::new(Exit::Invalid, format!("`{what}`: {error}"))
                .hint("a service file ends in `.toml`; `aiplat catalog list` shows the services")
        })?;
        Ok(Addition::Named(name))
    }
}

impl Session {
    /// A service file that passes the checks of every service file.
    fn checked(&self, file: &ServiceFile) -> Result<(), Failure> {
        let mut catalogue = self.catalogue.clone();
        let added = file.clone().add_to(&mut catalogue);
        added.map_err(|problems| crate::session::catalogue_failure(&problems))
    }
}
