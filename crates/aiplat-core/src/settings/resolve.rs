//! From layers to typed settings, all problems at once.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use aiplat_vectordb::StoreKind;
use secrecy::SecretString;

use super::reader::Reader;
use super::values::{address, auth_key, group_of, node_name, services, stack_name, vector_db};
use super::{
    AbsolutePath, AcmeDirectory, AppArmorMode, BaseDir, ByteSize, ContainerPrefix, Cpus,
    Dimensions, DnsLabel, Domain, Email, Gid, Gpus, HostPort, ImageReference, KnownKeys, Layers,
    LocalName, ModelName, Pids, Problems, Publish, RegistryPrefix, Setting, Source, StackSubnet,
    Switch, Uid, Warning,
};
use crate::names::{ServiceName, StackName};

/// The settings of one stack. What has a fixed default, or one that follows from other settings, is filled in; what
/// is derived from the host is `None` where nobody gave it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `BASE_DIR`
    pub base_dir: Setting<BaseDir>,
    /// `DOMAIN_NAME`
    pub domain_name: Setting<Domain>,
    /// `LOCALHOST`
    pub localhost: Setting<LocalName>,
    /// `BIND_ADDRESS`
    pub bind_address: Setting<Ipv4Addr>,
    /// `FRONT_DOOR_ADDRESS`
    pub front_door_address: Setting<Ipv4Addr>,
    /// `PUBLISH`
    pub publish: Setting<Publish>,
    /// `ACME_EMAIL`
    pub acme_email: Setting<Option<Email>>,
    /// `ACME_CA`
    pub acme_ca: Setting<Option<AcmeDirectory>>,
    /// `ACME_CA_ROOT`
    pub acme_ca_root: Setting<bool>,
    /// `STACK_USER_UID`
    pub stack_user_uid: Setting<Uid>,
    /// `STACK_USER_GID`
    pub stack_user_gid: Setting<Gid>,
    /// `OPENCLAW_UID`; [`Uid::openclaw`] is the preference.
    pub openclaw_uid: Setting<Option<Uid>>,
    /// `OPENCLAW_GID`; [`Gid::openclaw`] is the preference.
    pub openclaw_gid: Setting<Option<Gid>>,
    /// `DOCKER_NETWORK`: the stack's name.
    pub docker_network: Setting<StackName>,
    /// `STACK_SUBNET`
    pub stack_subnet: Setting<Option<StackSubnet>>,
    /// `CONTAINER_PREFIX`
    pub container_prefix: Setting<ContainerPrefix>,
    /// `STORE_NAMES`: the stack's name inside its own stores.
    pub store_names: Setting<StackName>,
    /// `SERVICES`, in the order given, each once. Whether the catalogue has them is not checked here.
    pub services: Setting<Option<Vec<ServiceName>>>,
    /// `VECTOR_DB`
    pub vector_db: Setting<StoreKind>,
    /// `OLLAMA_MODEL`
    pub ollama_model: Setting<ModelName>,
    /// `EMBEDDING_MODEL`
    pub embedding_model: Setting<ModelName>,
    /// `EMBEDDING_DIMENSIONS`
    pub embedding_dimensions: Setting<Dimensions>,
    /// Host ports that were given, by key; no two are the same.
    pub ports: BTreeMap<String, Setting<HostPort>>,
    /// `APPARMOR`
    pub apparmor: Setting<AppArmorMode>,
    /// `APPARMOR_PROFILE_DIR`
    pub apparmor_profile_dir: Setting<AbsolutePath>,
    /// `OWN_CERTIFICATE`
    pub own_certificate: Setting<bool>,
    /// `DENY_ETC_PASSWD`
    pub deny_etc_passwd: Setting<bool>,
    /// `TAILSCALE_AUTH_KEY`
    pub tailscale_auth_key: Setting<Option<SecretString>>,
    /// `TAILSCALE_HOSTNAME`
    pub tailscale_hostname: Setting<DnsLabel>,
    /// `STACK_CPUS`
    pub stack_cpus: Setting<Option<Cpus>>,
    /// `STACK_MEMORY`
    pub stack_memory: Setting<Option<ByteSize>>,
    /// `STACK_PIDS`
    pub stack_pids: Setting<Option<Pids>>,
    /// `STACK_DISK`
    pub stack_disk: Setting<Option<ByteSize>>,
    /// `STACK_GPUS`
    pub stack_gpus: Setting<Option<Gpus>>,
    /// `IMAGE_REGISTRY`
    pub image_registry: Setting<Option<RegistryPrefix>>,
    /// `IMAGE_<SERVICE>` that were given.
    pub images: BTreeMap<ServiceName, Setting<ImageReference>>,
    /// Secrets that were given, by key.
    pub secrets: BTreeMap<String, SecretString>,
}

