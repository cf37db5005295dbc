//! The manual's examples, run as they stand there.
//!
//! Every ```` ```console ```` block of `docs/manual` and of the README is run in order, page by page, each in a place of
//! its own. `AIPLAT_MANUAL_PAGE=rotate` runs the pages whose name has that word; `AIPLAT_MANUAL_SHOW=1` shows what each
//! line printed, in the manual's own names.

mod output;
mod place;

use std::io::Write;
use std::sync::Mutex;

use crate::pages::{Page, pages};
use place::Place;

/// Pages are run beside each other, this many at once.
const AT_ONCE: usize = 2;

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the only way to choose some pages"
)]
fn every_example_does_what_it_says() {
    let only = std::env::var("AIPLAT_MANUAL_PAGE").unwrap_or_default();
    let mut todo: Vec<Page> = pages()
        .into_iter()
        .filter(|p| p.name.contains(&only))
        .collect();
    assert!(!todo.is_empty(), "no page has `{only}` in its name");
    todo.reverse();
    let todo = Mutex::new(todo);
    let told = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some(page) = todo.lock().unwrap().pop() else {
                return;
            };
            let Some(words) = run(&page) else { return };
            told.lock().unwrap().extend(words);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let told = told.into_inner().unwrap();
    assert!(
        told.is_empty(),
        "{} examples are wrong:\n\n{}",
        told.len(),
        told.join("\n\n")
    );
}

/// What is wrong with a page's examples, or `None` where there is no engine to run them on.
fn run(page: &Page) -> Option<Vec<String>> {
    let blocks = page.blocks();
    let (runs, idle): (Vec<_>, Vec<_>) = blocks.iter().partition(|b| b.no_run.is_none());
    // past the capture of a test that passes: what is not run is said
    for block in &idle {
        let reason = block.no_run.as_deref().unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: {}:{}: {reason}",
            page.name,
            block.line
        );
    }
    if runs.is_empty() {
        return Some(Vec::new());
    }
    let place = Place::of(page)?;
    let mut wrong = Vec::new();
    for example in runs.iter().flat_map(|block| &block.examples) {
        wrong.extend(place.run(page, example));
    }
    let count: usize = runs.iter().map(|block| block.examples.len()).sum();
    let _ = writeln!(std::io::stderr(), "{}: {count} lines run", page.name);
    Some(wrong)
}
