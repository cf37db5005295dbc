//! Steps: each is complete, so that carrying it out needs no decision.

use std::path::PathBuf;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::renew::Renewal;
use crate::names::{ContainerName, ServiceName, StackId, StackName};
use crate::spec::{
    CgroupSpec, ContainerSpec, DataCopy, DirectorySpec, FileSpec, FirewallSpec, Gate, ImageGuard,
    NetworkSpec, ProfileFile, Provision, QuotaSpec, Reload, RunOnce, SecretAct, SignIn, Withdrawal,
};
use crate::text::hex;

/// One act on the engine or the host. Carrying out a step twice has the effect of carrying it out once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "what")]
pub enum Step {
    /// Make directories, in this order, owned and with a mode from the start. Those that are there as wanted stay.
    Directories(Vec<DirectorySpec>),
    /// Write files, each atomically.
    Files(Vec<FileSpec>),
    /// Remove a file that the tool wrote earlier and no longer wants.
    RemoveFile {
        /// Absolute path, inside the stack's `BASE_DIR`.
        path: PathBuf,
    },
    /// Make or adjust the stack's parent cgroup and read its limits back from the kernel.
    Cgroup(CgroupSpec),
    /// Put everything in the stack's directory under its project, set the limit and read it back from the kernel.
    Quota(QuotaSpec),
    /// Make the stack's network.
    Network(NetworkSpec),
    /// Put the rules that close the host's listeners to the stack in place.
    Firewall(FirewallSpec),
    /// Write, check and load profiles in one parser call; all or none.
    Profiles {
        /// Every profile of the stack that is new or changed.
        files: Vec<ProfileFile>,
    },
    /// Pull an image that the engine does not have.
    Image {
        /// Reference, tag or digest included.
        reference: String,
        /// What must hold of it before anything is started from it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        guards: Vec<ImageGuard>,
    },
    /// Run a container to its end, to check configuration before it is used.
    Check(Box<RunOnce>),
    /// Make and start a container, prove its health, and only then remove the one it replaces. When it does not
    /// become healthy it is removed and the one it replaces is started again under its own name.
    Container(Box<ContainerStep>),
    /// Start a container that exists as wanted but does not run, and prove its health.
    Start {
        /// Engine id of the container.
        id: String,
        /// Proof of health.
        gate: Box<Gate>,
    },
    /// Stop a container, which stays.
    Stop(StopContainer),
    /// Prove that a running container is healthy.
    Gate(Box<Gate>),
    /// Make what must exist inside a healthy service.
    Provision(Box<Provision>),
    /// Take something out of a healthy service for good.
    Withdraw(Box<Withdrawal>),
    /// Change a secret inside a service, or prove that a value is let in or refused.
    Secret(Box<SecretAct>),
    /// Have a running service read its new configuration.
    Reload(Box<Reload>),
    /// Write a running service's configuration and have it read; where it does not take it, the files are put back.
    Configure(Box<Configure>),
    /// Get new certificates for the front door while it serves the old ones; where none comes, those stay.
    Renew(Box<Renewal>),
    /// Sign a running service in again as the node that it is, with another key.
    SignIn(Box<SignIn>),
    /// Stop and remove a container of this stack.
    RemoveContainer(RemoveContainer),
    /// Remove the stack's network.
    RemoveNetwork {
        /// Engine id; its labels are checked again.
        id: String,
        /// Its name.
        name: String,
    },
    /// Take the stack's firewall rules away.
    RemoveFirewall(FirewallSpec),
    /// Unload profiles that no process wears any more, and remove their files.
    RemoveProfiles {
        /// Their names and files.
        files: Vec<ProfileFile>,
    },
    /// Remove the stack's parent cgroup.
    RemoveCgroup {
        /// As in [`CgroupSpec::parent`].
        parent: String,
    },
    /// Remove a directory of the stack and all in it: checked to be inside `BASE_DIR`, no link, not another stack's.
    PurgeDirectory {
        /// Absolute path.
        path: PathBuf,
        /// The stack's `BASE_DIR`, canonical.
        base_dir: PathBuf,
    },
    /// Take the limit of disk space away, and `BASE_DIR` itself out of the stack's project; what still lies in it stays.
    RemoveQuota(QuotaSpec),
    /// Give the stack's reservations back.
    Release,
}

