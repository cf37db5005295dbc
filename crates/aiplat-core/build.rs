//! Lists the catalogue's files, so that a new service is one new file and nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let folder =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("catalogue");
    println!("cargo::rerun-if-changed={}", folder.display());
    let top = sorted(&folder);
    let services = top
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .cloned();
    write_out("services.rs", &listed(services, &folder));
    let templates = top
        .iter()
        .filter(|p| p.is_dir())
        .flat_map(|directory| below(directory));
    write_out("templates.rs", &listed(templates, &folder));
}

/// A slice expression of all files, with their texts.
fn listed(files: impl Iterator<Item = PathBuf>, folder: &Path) -> String {
    let mut code = String::from("&[\n");
    for file in files {
        let (name, path) = (relative(&file, folder), file.display().to_string());
        writeln!(
            code,
            "  File {{ path: {name:?}, text: include_str!({path:?}) }},"
        )
        .expect("writing to a string");
    }
    code.push_str("]\n");
    code
}

fn write_out(name: &str, code: &str) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    fs::write(out.join(name), code).expect("the output folder is writable");
}

fn relative(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder)
        .expect("listed below it")
        .to_string_lossy()
        .into_owned()
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths: Vec<_> = fs::read_dir(folder)
        .map(|entries| entries.filter_map(|e| e.ok().map(|e| e.path())).collect())
        .unwrap_or_default();
    paths.sort();
    paths
}

fn below(folder: &Path) -> Vec<PathBuf> {
    sorted(folder)
        .into_iter()
        .flat_map(|p| if p.is_dir() { below(&p) } else { vec![p] })
        .collect()
}
