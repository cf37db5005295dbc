//! A container that is replaced: the plan names what is new in it.

use aiplat_core::observed::Observed;
use aiplat_core::plan::Change;
use aiplat_core::spec::label;
use aiplat_core::text::Text;
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::{Recipe, canary};

use crate::common::{bare, case, catalogue};

fn redis() -> Recipe {
    Recipe::named("a", 1).with("SERVICES", "redis")
}

/// A host on which [`redis`] is deployed.
fn deployed() -> Observed {
    let host = bare(false);
    simulate(&case(&redis(), &host, &catalogue()).plan(&host), &host)
}

/// Why the container is replaced once the settings are others.
fn why(recipe: &Recipe, there: &Observed) -> String {
    let plan = case(recipe, there, &catalogue()).plan(there);
    let step = plan.steps.iter().find(|s| s.id == "service/redis");
    let step = step.expect("a step for the service");
    assert_eq!(step.change, Change::Update);
    step.why.clone()
}

#[test]
fn an_image_is_told_with_the_one_it_takes_the_place_of() {
    let there = deployed();
    let was = &there.containers[0].image;
    let other = redis().with("IMAGE_REDIS", "registry.example/redis:99.1");
    let wanted =
        format!("its specification changed: image `{was}` -> `registry.example/redis:99.1`");
    assert_eq!(why(&other, &there), wanted);
}

#[test]
fn what_is_not_the_image_is_named_by_its_section() {
    let there = deployed();
    let larger = redis().with("STACK_MEMORY", "4g");
    assert_eq!(why(&larger, &there), "its specification changed: limits");
    let case = case(&redis(), &there, &catalogue());
    let was = &case.desired.services[0].container;
    let mut other = was.clone();
    other.env.insert("MODE".into(), Text::plain("other"));
    other.binds.clear();
    other.capabilities.push("NET_RAW".into());
    let unlike: Vec<_> = other.sections_unlike(&was.sections()).into_iter().collect();
    assert_eq!(unlike, ["confinement", "environment", "mounts"]);
    assert!(was.sections_unlike(&was.sections()).is_empty());
    assert!(
        was.sections_unlike("a section of another version=00")
            .is_empty(),
        "what is not known is not told"
    );
}

#[test]
fn a_container_of_an_earlier_version_is_said_to_be_another_and_no_more_than_is_known() {
    let mut there = deployed();
    there.containers[0].labels.remove(label::SPEC_SECTIONS);
    let larger = redis().with("STACK_MEMORY", "4g");
    assert_eq!(why(&larger, &there), "its specification changed");
    there.containers[0].image = format!("docker.io/library/{}", there.containers[0].image);
    assert_eq!(why(&larger, &there), "its specification changed");
    let other = redis().with("IMAGE_REDIS", "redis:99.1");
    assert!(why(&other, &there).ends_with("-> `redis:99.1`"));
}

#[test]
fn the_label_alone_replaces_nothing_and_tells_no_secret() {
    let mut there = deployed();
    there.containers[0].labels.remove(label::SPEC_SECTIONS);
    let same = case(&redis(), &there, &catalogue()).plan(&there);
    assert!(!same.has_changes());
    let worn = &deployed().containers[0].labels[label::SPEC_SECTIONS];
    assert!(!worn.contains(&canary(1, "redis_password")));
    assert!(worn.len() < 400, "{worn}");
}
