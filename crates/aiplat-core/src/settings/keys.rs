//! The one table of manifest keys.
//!
//! Parsing, the documented manifest, reference pages and the search for misspelt keys read it, so that a key is added
//! by one row here and one field in [`super::Settings`].

use super::Expected;

/// A key of the manifest.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Where it stands among the others.
    pub group: Group,
    /// What its value must be.
    pub expected: Expected,
    /// What holds where nobody gives it.
    pub default: KeyDefault,
    /// What it is for: one sentence, lower case, no full stop.
    pub about: &'static str,
    /// Whether its value is a secret, which the documented manifest never has.
    pub secret: bool,
}

/// The value of a key that nobody gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDefault {
    /// This text, parsed like a given one.
    Value(&'static str),
    /// Derived from other keys or from the host, in words.
    Derived(&'static str),
    /// Nothing, and what that means.
    Unset(&'static str),
}

/// Keys that belong together, in the order of the documented manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Where the stack lives and answers.
    Place,
    /// Users and groups.
    Users,
    /// Network and container names.
    Network,
    /// What runs.
    Services,
    /// Language models.
    Models,
    /// Host ports.
    Ports,
    /// Mandatory access control.
    Confinement,
    /// Tailscale.
    Tailscale,
    /// Limits.
    Limits,
    /// Images.
    Images,
}

impl Group {
    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Place => "Place: where the stack lives and answers",
            Self::Users => "Users that the services run as",
            Self::Network => "Network and names",
            Self::Services => "Services",
            Self::Models => "Language models",
            Self::Ports => "Ports on the host",
            Self::Confinement => "Confinement",
            Self::Tailscale => "Tailscale, for openclaw",
            Self::Limits => "Limits for the whole stack",
            Self::Images => "Images",
        }
    }
}

impl KeyDefault {
    /// The default in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Value(words) | Self::Derived(words) | Self::Unset(words) => words,
        }
    }
}

/// The row of `name`.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

const fn key(
    name: &'static str,
    group: Group,
    expected: Expected,
    default: KeyDefault,
    about: &'static str,
) -> Key {
    Key {
        name,
        group,
        expected,
        default,
        about,
        secret: false,
    }
}

const fn secret(
    name: &'static str,
    group: Group,
    expected: Expected,
    default: KeyDefault,
    about: &'static str,
) -> Key {
    let mut row = key(name, group, expected, default, about);
    row.secret = true;
    row
}

const fn port(name: &'static str, default: &'static str, about: &'static str) -> Key {
    key(
        name,
        Group::Ports,
        Expected::Port,
        KeyDefault::Derived(default),
        about,
    )
}

use Group::{Confinement, Images, Limits, Models, Network, Place, Services, Tailscale, Users};
use KeyDefault::{Derived, Unset, Value};

