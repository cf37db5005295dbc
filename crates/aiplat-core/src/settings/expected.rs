//! What a key's value must be, in words.

use crate::manifest::Syntax;

/// What was expected of a value. The words stand after "expected"; none of them carries a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Expected {
    /// Text of the manifest that can be read.
    #[error("{0}")]
    Syntax(Syntax),
    /// [`super::AbsolutePath`]
    #[error(
        "an absolute path such as `/mnt/data`: parts of A-Z, a-z, 0-9, `.`, `_`, `-`, no `..`, at most 200 characters"
    )]
    AbsolutePath,
    /// [`super::BaseDir`]
    #[error(
        "a directory of its own: not `/`, a system directory, a directory that others live in, nor below `/etc`, `/usr` and their like; at most 150 characters"
    )]
    OwnDirectory,
    /// [`super::Domain`]
    #[error(
        "a DNS name such as `ai.example.org`: labels of a-z, 0-9, `-`, at most 228 characters in all"
    )]
    Domain,
    /// [`super::LocalName`]
    #[error("a DNS name or an IPv4 address of this host")]
    LocalName,
    /// An IPv4 address to bind to.
    #[error("an IPv4 address of this host such as `127.0.0.1`")]
    BindAddress,
    /// [`super::Publish`]
    #[error("`all` or `front-door`")]
    Publish,
    /// [`super::Uid`]
    #[error("a user id from 1 to 65534, not root")]
    Uid,
    /// [`super::Gid`]
    #[error("a group id from 1 to 65534, not root's")]
    Gid,
    /// openclaw's user id is the stack's.
    #[error("a user id other than `STACK_USER_UID`")]
    OtherUid,
    /// openclaw's group id is the stack's.
    #[error("a group id other than `STACK_USER_GID`")]
    OtherGid,
    /// [`crate::names::StackName`]
    #[error("1 to 30 of a-z, 0-9, `_`, `-`, starting with a letter or digit")]
    StackName,
    /// [`super::StackSubnet`]
    #[error(
        "a private IPv4 network such as `10.200.7.0/24`: within 10/8, 172.16/12 or 192.168/16, size /16 to /28, no host bits set"
    )]
    Subnet,
    /// [`super::ContainerPrefix`]
    #[error("1 to 63 of A-Z, a-z, 0-9, `_`, `.`, `-`, starting with a letter or digit")]
    ContainerPrefix,
    /// A list of [`crate::names::ServiceName`]s.
    #[error("service names separated by commas or spaces, such as `litellm, qdrant`")]
    Services,
    /// [`aiplat_vectordb::StoreKind`]
    #[error("`qdrant`, `pgvector`, `weaviate` or `chroma`")]
    VectorDb,
    /// [`super::HostPort`]
    #[error("a port from 1 to 65535")]
    Port,
    /// Two keys have the same port.
    #[error("a port of its own, not that of `{other}`")]
    OwnPort {
        /// The key that has the port already.
        other: String,
    },
    /// [`super::AppArmorMode`]
    #[error("`auto`, `require` or `off`")]
    AppArmor,
    /// [`super::Switch`]
    #[error("`true` or `false`")]
    Switch,
    /// A Tailscale auth key.
    #[error("a key without blanks")]
    AuthKey,
    /// [`super::DnsLabel`]
    #[error("one DNS label: 1 to 63 of a-z, 0-9, `-`, with a letter or digit at both ends")]
    DnsLabel,
    /// [`super::Cpus`]
    #[error("a number of processors such as `2` or `1.5`, at most 3 decimals, more than 0")]
    Cpus,
    /// [`super::ByteSize`]
    #[error("a size such as `512m` or `8g`, more than 0")]
    ByteSize,
    /// [`super::Pids`]
    #[error("a number of processes from 1 to 4194304")]
    Pids,
    /// [`super::Gpus`]
    #[error(
        "numbers of graphics processors from 0 to 255 separated by commas, each once, such as `0,1`"
    )]
    Gpus,
    /// [`super::ImageReference`]
    #[error("an image reference such as `name:tag` or `registry/name@sha256:…`")]
    Image,
    /// [`super::RegistryPrefix`]
    #[error("a registry prefix such as `registry.example.org:5000/mirror`, without a scheme")]
    Registry,
    /// [`super::ModelName`]
    #[error("a model name such as `llama3.2:1b`")]
    Model,
    /// [`super::Dimensions`]
    #[error("a number of dimensions from 1 to 16000")]
    Dimensions,
    /// [`super::AcmeDirectory`]
    #[error("an address such as `https://ca.example.org/acme/directory`, at most 200 characters")]
    AcmeDirectory,
    /// [`super::Email`]
    #[error("an e-mail address")]
    Email,
    /// A secret of the catalogue.
    #[error("a secret without a NUL character")]
    Secret,
}
