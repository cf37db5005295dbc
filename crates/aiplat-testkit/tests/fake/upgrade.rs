//! Another image on a service's data, with a copy to go back to: refusals and deaths at every call.

use aiplat_core::observed::ContainerState;
use aiplat_testkit::fake::stack::Recipe;
use aiplat_testkit::fake::{Machine, Node, Run, RunError, Trouble};

use crate::support::{catalogue, machine, run, stack};

const OLD: &str = "registry.example/postgres:17.11";
const NEW: &str = "registry.example/postgres:17.99";

fn recipe(image: &str) -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", "postgres,caddy")
        .with("IMAGE_POSTGRES", image)
}

/// Which image wrote the database's files last, as the files say.
fn written_by(machine: &Machine) -> String {
    let picture = machine.picture();
    let mut found = picture.tree.iter().filter_map(|(path, node)| {
        let own = path.ends_with("postgres/data/written-by");
        match node {
            Node::File { content, .. } if own => {
                Some(String::from_utf8_lossy(content).into_owned())
            }
            _ => None,
        }
    });
    found.next().expect("it was started")
}

/// The image of the database that runs, the data's, and how many copies there are.
fn standing(machine: &Machine) -> (String, String, usize) {
    let picture = machine.picture();
    let running: Vec<_> = picture
        .containers
        .iter()
        .filter(|(name, c)| name.contains("postgres") && c.state == ContainerState::Running)
        .map(|(_, c)| c.image.clone())
        .collect();
    let copies = picture
        .tree
        .keys()
        .filter(|p| p.parent().is_some_and(|p| p.ends_with("backups")))
        .count();
    assert!(
        running.len() <= 1,
        "two of a database share its data: {running:?}"
    );
    (running.concat(), written_by(machine), copies)
}

async fn upgrade(run: &Run<'_>) -> Result<(), RunError> {
    run.deploy().await.map(drop)
}

fn asking(mut run: Run<'_>) -> Run<'_> {
    run.desired.copied.insert("postgres".parse().unwrap());
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_goes_well_keeps_a_copy_and_one_that_dies_anywhere_is_finished_by_the_next_run() {
    let catalogue = catalogue();
    let start = machine(&catalogue);
    start.programs_write();
    let (old, new) = (
        stack(&recipe(OLD), &catalogue),
        stack(&recipe(NEW), &catalogue),
    );
    run(&start, &old, &catalogue).deploy().await.unwrap();
    let asked = asking(run(&start, &new, &catalogue));
    let quiet = start.fork();
    quiet.trouble(Trouble::Never);
    upgrade(&asked.on(&quiet)).await.unwrap();
    let (wanted, calls) = (quiet.picture(), quiet.calls());
    assert_eq!(standing(&quiet), (NEW.to_owned(), NEW.to_owned(), 1));
    assert!(
        calls.iter().any(|c| c.starts_with("complete copy")),
        "{calls:?}"
    );
    let plain = run(&start, &new, &catalogue);
    for (n, call) in calls.iter().enumerate() {
        for trouble in [Trouble::Refuse(n), Trouble::DieAfter(n)] {
            let at = format!("{trouble:?} at `{call}`");
            // finished by the same command, and by a deploy that knows nothing of copies
            for (again, same) in [(&asked, true), (&plain, false)] {
                let machine = start.fork();
                machine.trouble(trouble);
                let first = upgrade(&asked.on(&machine)).await;
                let refused = matches!(first, Err(RunError::Apply(_)));
                if refused {
                    let (image, data, _) = standing(&machine);
                    assert_eq!(
                        (image.as_str(), data.as_str()),
                        (data.as_str(), image.as_str()),
                        "{at}"
                    );
                }
                machine.trouble(Trouble::Never);
                upgrade(&again.on(&machine))
                    .await
                    .unwrap_or_else(|error| panic!("{at}, again: {error}"));
                let (image, data, copies) = standing(&machine);
                assert_eq!((image.as_str(), data.as_str()), (NEW, NEW), "{at}");
                if same {
                    assert_eq!(copies, 1, "{at}");
                    let mut differences = machine.picture().differences(&wanted);
                    // it says when the container that it stands for was started
                    differences.retain(|line| !line.contains("copy.json"));
                    assert!(differences.is_empty(), "{at}:\n{}", differences.join("\n"));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_image_never_gets_ready_gives_container_and_data_back_wherever_it_dies() {
    let catalogue = catalogue();
    let start = machine(&catalogue);
    start.programs_write();
    let (old, new) = (
        stack(&recipe(OLD), &catalogue),
        stack(&recipe(NEW), &catalogue),
    );
    run(&start, &old, &catalogue).deploy().await.unwrap();
    let ids = start.ids();
    // it brings the data to a format of its own, and ends
    start.ends(NEW, 3, &["no"]);
    let asked = asking(run(&start, &new, &catalogue));
    let quiet = start.fork();
    quiet.trouble(Trouble::Never);
    upgrade(&asked.on(&quiet)).await.unwrap_err();
    let calls = quiet.calls();
    let returned = (OLD.to_owned(), OLD.to_owned(), 0);
    assert_eq!(standing(&quiet), returned);
    assert_eq!(quiet.ids(), ids, "the old container, not one like it");
    let plain = run(&start, &new, &catalogue);
    for (n, call) in calls.iter().enumerate() {
        let at = format!("died at `{call}`");
        for (again, same) in [(&asked, true), (&plain, false)] {
            let machine = start.fork();
            machine.trouble(Trouble::DieAfter(n));
            let first = upgrade(&asked.on(&machine)).await;
            machine.trouble(Trouble::Never);
            let second = upgrade(&again.on(&machine)).await;
            assert!(matches!(second, Err(RunError::Apply(_))), "{at}: {first:?}");
            let (image, data, copies) = standing(&machine);
            assert_eq!(image, OLD, "{at}");
            // a plain deploy copies only where the one that died had begun to
            if same {
                assert_eq!((data.as_str(), copies), (OLD, 0), "{at}");
            }
            assert_eq!(machine.ids(), ids, "{at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_copy_another_image_on_data_is_a_risk() {
    let catalogue = catalogue();
    let start = machine(&catalogue);
    start.programs_write();
    let old = stack(&recipe(OLD), &catalogue);
    run(&start, &old, &catalogue).deploy().await.unwrap();
    for (image, risky) in [(NEW, false), ("registry.example/mine/postgres:18.1", true)] {
        let new = stack(&recipe(image), &catalogue);
        let plan = run(&start, &new, &catalogue).plan().await.unwrap();
        let risks: Vec<_> = plan.steps.iter().filter_map(|s| s.risk.clone()).collect();
        assert_eq!(!risks.is_empty(), risky, "{risks:?}");
        let plan = asking(run(&start, &new, &catalogue)).plan().await.unwrap();
        assert!(
            plan.steps.iter().all(|s| s.risk.is_none()),
            "a copy is no risk"
        );
    }
}
