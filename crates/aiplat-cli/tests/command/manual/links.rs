//! Every page is reached from the first one, and every link leads somewhere.

use crate::pages::{Page, pages, root};

/// Where a page's links lead, as written.
fn links(page: &Page) -> Vec<String> {
    let ends = page.text.split("](").skip(1);
    ends.filter_map(|rest| Some(rest.split(')').next()?.to_owned()))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        for link in links(&page) {
            let path = link.split('#').next().unwrap_or_default();
            let here = page.path.parent().expect("a page is in a directory");
            if !path.is_empty() && !path.contains("://") && !here.join(path).exists() {
                wrong.push(format!("{}: {link}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_in_the_contents() {
    let all = pages();
    let first = all.iter().find(|p| p.name == "docs/manual/README.md");
    let contents = links(first.expect("docs/manual/README.md"));
    for page in all
        .iter()
        .filter(|p| p.path.parent() == Some(&root().join("docs/manual")))
    {
        let name = page
            .path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        assert!(
            name == "README.md" || contents.contains(&name),
            "expected a link to {name} in docs/manual/README.md"
        );
        assert!(
            page.text.starts_with("# "),
            "{}: expected a heading first",
            page.name
        );
    }
}
