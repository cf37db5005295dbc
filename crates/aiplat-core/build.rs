//! Lists the catalogue's files, so that a new service is one new file and nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let folder =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("catalogue");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut code = String::from("&[\n");
    for service in sorted(&folder)
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
    {
        writeln!(
            code,
            "  File {{ path: {:?}, text: include_str!({service:?}) }},",
            relative(service, &folder)
        )
        .expect("writing to a string");
    }
    code.push_str("]\n");
    write_out("services.rs", &code);

    let mut code = String::from("&[\n");
    for directory in sorted(&folder).iter().filter(|p| p.is_dir()) {
        for template in below(directory) {
            writeln!(
                code,
                "  File {{ path: {:?}, text: include_str!({template:?}) }},",
                relative(&template, &folder)
            )
            .expect("writing to a string");
        }
    }
    code.push_str("]\n");
    write_out("templates.rs", &code);
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
