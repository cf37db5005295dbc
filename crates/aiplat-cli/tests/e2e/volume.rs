//! A stack on a volume of its own: made of an empty device, and missed when it is not mounted.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bed::Bed;
use crate::support::stack::Stack;
use crate::support::{inventory, leftovers};

/// A block device of a file, and whatever is mounted of it, gone with its value.
struct Loop {
    device: PathBuf,
    at: PathBuf,
}

impl Loop {
    fn of(bed: &Bed, name: &str, at: &Path) -> Self {
        let image = bed.home.join(format!("{name}.img"));
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(64 << 20).unwrap();
        let shown = Command::new("losetup")
            .args(["-f", "--show"])
            .arg(&image)
            .output();
        let shown = shown.unwrap();
        assert!(shown.status.success(), "expected a loop device: {shown:?}");
        Self {
            device: String::from_utf8(shown.stdout).unwrap().trim().into(),
            at: at.to_path_buf(),
        }
    }

    fn bytes(&self) -> String {
        // by the device: what was written to it need not be in its file yet
        let sum = Command::new("sha256sum").arg(&self.device).output();
        let sum = sum.unwrap();
        String::from_utf8(sum.stdout).unwrap()
    }

    fn run(&self, program: &str, words: &[&str]) {
        let done = Command::new(program)
            .args(words)
            .arg(&self.device)
            .output()
            .unwrap();
        assert!(done.status.success(), "{program}: {done:?}");
    }

    fn unmount(&self) {
        let done = Command::new("umount").arg(&self.at).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn mount(&self) {
        let done = Command::new("mount")
            .arg(&self.device)
            .arg(&self.at)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).output();
        let _ = Command::new("losetup").arg("-d").arg(&self.device).output();
    }
}

fn placed<'b>(bed: &'b Bed, name: &str) -> (Stack<'b>, PathBuf) {
    let table = bed.home.join("fstab");
    let stack = bed
        .one_line(name)
        .with("SERVICES", "redis")
        .with("BIND_ADDRESS", bed.address())
        .with("AIPLAT_TEST_FSTAB", table.display().to_string());
    (stack, table)
}

#[test]
fn a_volume_that_is_not_mounted_is_missed_and_nothing_is_begun_under_it() {
    let Some(bed) = Bed::new() else { return };
    let (stack, table) = placed(&bed, "v");
    let others = "# of the operator\nUUID=1 / ext4 defaults 0 1\n";
    std::fs::write(&table, others).unwrap();
    let device = Loop::of(&bed, "v", &stack.base);
    let path = device.device.display().to_string();
    let setup = |more: &[&str]| stack.run(&[&["setup", "--device", path.as_str()], more].concat());

    setup(&[]).fails(8, &["make an ext4 file system"]);
    setup(&["--yes"]).ok();
    let written = std::fs::read_to_string(&table).unwrap();
    let ours = written
        .strip_prefix(others)
        .expect("every other byte stays");
    assert!(
        ours.contains(&format!(" {} ext4 ", stack.base.display())),
        "{ours}"
    );
    setup(&["--yes"]).ok();
    assert_eq!(
        std::fs::read_to_string(&table).unwrap(),
        written,
        "a second time"
    );

    stack.deploy().ok();
    let id = stack.id();
    stack.run(&["teardown", "--yes"]).ok();
    device.unmount();
    let empty = inventory::tree(&stack.base);
    for command in [&["deploy"][..], &["plan"], &["status"], &["setup", "--yes"]] {
        let words = [
            "the volume of this stack is not mounted",
            "an empty directory",
            "UUID=",
        ];
        stack.run(command).fails(9, &words);
    }
    let doctor = stack.run(&["doctor"]);
    assert!(
        doctor.said().contains("is not mounted at"),
        "{}",
        doctor.said()
    );
    assert_eq!(
        inventory::tree(&stack.base),
        empty,
        "nothing is made under it"
    );
    assert_eq!(std::fs::read_dir(&stack.base).unwrap().count(), 0);

    // one that is not this stack's
    std::fs::create_dir(stack.base.join("config")).unwrap();
    std::fs::write(stack.base.join("config/stack-id"), "ffffffffffff\n").unwrap();
    stack.deploy().fails(9, &["found another stack"]);
    std::fs::remove_dir_all(stack.base.join("config")).unwrap();

    device.mount();
    stack.deploy().ok();
    assert_eq!(stack.id(), id, "the same stack goes on");
    stack.run(&["audit", "verify"]).ok();

    // lost for good: the containers go, and it is forgotten
    for container in bed.engine.containers() {
        if container["Config"]["Labels"]["aiplat.stack"] == stack.name.as_str() {
            let name = container["Name"].as_str().unwrap();
            bed.engine.remove_container(name.trim_start_matches('/'));
        }
    }
    device.unmount();
    let torn = stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    assert!(torn.said().contains("is not mounted"), "{}", torn.said());
    assert_eq!(
        leftovers::left(&bed, std::slice::from_ref(&id)),
        Vec::<String>::new()
    );
    device.mount();
    assert_eq!(stack.id(), id, "its data stayed where it was");
    device.unmount();
    stack.deploy().ok();
    assert_ne!(stack.id(), id, "it was forgotten: this is a new one");
}

#[test]
fn a_device_that_holds_anything_is_refused_and_stays_as_it_is() {
    let Some(bed) = Bed::new() else { return };
    let (stack, table) = placed(&bed, "w");
    let device = Loop::of(&bed, "w", &stack.base);
    let path = device.device.display().to_string();
    let refused = |words: &str| {
        let before = device.bytes();
        let run = stack.run(&["setup", "--yes", "--device", &path]);
        run.fails(4, &[words]);
        assert_eq!(device.bytes(), before, "not a byte of it is touched");
    };
    device.run("mkfs.ext4", &["-q", "-L", "mine"]);
    refused("found `ext4` on it");
    device.run("wipefs", &["-q", "--all"]);
    refused("bytes of no known kind");
    device.run("mkswap", &["-q"]);
    refused("found `swap` on it");
    let elsewhere = bed.home.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    device.run("mkfs.ext4", &["-q", "-F"]);
    let mounted = Command::new("mount")
        .arg(&device.device)
        .arg(&elsewhere)
        .status();
    assert!(mounted.unwrap().success());
    let run = stack.run(&["setup", "--yes", "--device", &path]);
    let unmounted = Command::new("umount").arg(&elsewhere).status();
    assert!(unmounted.unwrap().success());
    run.fails(4, &["it is mounted at"]);

    // an empty one, and a place that is not
    device.run("blkdiscard", &["--zeroout", "--force"]);
    std::fs::write(stack.base.join("mine"), "x").unwrap();
    refused("expected nothing in");
    stack
        .run(&["setup", "--yes", "--device", "/dev/null"])
        .fails(9, &["a block device"]);
    assert!(!table.exists(), "nothing was written");
}