/// Every key but those that services bring: `IMAGE_<SERVICE>`, their secrets, and ports of the user's own services.
#[rustfmt::skip] // one row a key
pub static KEYS: &[Key] = &[
    key("BASE_DIR", Place, Expected::OwnDirectory, Value("/mnt/data"), "the stack's volume; should be a mount point of its own"),
    key("DOMAIN_NAME", Place, Expected::Domain, Value("ai.localhost"), "each app answers at `<app>.DOMAIN_NAME`"),
    key("LOCALHOST", Place, Expected::LocalName, Value("localhost"), "the name that probes from the host use"),
    key("BIND_ADDRESS", Place, Expected::BindAddress, Value("127.0.0.1"), "the host address that service ports bind to; a 127.x.y.z per stack is allowed"),
    key("FRONT_DOOR_ADDRESS", Place, Expected::BindAddress, Derived("BIND_ADDRESS"), "where Caddy listens; set the public address here, not 0.0.0.0, which every other stack's containers can reach"),
    key("PUBLISH", Place, Expected::Publish, Value("all"), "`all`: each service's host port and the front door; `front-door`: Caddy alone"),
    key("ACME_EMAIL", Place, Expected::Email, Unset("no address"), "where the certificate authority sends its notices"),
    key("ACME_CA", Place, Expected::AcmeDirectory, Unset("a public one, or the front door's own authority for a domain that no public one vouches for"), "the directory of the certificate authority that is asked by the ACME protocol, such as one of your own"),
    key("ACME_CA_ROOT", Place, Expected::Switch, Value("false"), "that authority is trusted by the certificate in `ssl/certs/DOMAIN_NAME/acme-root.pem`"),
    key("OWN_CERTIFICATE", Place, Expected::Switch, Value("false"), "the front door uses the certificate in `ssl/certs/DOMAIN_NAME/fullchain.pem` and `privkey.pem`, and asks no authority for one"),

    key("STACK_USER_UID", Users, Expected::Uid, Derived("the invoking non-root user, else 1000"), "every service runs as this user; no two stacks share one"),
    key("STACK_USER_GID", Users, Expected::Gid, Derived("the invoking user's group where STACK_USER_UID is that user, else the number of STACK_USER_UID"), "every service runs as this group"),
    key("OPENCLAW_UID", Users, Expected::Uid, Derived("STACK_USER_UID + 1000"), "openclaw and its tailscale sidecar run as this user"),
    key("OPENCLAW_GID", Users, Expected::Gid, Derived("STACK_USER_GID + 1000"), "openclaw and its tailscale sidecar run as this group"),

    key("DOCKER_NETWORK", Network, Expected::StackName, Value("ai_platform"), "the network's name and the stack's identity"),
    key("STACK_SUBNET", Network, Expected::Subnet, Derived("allocated"), "the stack's own private IPv4 network"),
    key("CONTAINER_PREFIX", Network, Expected::ContainerPrefix, Derived("DOCKER_NETWORK and a hyphen"), "put before each container's name; inside the network each service keeps its plain name"),
    key("STORE_NAMES", Network, Expected::StackName, Derived("DOCKER_NETWORK"), "the stack's name as databases, roles, collections and classes inside its own stores carry it; a stack restored under another name keeps the old one here, since its applications know their data by it"),

    key("SERVICES", Services, Expected::Services, Derived("all whose needs are met"), "which services run, by name, with what they need"),
    key("VECTOR_DB", Services, Expected::VectorDb, Value("qdrant"), "the vector store: `qdrant`, `pgvector`, `weaviate` or `chroma`"),

    key("OLLAMA_MODEL", Models, Expected::Model, Value("llama3.2:1b"), "the language model that the stack serves"),
    key("EMBEDDING_MODEL", Models, Expected::Model, Value("nomic-embed-text"), "the model that turns text into vectors"),
    key("EMBEDDING_DIMENSIONS", Models, Expected::Dimensions, Value("768"), "the length of the embedding model's vectors; collections are made with it"),

    port("PROMETHEUS_PORT", "5000, or the block's first free shift", "Prometheus"),
    port("GRAFANA_PORT", "5001, or as above", "Grafana"),
    port("N8N_PORT", "5002, or as above", "n8n"),
    port("DIFY_PORT", "5003, or as above", "Dify"),
    port("ANYTHINGLLM_PORT", "5004, or as above", "AnythingLLM"),
    port("LITELLM_PORT", "5005, or as above", "LiteLLM, the gateway to the models"),
    port("OPENWEBUI_PORT", "5006, or as above", "Open WebUI"),
    port("MINIO_S3_PORT", "5007, or as above", "the object store's S3 interface"),
    port("MINIO_CONSOLE_PORT", "5008, or as above", "the object store's console"),
    port("SIGNAL_PORT", "5009, or as above", "the Signal REST interface"),
    port("OPENCLAW_PORT", "5010, or as above", "OpenClaw"),
    port("FLOWISE_PORT", "5011, or as above", "Flowise"),
    port("CADDY_HTTP_PORT", "80, else allocated", "the front door without TLS, which redirects"),
    port("CADDY_HTTPS_PORT", "443, else allocated", "the front door"),

    key("APPARMOR", Confinement, Expected::AppArmor, Value("auto"), "`auto`: enforce where the kernel has it; `require`: refuse to deploy where not; `off`"),
    key("APPARMOR_PROFILE_DIR", Confinement, Expected::OwnDirectory, Derived("BASE_DIR/apparmor"), "where the profiles' sources are kept; the loaded copies are named per stack"),
    key("DENY_ETC_PASSWD", Confinement, Expected::Switch, Value("false"), "deny containers their own /etc/passwd too; many programs need it"),

    secret("TAILSCALE_AUTH_KEY", Tailscale, Expected::AuthKey, Unset("openclaw is left out"), "openclaw needs it to join the tailnet"),
    key("TAILSCALE_HOSTNAME", Tailscale, Expected::DnsLabel, Derived("openclaw-DOMAIN_NAME as a label"), "the node's name in the tailnet"),

    key("STACK_CPUS", Limits, Expected::Cpus, Unset("no limit"), "processors for all services together"),
    key("STACK_MEMORY", Limits, Expected::ByteSize, Unset("no limit"), "memory for all services together"),
    key("STACK_PIDS", Limits, Expected::Pids, Unset("no limit"), "processes and threads of all services together"),
    key("STACK_DISK", Limits, Expected::ByteSize, Unset("no limit"), "disk space for everything in BASE_DIR, by a project quota of its file system"),
    key("STACK_GPUS", Limits, Expected::Gpus, Unset("none"), "NVIDIA graphics processors by number, such as `0,1`; the stack has them for itself"),

    key("IMAGE_REGISTRY", Images, Expected::Registry, Unset("each image's own registry"), "a mirror: images are taken from here under the last part of their names; `IMAGE_<SERVICE>` replaces one image whole"),
];
