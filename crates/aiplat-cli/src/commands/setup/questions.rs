//! What `setup` asks. A question is one row here; its key's own type checks the answer.

use aiplat_core::manifest::Manifest;
use aiplat_core::settings::{KnownKeys, Layers, Settings, keys};
use aiplat_docker::host::ManifestStore;
use aiplat_docker::stack::Inputs;

use super::given;
use crate::ask;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::style;

/// A question about one key.
struct Question {
    key: &'static str,
    /// Said before it is asked, beside the key's own line.
    why: &'static str,
    /// The value that holds when nothing is typed.
    now: fn(&Settings) -> String,
}

const QUESTIONS: [Question; 10] = [
    Question {
        key: "BASE_DIR",
        why: "everything of the stack lies there: configuration, data, logs; a volume of its own keeps a full disk from \
              being everybody's",
        now: |s| s.base_dir.get().to_string(),
    },
    Question {
        key: "DOCKER_NETWORK",
        why: "the stack's name; two stacks on one host differ in it",
        now: |s| s.docker_network.get().to_string(),
    },
    Question {
        key: "DOMAIN_NAME",
        why: "a public name gets public certificates; one such as `ai.localhost` gets them from the stack's own authority",
        now: |s| s.domain_name.get().to_string(),
    },
    Question {
        key: "STACK_USER_UID",
        why: "no two stacks share a user; a number that no person has is best",
        now: |s| s.stack_user_uid.get().to_string(),
    },
    Question {
        key: "BIND_ADDRESS",
        why: "127.0.0.1 keeps the services' own ports on this host; the front door serves them to others",
        now: |s| s.bind_address.get().to_string(),
    },
    Question {
        key: "FRONT_DOOR_ADDRESS",
        why: "this host's public address, where people are to reach it from elsewhere",
        now: |s| s.front_door_address.get().to_string(),
    },
    Question {
        key: "PUBLISH",
        why: "`front-door` opens one door only, which is best where many stacks share a host",
        now: |s| s.publish.get().to_string(),
    },
    Question {
        key: "VECTOR_DB",
        why: "it is hard to change later: vectors are not carried over",
        now: |s| s.vector_db.get().to_string(),
    },
    Question {
        key: "SERVICES",
        why: "`aiplat catalog list` shows them; empty for all whose needs are met",
        now: |s| {
            let names = s.services.get().iter().flatten().map(ToString::to_string);
            names.collect::<Vec<_>>().join(",")
        },
    },
    Question {
        key: "APPARMOR",
        why: "`auto` confines each service where the kernel can, and says so where it cannot",
        now: |s| s.apparmor.get().to_string(),
    },
];

/// Asks for everything that was not given. An answer that is the default leaves the key to its default.
pub(super) fn ask_all(session: &Session, inputs: &mut Inputs) -> Result<(), Failure> {
    let known = session.known();
    session
        .printer
        .progress("Enter takes what stands in brackets.");
    for question in QUESTIONS {
        if given(inputs, question.key) {
            continue;
        }
        let layers = layers(inputs, &known);
        // what is wrong elsewhere is told by the preparation, all at once
        let now = Settings::resolve(&layers, &known)
            .map(|(settings, _)| (question.now)(&settings))
            .unwrap_or_default();
        let about = keys::find(question.key)
            .map(|key| key.about)
            .unwrap_or_default();
        session.printer.progress(&format!(
            "\n{}: {about}\n{}",
            style::heading(question.key),
            question.why
        ));
        let check = |answer: &str| problem(&layers, &known, question.key, answer);
        let answer = ask::value(question.key, &now, check)?;
        if answer != now {
            inputs.flags.insert(question.key.to_owned(), answer);
        }
    }
    Ok(())
}

/// The layers as they are so far; the manifest as soon as its place is known.
fn layers(inputs: &Inputs, known: &KnownKeys) -> Layers {
    let mut layers = Layers {
        flags: inputs.flags.clone(),
        environment: inputs.environment.clone(),
        manifest: Manifest::default(),
        invoking_user: inputs.invoking_user,
    };
    let manifest = Settings::resolve(&layers, known)
        .ok()
        .and_then(|(settings, _)| {
            let dir = std::path::PathBuf::from(settings.base_dir.get().as_str());
            Manifest::parse(&ManifestStore::new(&dir).read().ok()??).ok()
        });
    layers.manifest = manifest.unwrap_or_default();
    layers
}

/// What is wrong with an answer, in words.
fn problem(layers: &Layers, known: &KnownKeys, key: &str, answer: &str) -> Result<(), String> {
    let mut layers = layers.clone();
    layers.flags.insert(key.to_owned(), answer.to_owned());
    let Err(problems) = Settings::resolve(&layers, known) else {
        return Ok(());
    };
    let own = problems
        .all()
        .iter()
        .find(|problem| problem.key.as_deref() == Some(key));
    own.map_or(Ok(()), |problem| {
        Err(format!("expected {}", problem.expected))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_about_a_key_and_its_default_is_a_good_answer() {
        let known = KnownKeys::default();
        let layers = Layers::default();
        let (settings, _) = Settings::resolve(&layers, &known).unwrap();
        for question in QUESTIONS {
            assert!(keys::find(question.key).is_some(), "{}", question.key);
            let now = (question.now)(&settings);
            assert_eq!(
                problem(&layers, &known, question.key, &now),
                Ok(()),
                "{}",
                question.key
            );
        }
    }

    #[test]
    fn a_bad_answer_is_told_without_itself() {
        let words = problem(
            &Layers::default(),
            &KnownKeys::default(),
            "VECTOR_DB",
            "canary",
        )
        .unwrap_err();
        assert!(
            words.contains("qdrant") && !words.contains("canary"),
            "{words}"
        );
    }
}
