//! The direction of dependencies, as ARCHITECTURE.md has it: who may use what, and what each crate must never do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate, the crates here it may use, and the others it may use; `None` where those are free.
type Row = (
    &'static str,
    &'static [&'static str],
    Option<&'static [&'static str]>,
);

const TABLE: &[Row] = &[
    (
        "aiplat-vectordb",
        &[],
        Some(&["minijinja", "serde", "serde_json", "sha2", "thiserror"]),
    ),
    (
        "aiplat-apparmor",
        &[],
        Some(&["minijinja", "serde", "thiserror"]),
    ),
    (
        "aiplat-archive",
        &[],
        Some(&[
            "age",
            "rustix",
            "rustls",
            "rusty-s3",
            "secrecy",
            "serde",
            "serde_json",
            "sha2",
            "tar",
            "tempfile",
            "thiserror",
            "ureq",
            "zstd",
        ]),
    ),
    (
        "aiplat-core",
        &["aiplat-apparmor", "aiplat-vectordb"],
        Some(&[
            "base64",
            "bcrypt",
            "ipnet",
            "minijinja",
            "petgraph",
            "secrecy",
            "serde-saphyr",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "toml",
        ]),
    ),
    (
        "aiplat-docker",
        &[
            "aiplat-apparmor",
            "aiplat-archive",
            "aiplat-core",
            "aiplat-vectordb",
        ],
        None,
    ),
    (
        "aiplat-testkit",
        &[
            "aiplat-apparmor",
            "aiplat-archive",
            "aiplat-core",
            "aiplat-docker",
            "aiplat-vectordb",
        ],
        None,
    ),
    (
        "aiplat-cli",
        &[
            "aiplat-apparmor",
            "aiplat-archive",
            "aiplat-core",
            "aiplat-docker",
            "aiplat-testkit",
            "aiplat-vectordb",
        ],
        None,
    ),
];

/// What a crate must not have, directly or through others: the engine, the run time, the command line, the clock, chance.
const NEVER: &[(&str, &[&str])] = &[
    (
        "aiplat-vectordb",
        &[
            "tokio",
            "bollard",
            "clap",
            "rand",
            "getrandom",
            "chrono",
            "time",
            "rustix",
            "nix",
        ],
    ),
    (
        "aiplat-apparmor",
        &[
            "tokio", "bollard", "clap", "rand", "chrono", "time", "nix", "libc",
        ],
    ),
    ("aiplat-archive", &["tokio", "bollard", "clap", "reqwest"]),
    (
        "aiplat-core",
        &[
            "tokio", "bollard", "clap", "rand", "chrono", "time", "rustix", "nix", "hyper",
            "tempfile",
        ],
    ),
    (
        "aiplat-docker",
        &["clap", "dialoguer", "indicatif", "anstream", "comfy-table"],
    ),
    ("aiplat-testkit", &["clap", "dialoguer", "indicatif"]),
];

/// Words that a crate's product code must not have.
const UNSAID: &[(&str, &[&str])] = &[
    ("aiplat-vectordb", PURE),
    ("aiplat-apparmor", PURE),
    (
        "aiplat-archive",
        &[
            "std::env::",
            "println!",
            "eprintln!",
            "SystemTime::now",
            "Instant::now",
        ],
    ),
    ("aiplat-core", PURE),
    ("aiplat-docker", &["std::env::", "println!", "eprintln!"]),
];

const PURE: &[&str] = &[
    "std::env::",
    "std::fs::",
    "std::process::",
    "std::thread::",
    "SystemTime",
    "Instant::now",
    "TcpStream",
    "UnixStream",
    "println!",
    "eprintln!",
    "async fn",
    "env::var(",
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What each package of the workspace declares for its product: no dev-dependencies.
fn declared() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            let product = all.filter(|d| d["kind"].as_str() != Some("dev"));
            (name(package), product.map(name).collect())
        })
        .collect()
}

/// What each package of the lock file depends on, in the file's own words: `name`, or `name version` where there are
/// several versions of one name.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    let lock: toml::Table = toml::from_str(&text).unwrap();
    let packages = lock["package"].as_array().unwrap();
    let name = |package: &toml::Value| package["name"].as_str().unwrap().to_owned();
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for package in packages {
        *versions.entry(name(package)).or_default() += 1;
    }
    let words = |package: &toml::Value| match (name(package), package["version"].as_str()) {
        (name, Some(version)) if versions[&name] > 1 => format!("{name} {version}"),
        (name, _) => name,
    };
    let used = |package: &toml::Value| {
        let all = package.get("dependencies").and_then(toml::Value::as_array);
        let all = all.into_iter().flatten().filter_map(toml::Value::as_str);
        all.map(str::to_owned).collect()
    };
    packages.iter().map(|p| (words(p), used(p))).collect()
}

