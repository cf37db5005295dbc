//! Where a page's examples run: the manual's directories, names and users stand for the test's own.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::output;
use crate::pages::{Example, Page};
use crate::support::bed::Bed;
use crate::support::run::start;

/// The test's place under the names of the manual.
pub(super) struct Place {
    bed: Bed,
    /// As the manual has it, and as it is here; longer names before those that they begin with.
    names: Vec<(String, String)>,
    show: bool,
}

impl Place {
    /// Makes what the page asks for: `<!-- stack: redis,caddy -->` is a stack in `/mnt/data`, and
    /// `<!-- second stack: redis -->` another in `/mnt/data2`.
    #[allow(
        clippy::disallowed_methods,
        reason = "the only way to ask a test for its output"
    )]
    pub(super) fn of(page: &Page) -> Option<Self> {
        let mut bed = Bed::new()?;
        // what other tests have in hand is nothing for a page that shows what `doctor` says of the host
        bed.state_dir = bed.home.join("state");
        for directory in ["bin", "work", "backup", "data", "data2"] {
            std::fs::create_dir_all(bed.home.join(directory)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_aiplat"), bed.home.join("bin/aiplat")).unwrap();
        for (remark, directory) in [("stack", "data"), ("second stack", "data2")] {
            if let Some(services) = page.remark(remark) {
                bed.small(directory)
                    .with("SERVICES", services)
                    .deploy()
                    .ok();
            }
        }
        let names = names(&bed);
        let show = std::env::var_os("AIPLAT_MANUAL_SHOW").is_some();
        Some(Self { bed, names, show })
    }

    /// Runs a line; what is wrong with it, if anything is.
    pub(super) fn run(&self, page: &Page, example: &Example) -> Option<String> {
        let script = format!("exec 2>&1\n{}", self.here(&example.command));
        let address = self.bed.address();
        let home = &self.bed.home;
        let mut command = Command::new("bash");
        let path = format!(
            "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            home.join("bin").display()
        );
        command
            .args(["-o", "pipefail", "-c", &script])
            .env_clear()
            .env("PATH", path)
            .env("HOME", home.join("work"))
            .env("BASE_DIR", home.join("data"))
            .env("BIND_ADDRESS", &address)
            .env("FRONT_DOOR_ADDRESS", &address)
            .env("IMAGE_REGISTRY", "localhost/aiplat")
            .env("AIPLAT_HOST", self.bed.engine.address())
            .env("DOCKER_HOST", self.bed.engine.address())
            .env("AIPLAT_STATE_DIR", &self.bed.state_dir)
            .current_dir(home.join("work"));
        let run = start(command).end();
        let printed: Vec<String> = self
            .there(&run.out)
            .lines()
            .filter(|l| !of_the_machine(l))
            .map(str::to_owned)
            .collect();
        let at = format!("{}:{}: $ {}", page.name, example.line, example.command);
        if self.show {
            let _ = writeln!(std::io::stderr(), "{at}\n{}\n", printed.join("\n"));
        }
        let fits = example.expected.is_empty() || output::is(&example.expected, &printed);
        (run.code != example.exit || !fits).then(|| {
            format!(
                "{at}\n--- the manual: exit {}\n{}\n--- here: exit {}\n{}",
                example.exit,
                example.expected.join("\n"),
                run.code,
                printed.join("\n")
            )
        })
    }

    fn here(&self, text: &str) -> String {
        let replace = |text: String, (manual, own): &(String, String)| text.replace(manual, own);
        self.names.iter().fold(text.to_owned(), replace)
    }

    fn there(&self, text: &str) -> String {
        let replace = |text: String, (manual, own): &(String, String)| text.replace(own, manual);
        self.names.iter().fold(text.to_owned(), replace)
    }
}

/// What a test's place adds to the output and a machine of the manual's kind does not have.
fn of_the_machine(line: &str) -> bool {
    line.contains("is not a mount point") || line.contains("AppArmor is not available here")
}

fn names(bed: &Bed) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (directory, network, domain, user) in [
        ("data2", "ai_platform_2", "ai2.example.org", 3000),
        ("data", "ai_platform", "ai.example.org", 1000),
    ] {
        let name = format!("{}-{directory}", bed.tag);
        let path = bed.home.join(directory).display().to_string();
        names.push((format!("/mnt/{directory}"), path));
        names.push((domain.to_owned(), format!("{name}.localhost")));
        names.push((network.to_owned(), name));
        let own = bed.uid(directory);
        for key in ["STACK_USER_UID=", "--uid "] {
            names.push((format!("{key}{user}"), format!("{key}{own}")));
        }
    }
    let backup = bed.home.join("backup").display().to_string();
    names.push(("/mnt/backup".to_owned(), backup));
    names.push(("127.0.0.1".to_owned(), bed.address()));
    names
}
