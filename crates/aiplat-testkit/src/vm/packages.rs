//! Real programs for the machine: Debian's packages, unpacked side by side and never installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kernel::{KernelError, run};

/// An unpacked tree of packages, which the machine runs as an image.
#[derive(Debug, Clone)]
pub struct Image {
    root: PathBuf,
}

impl Image {
    /// `packages` and what they depend on, but for `leave_out`, from `cache` or else from Debian's
    /// archive. The cached tree is made anew when the recipe (both lists) changes. No maintainer
    /// script runs.
    pub fn fetch(
        cache: &Path,
        name: &str,
        packages: &[String],
        leave_out: &[String],
    ) -> Result<Self, KernelError> {
        let io = |what: &str| {
            let what = what.to_owned();
            |source: io::Error| KernelError::Io { what, source }
        };
        let recipe = format!("{}\n-{}\n", packages.join(" "), leave_out.join(" "));
        let root = cache.join("images").join(name);
        let stamp = cache.join("images").join(format!("{name}.recipe"));
        if fs::read_to_string(&stamp).is_ok_and(|text| text == recipe) {
            return Ok(Self { root });
        }
        fs::create_dir_all(cache.join("images")).map_err(io("make the cache directory"))?;
        let work = tempfile::tempdir_in(cache).map_err(io("make a directory in the cache"))?;
        // a machine that has nothing installed: neither what is here nor its versions matter
        let status = work.path().join("status");
        fs::write(&status, "").map_err(io("make an empty status file"))?;
        let bare = format!("Dir::State::status={}", status.display());
        let list = run(Command::new("apt-get")
            .args([
                "-o",
                &bare,
                "--print-uris",
                "--no-install-recommends",
                "-y",
                "install",
            ])
            .args(packages))?;
        run(Command::new("apt-get")
            .args(["-o", &bare, "download"])
            .args(named(&list).filter(|name| leave_out.iter().all(|other| other != name)))
            .current_dir(work.path()))?;
        let tree = work.path().join("tree");
        for entry in fs::read_dir(work.path()).map_err(io("list the downloaded files"))? {
            let path = entry.map_err(io("list the downloaded files"))?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg-deb").arg("-x").arg(&path).arg(&tree))?;
            }
        }
        // what no program reads at run time
        for useless in [
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
            "usr/share/info",
        ] {
            let _ = fs::remove_dir_all(tree.join(useless));
        }
        let _ = fs::remove_dir_all(&root);
        fs::rename(&tree, &root).map_err(io("move the image into the cache"))?;
        fs::write(&stamp, recipe).map_err(io("note the image's recipe"))?;
        Ok(Self { root })
    }

    /// Where the tree lies.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// The packages in what `apt-get --print-uris` says: `'http://…' name_version_arch.deb size sum`.
fn named(list: &str) -> impl Iterator<Item = &str> {
    list.lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split(' ').nth(1)?.split_once('_'))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_packages() {
        let list = "Reading…\n'http://x/a_1.0_all.deb' a_1.0_all.deb 12 SHA256:00\n'x' lib-b_2_amd64.deb 1\n";
        assert_eq!(super::named(list).collect::<Vec<_>>(), ["a", "lib-b"]);
    }
}