impl Settings {
    /// Reads all layers. Warnings are about what works but was perhaps not meant; a problem is what does not work,
    /// and then all of them are returned.
    pub fn resolve(layers: &Layers, known: &KnownKeys) -> Result<(Self, Vec<Warning>), Problems> {
        let mut reader = Reader::new(layers);
        let settings = read(&mut reader, known);
        super::cross::check(&settings, &mut reader);
        let mut warnings = layers.manifest.warnings();
        warnings.extend(super::misspelt::warnings(&layers.manifest, known));
        warnings.sort_by_key(|warning| warning.line);
        warnings.extend(super::cross::warnings(&settings, layers));
        reader.finish().map(|()| (settings, warnings))
    }
}

fn read(reader: &mut Reader<'_>, known: &KnownKeys) -> Settings {
    let base_dir: Setting<BaseDir> = reader.fixed("BASE_DIR");
    let domain_name: Setting<Domain> = reader.fixed("DOMAIN_NAME");
    let bind_address = reader.fixed_by("BIND_ADDRESS", address);
    let docker_network = reader.fixed_by("DOCKER_NETWORK", stack_name);
    let stack_user_uid = reader.or("STACK_USER_UID", |layers| {
        let invoking = layers.invoking_user.and_then(|(uid, _)| Uid::new(uid));
        invoking.unwrap_or(Uid::FIRST_USER)
    });
    Settings {
        localhost: reader.fixed("LOCALHOST"),
        front_door_address: reader
            .given_by("FRONT_DOOR_ADDRESS", address)
            .unwrap_or_else(|| Setting::new(*bind_address.get(), Source::Default)),
        publish: reader.fixed("PUBLISH"),
        acme_email: reader.optional("ACME_EMAIL"),
        acme_ca: reader.optional("ACME_CA"),
        acme_ca_root: reader.fixed_by("ACME_CA_ROOT", |text| text.parse().map(|Switch(on)| on)),
        stack_user_gid: reader.or("STACK_USER_GID", |layers| {
            group_of(layers, *stack_user_uid.get())
        }),
        openclaw_uid: reader.optional("OPENCLAW_UID"),
        openclaw_gid: reader.optional("OPENCLAW_GID"),
        stack_subnet: reader.optional("STACK_SUBNET"),
        container_prefix: reader.or("CONTAINER_PREFIX", |_| {
            ContainerPrefix::from(docker_network.get())
        }),
        store_names: reader
            .given_by("STORE_NAMES", stack_name)
            .unwrap_or_else(|| Setting::new(docker_network.get().clone(), Source::Default)),
        services: reader.optional_by("SERVICES", services),
        vector_db: reader.fixed_by("VECTOR_DB", vector_db),
        ollama_model: reader.fixed("OLLAMA_MODEL"),
        embedding_model: reader.fixed("EMBEDDING_MODEL"),
        embedding_dimensions: reader.fixed("EMBEDDING_DIMENSIONS"),
        ports: known.ports().filter_map(|key| reader.port(key)).collect(),
        apparmor: reader.fixed("APPARMOR"),
        apparmor_profile_dir: reader
            .given_by("APPARMOR_PROFILE_DIR", |text| {
                text.parse().map(|dir: BaseDir| dir.as_absolute().clone())
            })
            .unwrap_or_else(|| Setting::new(base_dir.get().below("apparmor"), Source::Default)),
        own_certificate: reader
            .fixed_by("OWN_CERTIFICATE", |text| text.parse().map(|Switch(on)| on)),
        deny_etc_passwd: reader
            .fixed_by("DENY_ETC_PASSWD", |text| text.parse().map(|Switch(on)| on)),
        tailscale_auth_key: reader.optional_by("TAILSCALE_AUTH_KEY", auth_key),
        tailscale_hostname: reader.or("TAILSCALE_HOSTNAME", |_| node_name(domain_name.get())),
        stack_cpus: reader.optional("STACK_CPUS"),
        stack_memory: reader.optional("STACK_MEMORY"),
        stack_pids: reader.optional("STACK_PIDS"),
        stack_disk: reader.optional("STACK_DISK"),
        stack_gpus: reader.optional("STACK_GPUS"),
        image_registry: reader.optional("IMAGE_REGISTRY"),
        images: known
            .images()
            .filter_map(|(key, name)| Some((name.clone(), reader.image(key)?)))
            .collect(),
        secrets: known
            .secrets()
            .filter_map(|key| reader.secret(key))
            .collect(),
        base_dir,
        domain_name,
        bind_address,
        stack_user_uid,
        docker_network,
    }
}