/// The name in the words of the lock file.
fn bare(words: &str) -> &str {
    words.split(' ').next().unwrap_or(words)
}

#[test]
fn every_crate_uses_what_the_table_says_and_nothing_else() {
    let declared = declared();
    for (name, ours, others) in TABLE {
        let Some(used) = declared.get(*name) else {
            continue;
        };
        let (inner, outer): (BTreeSet<_>, BTreeSet<_>) = used
            .iter()
            .map(String::as_str)
            .partition(|d| d.starts_with("aiplat-"));
        let allowed: BTreeSet<_> = ours.iter().copied().collect();
        assert!(
            inner.is_subset(&allowed),
            "{name} must not use {:?}",
            &inner - &allowed
        );
        if let Some(others) = others {
            let allowed: BTreeSet<_> = others.iter().copied().collect();
            assert!(
                outer.is_subset(&allowed),
                "{name} must not use {:?}",
                &outer - &allowed
            );
        }
    }
}

#[test]
fn the_table_has_every_crate_of_the_product() {
    let listed: BTreeSet<_> = TABLE
        .iter()
        .map(|(name, _, _)| (*name).to_owned())
        .collect();
    let folders = std::fs::read_dir(workspace().join("crates")).unwrap();
    for folder in folders
        .map(|f| f.unwrap().path())
        .filter(|f| f.join("Cargo.toml").exists())
    {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(listed.contains(&name), "`{name}` is not in the table");
    }
}

#[test]
fn nothing_forbidden_comes_in_through_others() {
    let (declared, locked) = (declared(), locked());
    // the lock file has what tests use as well
    let product = |package: &str| {
        let all = locked.get(package).into_iter().flatten();
        let own = declared.get(package);
        all.filter(move |d| own.is_none_or(|own| own.contains(bare(d))))
    };
    for (name, never) in NEVER
        .iter()
        .filter(|(name, _)| declared.contains_key(*name))
    {
        let mut open: Vec<(String, String)> = vec![((*name).to_owned(), String::new())];
        let mut seen = BTreeSet::new();
        while let Some((next, through)) = open.pop() {
            assert!(
                !never.contains(&bare(&next)),
                "{name} must not have `{next}` (through {through})"
            );
            if seen.insert(next.clone()) {
                let path = format!("{through} > {next}");
                open.extend(product(&next).map(|d| (d.clone(), path.clone())));
            }
        }
        assert!(seen.len() > 1, "expected `{name}` to use something");
    }
}

/// The product's own lines of a crate: no tests.
fn product_lines(crate_name: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
        {
            let stem = entry.file_stem().unwrap().to_string_lossy().into_owned();
            if stem == "tests" {
                continue;
            }
            if entry.is_dir() {
                walk(&entry, found);
            } else {
                let text = std::fs::read_to_string(&entry).unwrap();
                let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                found.push((entry, product.to_owned()));
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &workspace().join("crates").join(crate_name).join("src"),
        &mut found,
    );
    found
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn pure_crates_ask_neither_clock_nor_disk_nor_environment() {
    for (name, words) in UNSAID {
        for (path, text) in product_lines(name) {
            for line in code(&text) {
                let found = words.iter().find(|word| line.contains(**word));
                assert!(
                    found.is_none(),
                    "{}: `{}` in `{line}`",
                    path.display(),
                    found.unwrap()
                );
            }
        }
    }
}

#[test]
fn only_one_folder_names_a_type_of_bollard() {
    for (name, _, _) in TABLE {
        if !workspace().join("crates").join(name).exists() {
            continue;
        }
        for (path, text) in product_lines(name) {
            let home = path.to_string_lossy().contains("/engine/bollard/");
            for line in code(&text).filter(|_| !home) {
                assert!(
                    !line.contains("use bollard::"),
                    "{}: `{line}`",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn nothing_anywhere_prunes() {
    for (name, _, _) in TABLE {
        if !workspace().join("crates").join(name).exists() {
            continue;
        }
        for (path, text) in product_lines(name) {
            let found = code(&text).find(|line| line.contains("prune"));
            assert!(found.is_none(), "{}: {found:?}", path.display());
        }
    }
}