/// Making one container, and what it takes the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerStep {
    /// The container.
    pub spec: ContainerSpec,
    /// Its hash, worn as a label.
    pub hash: String,
    /// The running container with another specification that it replaces.
    pub replaces: Option<String>,
    /// A predecessor already renamed by an interrupted run; restored on failure, removed on success.
    pub superseded: Option<String>,
    /// A half-made container of an interrupted run that holds the name; removed first.
    pub discard: Option<String>,
    /// A container made as wanted by a run that was interrupted before it had proved it: proved now instead of made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumes: Option<String>,
    /// The copy of the service's data that is taken between the stop of the old and the start of the new, and put back
    /// when the new one fails. A complete one that is there already is put back before anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<DataCopy>,
    /// The steps after which it may be made already, all of them among those that the step waits for: it is started when
    /// the others are done, too. `None` where it is made and started in one go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_after: Option<Vec<String>>,
    /// Proof of health.
    pub gate: Gate,
}

/// A container to be stopped, by id, after its labels are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StopContainer {
    /// Engine id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// The service it runs.
    pub service: ServiceName,
    /// Seconds between the request to stop and SIGKILL.
    pub stop_seconds: u32,
}

/// New configuration of a running service, all or nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Configure {
    /// Files that are not on disk as wanted; none where the service only reads again what is there.
    pub files: Vec<FileSpec>,
    /// How the service is made to read them, even where nothing changed.
    pub reload: Reload,
    /// Written when it did: which configuration it runs with.
    pub done: FileSpec,
}

/// A container to be removed, by id, after its labels are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoveContainer {
    /// Engine id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// The service it ran, when its label says so.
    pub service: Option<ServiceName>,
    /// Seconds between the request to stop and SIGKILL.
    pub stop_seconds: u32,
}

/// What a step means to somebody who reads the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Something new.
    Create,
    /// Something that exists becomes different.
    Update,
    /// Something goes away.
    Remove,
    /// Nothing changes; something is proved.
    Verify,
}

/// A step with its place in the graph and the reason it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Stable name, such as `container/grafana`.
    pub id: String,
    /// Steps that must be done first, by id.
    pub after: Vec<String>,
    /// What it means.
    pub change: Change,
    /// Why it is there, in words.
    pub why: String,
    /// What could be lost by it, in words.
    pub risk: Option<String>,
    /// The act.
    pub step: Step,
}

/// A graph of steps that leads from what is to what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The stack's name.
    pub stack: StackName,
    /// The stack's identity.
    pub stack_id: StackId,
    /// The stack's `BASE_DIR`.
    pub base_dir: PathBuf,
    /// Containers that a step starts or proves, by service, in an order that respects needs.
    #[serde(serialize_with = "by_name")]
    pub services: Vec<(ServiceName, ContainerName)>,
    /// The steps, in an order that respects `after`.
    pub steps: Vec<PlannedStep>,
    /// What the operator should know: what was left out and why, what protects nothing here.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether any step changes something.
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|s| s.change != Change::Verify)
    }

    /// What tells this plan from another one: 16 hexadecimal digits. Values that are secret are in it as fingerprints.
    ///
    /// # Panics
    /// Never: a plan has only string keys.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a plan has only string keys");
        hex(&Sha256::digest(json)[..8])
    }

    /// What could be lost by it, in words, step by step.
    pub fn risks(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|s| s.risk.as_deref())
    }

    /// How many steps there are of a kind of change.
    pub fn count(&self, change: Change) -> usize {
        self.steps.iter().filter(|s| s.change == change).count()
    }
}

/// Services with their containers, each pair with names.
fn by_name<S: Serializer>(
    services: &[(ServiceName, ContainerName)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Named<'a> {
        service: &'a ServiceName,
        container: &'a ContainerName,
    }
    serializer.collect_seq(
        services
            .iter()
            .map(|(service, container)| Named { service, container }),
    )
}
