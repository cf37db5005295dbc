//! Where archives are kept, as the command line says it.

use std::path::{Path, PathBuf};

use aiplat_archive::{ArchiveName, S3Keys, S3Place, Target};
use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// Below the stack's directory, where nobody says where.
const DEFAULT: &str = "backups";
/// What servers of one's own take for a region.
const REGION: &str = "us-east-1";

/// Where archives are kept.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Where archives are kept")]
pub(crate) struct KeptArgs {
    /// A directory, or a folder of a bucket as s3://BUCKET/FOLDER [default: BASE_DIR/backups]
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    #[command(flatten)]
    s3: S3Args,
}

/// How a bucket is reached.
///
/// Keys come from AIPLAT_S3_ACCESS_KEY_ID and AIPLAT_S3_SECRET_ACCESS_KEY (and AIPLAT_S3_SESSION_TOKEN), or the same names
/// with AWS_ in the place of AIPLAT_S3_: never from an argument.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct S3Args {
    /// The bucket's server, such as https://s3.example.org [default: AIPLAT_S3_ENDPOINT]
    ///
    /// Keys come from AIPLAT_S3_ACCESS_KEY_ID and AIPLAT_S3_SECRET_ACCESS_KEY, or the same names with AWS_ in the place
    /// of AIPLAT_S3_; never from an argument.
    #[arg(long = "s3-endpoint", id = "s3-endpoint", value_name = "URL")]
    endpoint: Option<String>,
    /// The bucket's region [default: AIPLAT_S3_REGION, else us-east-1]
    #[arg(long = "s3-region", id = "s3-region", value_name = "REGION")]
    region: Option<String>,
    /// Certificates (PEM) that vouch for the server, in the place of the host's
    #[arg(long = "s3-ca", id = "s3-ca", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The bucket is part of the server's name, as BUCKET.s3.example.org
    #[arg(long = "s3-virtual-host", id = "s3-virtual-host")]
    virtual_host: bool,
}

impl KeptArgs {
    /// A place that was said otherwise.
    pub(crate) fn at(place: String, s3: S3Args) -> Self {
        Self {
            to: Some(place),
            s3,
        }
    }

    /// Whether somebody said where.
    pub(crate) fn is_given(&self) -> bool {
        self.to.is_some()
    }

    /// The place; `base_dir` is asked for when nobody said where.
    pub(crate) fn target(
        &self,
        session: &Session,
        base_dir: impl FnOnce() -> Result<PathBuf, Failure>,
    ) -> Result<Target, Failure> {
        match &self.to {
            Some(place) if place.starts_with("s3://") => self.s3.target(session, place),
            Some(place) => Ok(Target::directory(place)),
            None => Ok(Target::directory(base_dir()?.join(DEFAULT))),
        }
    }

    /// An archive by its path, its address, or its name alone, which is looked for where archives are kept.
    pub(crate) fn archive(
        &self,
        session: &Session,
        text: &str,
    ) -> Result<(Target, ArchiveName), Failure> {
        if text.contains('/') || Path::new(text).is_file() {
            return self.s3.archive(session, text);
        }
        let name = ArchiveName::parse(text).map_err(|_| no_archive(text))?;
        Ok((self.target(session, || session.base_dir())?, name))
    }
}

impl S3Args {
    /// An archive by its path or its address.
    pub(crate) fn archive(
        &self,
        session: &Session,
        text: &str,
    ) -> Result<(Target, ArchiveName), Failure> {
        let Some((folder, name)) = text.rsplit_once('/').filter(|_| text.starts_with("s3://"))
        else {
            return Target::of_file(Path::new(text)).ok_or_else(|| no_archive(text));
        };
        let name = ArchiveName::parse(name).map_err(|_| no_archive(text))?;
        Ok((self.target(session, folder)?, name))
    }

    fn target(&self, session: &Session, address: &str) -> Result<Target, Failure> {
        let environment = &session.environment;
        let endpoint = self.endpoint.as_deref();
        let endpoint = endpoint
            .or_else(|| environment.get("AIPLAT_S3_ENDPOINT"))
            .ok_or_else(|| {
                Failure::new(Exit::Usage, "expected the bucket's server")
                    .hint("give `--s3-endpoint https://s3.example.org` or AIPLAT_S3_ENDPOINT")
            })?;
        let region = self.region.as_deref();
        let region = region
            .or_else(|| environment.get("AIPLAT_S3_REGION"))
            .unwrap_or(REGION);
        let key = |name: &str| {
            ["AIPLAT_S3_", "AWS_"]
                .iter()
                .find_map(|prefix| environment.get(&format!("{prefix}{name}")))
        };
        let missing = || {
            Failure::new(Exit::Usage, "expected keys for the bucket")
                .hint("set AIPLAT_S3_ACCESS_KEY_ID and AIPLAT_S3_SECRET_ACCESS_KEY")
        };
        let keys = S3Keys {
            access: key("ACCESS_KEY_ID").ok_or_else(missing)?.to_owned(),
            secret: key("SECRET_ACCESS_KEY")
                .ok_or_else(missing)?
                .to_owned()
                .into(),
            token: key("SESSION_TOKEN").map(|token| token.to_owned().into()),
        };
        let authorities = match &self.ca {
            Some(path) => {
                Some(fs_err::read_to_string(path).map_err(|e| Failure::of(Exit::Host, &e))?)
            }
            None => None,
        };
        let place = S3Place {
            virtual_host: self.virtual_host,
            authorities,
            ..S3Place::parse(address, endpoint, region)?
        };
        Ok(Target::s3(&place, &keys)?)
    }
}

fn no_archive(text: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!(
            "expected an archive such as `ai_platform-20261122T093635Z.aiplat`, not `{}`",
            text.escape_debug()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Global;
    use crate::environment::Environment;

    const NAME: &str = "acme-20270115T080000Z.aiplat";

    fn session(pairs: &[(&str, &str)]) -> Session {
        let variables = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        let environment = Environment {
            variables: variables.collect(),
            ..Environment::default()
        };
        Session::new(Global::default(), environment).unwrap()
    }

    #[test]
    fn an_archive_is_a_path_an_address_or_a_name_where_archives_are_kept() {
        let keys = session(&[
            ("AIPLAT_S3_ENDPOINT", "http://127.0.0.1:1"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
        ]);
        let kept = KeptArgs {
            to: Some("/mnt/backup".to_owned()),
            ..KeptArgs::default()
        };
        let place = |text: &str| kept.archive(&keys, text).map(|(target, _)| target.place());
        assert_eq!(place(NAME).unwrap(), "/mnt/backup");
        assert_eq!(place(&format!("/other/{NAME}")).unwrap(), "/other");
        assert_eq!(place(&format!("s3://abc/d/{NAME}")).unwrap(), "s3://abc/d");
        for wrong in ["x.aiplat", "/x/y", "s3://abc/x", &format!("{NAME}.json")] {
            assert_eq!(place(wrong).unwrap_err().exit(), Exit::Usage, "{wrong}");
        }
    }

    #[test]
    fn what_a_bucket_needs_is_said() {
        let kept = KeptArgs {
            to: Some("s3://abc/d".to_owned()),
            ..KeptArgs::default()
        };
        let said = |pairs: &[(&str, &str)]| {
            let failure = kept.target(&session(pairs), || Ok(PathBuf::new()));
            failure.unwrap_err().text()
        };
        assert!(said(&[]).contains("--s3-endpoint"));
        let server = ("AIPLAT_S3_ENDPOINT", "http://127.0.0.1:1");
        assert!(said(&[server]).contains("AIPLAT_S3_ACCESS_KEY_ID"));
    }
}
