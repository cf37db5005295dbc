//! The settings of a stack that is made from a backup.

use std::collections::BTreeMap;

use super::StackContents;
use crate::manifest::Manifest;
use crate::names::StackName;

/// What follows the directory and nothing else.
const PLACE: [&str; 2] = ["BASE_DIR", "APPARMOR_PROFILE_DIR"];

/// What one stack alone can have on a host; another stack is given its own.
const IDENTITY: [&str; 10] = [
    "DOCKER_NETWORK",
    "STACK_SUBNET",
    "STACK_USER_UID",
    "STACK_USER_GID",
    "OPENCLAW_UID",
    "OPENCLAW_GID",
    "CONTAINER_PREFIX",
    "TAILSCALE_HOSTNAME",
    "STORE_NAMES",
    "STACK_GPUS",
];

/// Whether a key says where a stack lies or what is its alone on a host.
pub fn identifies(key: &str) -> bool {
    PLACE.contains(&key) || IDENTITY.contains(&key) || is_port(key)
}

fn is_port(key: &str) -> bool {
    key.ends_with("_PORT")
}

/// What a stack that is made from a backup starts from.
#[derive(Clone)]
pub struct Values {
    /// The old manifest, comments and all, without what does not hold any more.
    pub text: Manifest,
    /// The values that hold unless others are given; an operator may have written secrets among them.
    pub environment: BTreeMap<String, String>,
}

/// The old manifest without what does not hold for the new stack, and what must hold for it, before what is given now.
///
/// Under its old name a stack keeps everything but its directory: it is moved. Under another name it stands beside the
/// old one, or could: subnet, users, ports and prefix are its own then, and only what its applications know their data
/// by, the name inside its stores, is kept.
pub fn values(old: &Manifest, of: &StackContents, given: &BTreeMap<String, String>) -> Values {
    let name = given.get("DOCKER_NETWORK").map(|n| n.trim());
    let moved = name.is_none_or(|n| n.is_empty() || n == of.name.as_str());
    let mut text = old.clone();
    let mut environment = BTreeMap::new();
    for (key, value) in old.iter() {
        // it follows BIND_ADDRESS unless somebody set it apart
        let follows = key == "FRONT_DOOR_ADDRESS"
            && old
                .get("BIND_ADDRESS")
                .is_some_and(|bind| bind.expose() == value.expose());
        let dropped = if follows {
            true
        } else if moved {
            PLACE.contains(&key)
        } else {
            identifies(key)
        };
        let certificate = key == "OWN_CERTIFICATE"
            && given
                .get("DOMAIN_NAME")
                .is_some_and(|domain| *domain != of.domain);
        if dropped || certificate {
            // a key that others refer to stays in the text, where it is given another value in the end
            let _ = text.remove(key);
        } else {
            environment.insert(key.to_owned(), value.expose().to_owned());
        }
    }
    if !moved && name != Some(of.store_names.as_str()) {
        environment.insert("STORE_NAMES".to_owned(), of.store_names.to_string());
    }
    Values { text, environment }
}

/// The name of the stack in which a backup of `stack` is tried out; `random` tells two of them apart.
///
/// # Panics
/// Never: the parts are within the grammar and cut to its length.
pub fn scratch_name(stack: &StackName, random: u16) -> StackName {
    const LONGEST: usize = 30;
    let tail = format!("-verify-{random:04x}");
    let head: String = stack.as_str().chars().take(LONGEST - tail.len()).collect();
    format!("{}{tail}", head.trim_end_matches(['-', '_']))
        .parse()
        .expect("a stack's name, cut, with letters and digits behind it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of() -> StackContents {
        StackContents {
            name: "ai".parse().unwrap(),
            id: "0123456789ab".parse().unwrap(),
            store_names: "ai".parse().unwrap(),
            base_dir: "/mnt/data".into(),
            domain: "ai.example.org".into(),
            vector_db: "qdrant".into(),
            uid: 2000,
            gid: 2000,
            openclaw_uid: 3000,
            openclaw_gid: 3000,
        }
    }

    const OLD: &str = "# mine\nBASE_DIR=/mnt/data\nDOCKER_NETWORK=ai\nDOMAIN_NAME=ai.example.org\nSTACK_USER_UID=2000\nSTACK_SUBNET=10.1.0.0/24\nN8N_PORT=5002\nVECTOR_DB=qdrant\nOWN_CERTIFICATE=true\n";

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    }

    #[test]
    fn a_stack_that_is_moved_keeps_everything_but_its_place() {
        let old = Manifest::parse(OLD).unwrap();
        let values = super::values(&old, &of(), &given(&[("BASE_DIR", "/srv/x")]));
        assert_eq!(
            values.text.to_text(),
            OLD.replace("BASE_DIR=/mnt/data\n", "")
        );
        assert_eq!(values.environment.len(), 7);
        assert_eq!(values.environment["STACK_SUBNET"], "10.1.0.0/24");
    }

    #[test]
    fn a_second_stack_keeps_what_is_nobodys_alone_and_the_names_in_its_stores() {
        let old = Manifest::parse(OLD).unwrap();
        let now = given(&[("DOCKER_NETWORK", "b"), ("DOMAIN_NAME", "b.example.org")]);
        let values = super::values(&old, &of(), &now);
        assert_eq!(
            values.text.to_text(),
            "# mine\nDOMAIN_NAME=ai.example.org\nVECTOR_DB=qdrant\n"
        );
        let all = [
            ("DOMAIN_NAME", "ai.example.org"),
            ("STORE_NAMES", "ai"),
            ("VECTOR_DB", "qdrant"),
        ];
        assert_eq!(values.environment, given(&all));
    }

    #[test]
    fn a_stack_that_was_restored_before_keeps_its_first_name_in_its_stores() {
        let old = Manifest::parse("DOCKER_NETWORK=b\nSTORE_NAMES=ai\n").unwrap();
        let of = StackContents {
            name: "b".parse().unwrap(),
            ..of()
        };
        let again = values(&old, &of, &given(&[("DOCKER_NETWORK", "c")]));
        assert_eq!(again.environment, given(&[("STORE_NAMES", "ai")]));
        // and one that comes home needs no such key
        let home = values(&old, &of, &given(&[("DOCKER_NETWORK", "ai")]));
        assert!(home.environment.is_empty() && home.text.get("STORE_NAMES").is_none());
    }

    #[test]
    fn a_scratch_name_fits_however_long_the_stacks_is() {
        for name in ["a", "ai_platform", "a23456789012345678901234567890"] {
            let scratch = scratch_name(&name.parse().unwrap(), 0xbeef);
            assert!(scratch.as_str().ends_with("-verify-beef"), "{scratch}");
        }
    }
}
