//! Flags that stand for keys of the manifest.

use std::collections::BTreeMap;

use aiplat_core::settings::KnownKeys;
use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;

/// A stack's settings by flag. A flag goes before the environment and before the manifest.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings of the stack")]
pub(crate) struct SettingsArgs {
    /// Each app answers at `<app>.NAME` [key: DOMAIN_NAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<String>,
    /// The stack's name, which is its network's [key: DOCKER_NETWORK]
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Option<String>,
    /// The user that services run as [key: STACK_USER_UID]
    #[arg(long)]
    pub(crate) uid: Option<String>,
    /// The group that services run as [key: STACK_USER_GID]
    #[arg(long)]
    pub(crate) gid: Option<String>,
    /// The user that openclaw runs as [key: OPENCLAW_UID]
    #[arg(long, value_name = "UID")]
    pub(crate) openclaw_uid: Option<String>,
    /// The group that openclaw runs as [key: OPENCLAW_GID]
    #[arg(long, value_name = "GID")]
    pub(crate) openclaw_gid: Option<String>,
    /// The host address that service ports bind to [key: BIND_ADDRESS]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind_address: Option<String>,
    /// The host address that the front door listens at [key: FRONT_DOOR_ADDRESS]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) front_door_address: Option<String>,
    /// Which services have host ports: `all` or `front-door` [key: PUBLISH]
    #[arg(long, value_name = "WHICH")]
    pub(crate) publish: Option<String>,
    /// `qdrant`, `pgvector`, `weaviate` or `chroma` [key: VECTOR_DB]
    #[arg(long, value_name = "STORE")]
    pub(crate) vector_db: Option<String>,
    /// Names of services, separated by commas; what they need comes with them [key: SERVICES]
    #[arg(long, value_name = "NAMES")]
    pub(crate) services: Option<String>,
    /// `auto`, `require` or `off` [key: APPARMOR]
    #[arg(long, value_name = "MODE")]
    pub(crate) apparmor: Option<String>,
    /// The stack's own private network, such as 10.200.7.0/24 [key: STACK_SUBNET]
    #[arg(long, value_name = "NET")]
    pub(crate) subnet: Option<String>,
    /// Where the certificate authority sends its notices [key: ACME_EMAIL]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) acme_email: Option<String>,
    /// A mirror that images are taken from [key: IMAGE_REGISTRY]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) image_registry: Option<String>,
    /// Processors for the whole stack [key: STACK_CPUS]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) cpus: Option<String>,
    /// Memory for the whole stack, such as 8g [key: STACK_MEMORY]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Processes for the whole stack [key: STACK_PIDS]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) pids: Option<String>,
    /// Disk space for the whole stack, such as 200g [key: STACK_DISK]
    #[arg(long, value_name = "SIZE")]
    pub(crate) disk: Option<String>,
    /// NVIDIA graphics processors by number, such as 0,1, for this stack alone [key: STACK_GPUS]
    #[arg(long, value_name = "NUMBERS")]
    pub(crate) gpus: Option<String>,
    /// Any key of the manifest but a secret, and `KEY=` to take it out of the manifest; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Make a BASE_DIR that is not there, on whatever file system lies below it
    #[arg(long)]
    pub(crate) allow_unmounted: bool,
}

impl SettingsArgs {
    /// The flags under the manifest's keys; a blank one is to be taken out of the manifest.
    pub(crate) fn values(&self, known: &KnownKeys) -> Result<BTreeMap<String, String>, Failure> {
        let mut values = self.set_values(known)?;
        let named = [
            ("DOMAIN_NAME", &self.domain),
            ("DOCKER_NETWORK", &self.network),
            ("STACK_USER_UID", &self.uid),
            ("STACK_USER_GID", &self.gid),
            ("OPENCLAW_UID", &self.openclaw_uid),
            ("OPENCLAW_GID", &self.openclaw_gid),
            ("BIND_ADDRESS", &self.bind_address),
            ("FRONT_DOOR_ADDRESS", &self.front_door_address),
            ("PUBLISH", &self.publish),
            ("VECTOR_DB", &self.vector_db),
            ("SERVICES", &self.services),
            ("APPARMOR", &self.apparmor),
            ("STACK_SUBNET", &self.subnet),
            ("ACME_EMAIL", &self.acme_email),
            ("IMAGE_REGISTRY", &self.image_registry),
            ("STACK_CPUS", &self.cpus),
            ("STACK_MEMORY", &self.memory),
            ("STACK_PIDS", &self.pids),
            ("STACK_DISK", &self.disk),
            ("STACK_GPUS", &self.gpus),
        ];
        let given = named
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        for (key, value) in given {
            // a script's empty variable is a mistake, and no wish for the default
            if value.trim().is_empty() {
                let words = format!("expected a value for {key}, found an empty one");
                let hint =
                    format!("leave the flag out, or `--set {key}=` takes it out of the manifest");
                return Err(Failure::new(Exit::Usage, words).hint(hint));
            }
            values.insert(key, value);
        }
        Ok(values)
    }

    fn set_values(&self, known: &KnownKeys) -> Result<BTreeMap<String, String>, Failure> {
        let mut values = BTreeMap::new();
        let mut problems = Vec::new();
        for pair in &self.set {
            // the text itself is never shown: it may be a secret
            match pair.split_once('=') {
                Some((key, _)) if known.is_secret(key) => problems.push(format!(
                    "`--set`: `{key}` is a secret, which every process list would show; give it in the environment"
                )),
                Some((key, value)) if known.names().contains(key) => {
                    values.insert(key.to_owned(), value.to_owned());
                }
                Some((key, _)) if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                    problems.push(format!("`--set`: no key `{key}` is known"));
                }
                _ => problems.push("`--set`: expected KEY=VALUE".to_owned()),
            }
        }
        if problems.is_empty() {
            return Ok(values);
        }
        Err(Failure::new(Exit::Invalid, "expected settings that are known").all(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pair: &str) -> Result<BTreeMap<String, String>, Failure> {
        let args = SettingsArgs {
            set: vec![pair.to_owned()],
            ..SettingsArgs::default()
        };
        args.values(&KnownKeys::default())
    }

    #[test]
    fn a_flag_is_its_key() {
        let args = SettingsArgs {
            uid: Some("3000".into()),
            set: vec!["OLLAMA_MODEL=a=b".into()],
            ..SettingsArgs::default()
        };
        let values = args.values(&KnownKeys::default()).unwrap();
        assert_eq!(values["STACK_USER_UID"], "3000");
        assert_eq!(values["OLLAMA_MODEL"], "a=b");
    }

    #[test]
    fn a_key_is_taken_out_by_set_alone() {
        assert_eq!(set("STACK_CPUS=").unwrap()["STACK_CPUS"], "");
        let args = SettingsArgs {
            services: Some(" ".into()),
            ..SettingsArgs::default()
        };
        let failure = args.values(&KnownKeys::default()).unwrap_err();
        assert!(format!("{failure:?}").contains("--set SERVICES="));
    }

    #[test]
    fn no_secret_is_taken_or_shown() {
        for pair in [
            "TAILSCALE_AUTH_KEY=canary-1",
            "canary-1",
            "canary 1=x",
            "=canary-1",
        ] {
            let failure = set(pair).unwrap_err();
            let shown = format!("{failure:?}");
            assert!(!shown.contains("canary-1"), "{shown}");
        }
        assert!(set("NONSENSE=1").is_err());
    }
}
