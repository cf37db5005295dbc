//! The services as aiplat is told of them: a user's own service files.

use std::os::unix::fs::chown;
use std::path::Path;

use super::tiny::{BODY, IMAGE, MEMORY, PATH, PIDS, PORT, TMPFS, Tiny, UID};
use crate::Result;

/// Writes one file each below a stack's directory, named so that each comes after what it needs. What the product finds in
/// a stack's directory must be its stack's.
pub(crate) fn write(base_dir: &Path, services: &[Tiny]) -> Result<()> {
    let config = base_dir.join("config");
    let folder = config.join("services");
    std::fs::create_dir_all(&folder)?;
    for path in [&config, &folder] {
        chown(path, Some(UID), Some(UID))?;
    }
    for (index, tiny) in services.iter().enumerate() {
        let path = folder.join(format!("{index:02}-{}.toml", tiny.name));
        std::fs::write(path, text(tiny))?;
    }
    Ok(())
}

fn text(tiny: &Tiny) -> String {
    let name = &tiny.name;
    let needs: Vec<String> = tiny.needs.iter().map(|n| format!("{n:?}")).collect();
    let needs = needs.join(", ");
    let published = tiny.host_port.map_or_else(String::new, |port| {
        format!("key = \"{}\"\ndefault = {port}\n", tiny.port_key())
    });
    format!(
        r#"name = "{name}"
title = "Tiny"
summary = "answers one GET"
tier = "app"
needs = [{needs}]
[image]
reference = "{IMAGE}"
source = "built by scripts/images"
[licence]
spdx = "MIT"
[run]
home = "/tmp"
stop_seconds = 10
[[ports]]
name = "http"
container = {PORT}
{published}[[tmpfs]]
target = "/tmp"
size = "{TMPFS}"
[health]
kind = "http"
port = "http"
path = "{PATH}"
body = "{BODY}"
start_seconds = 60
engine = ["CMD", "/standin", "--check", "http://127.0.0.1:{PORT}{PATH}"]
[metrics]
none = "a benchmark"
[limits]
memory = "{MEMORY}"
pids = {PIDS}
[data]
none = "keeps no data"
[vector]
none = "keeps no vectors"
"#
    )
}

#[cfg(test)]
mod tests {
    use aiplat_core::catalogue::Catalogue;

    use super::*;

    #[test]
    fn the_product_takes_them() {
        let mut catalogue = Catalogue::built_in().unwrap();
        for tiny in super::super::tiny::services().unwrap() {
            let added = catalogue.add("own.toml", &text(&tiny), []);
            assert!(added.is_ok(), "{added:?}");
        }
    }
}
