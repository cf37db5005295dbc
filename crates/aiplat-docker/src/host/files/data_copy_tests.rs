use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

struct Place {
    _home: tempfile::TempDir,
    base: PathBuf,
    data: PathBuf,
    copy: DataCopy,
}

fn place() -> Place {
    let home = tempfile::tempdir().unwrap();
    let base = home.path().canonicalize().unwrap();
    let data = base.join("data");
    fs::create_dir_all(data.join("inner/deeper")).unwrap();
    fs::write(data.join("rows"), "one two three").unwrap();
    fs::write(data.join("inner/deeper/page"), vec![7; 70_000]).unwrap();
    fs::set_permissions(data.join("rows"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("/etc/passwd", data.join("link")).unwrap();
    // a megabyte of which almost nothing is there
    let sparse = fs::File::create(data.join("sparse")).unwrap();
    sparse.set_len(1 << 20).unwrap();
    let copy = DataCopy::of_container(
        &base,
        &"postgres".parse().unwrap(),
        "0123456789abcdef",
        vec![data.clone(), base.join("absent")],
    );
    Place {
        _home: home,
        base,
        data,
        copy,
    }
}

fn picture(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(path) = todo.pop() {
        let facts = path.symlink_metadata().unwrap();
        let content = if facts.is_file() {
            fs::read(&path).unwrap().len().to_string()
        } else if facts.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else {
            todo.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            String::new()
        };
        let times = if facts.is_symlink() {
            0
        } else {
            facts.mtime_nsec()
        };
        lines.push(format!(
            "{} {:o} {} {times} {content}",
            path.strip_prefix(root).unwrap().display(),
            facts.mode(),
            facts.uid(),
        ));
    }
    lines.sort();
    lines
}

fn take(copy: &DataCopy, started: &str) -> Result<(), HostError> {
    begin(copy)?;
    super::take(copy, started)
}

#[test]
fn what_comes_back_is_what_was_copied() {
    let p = place();
    let before = picture(&p.data);
    room(&p.copy, 0).unwrap();
    take(&p.copy, "then").unwrap();
    assert_eq!(picture(&p.data), before, "taking it changes nothing");
    let sparse = p.copy.at.join("0/sparse").metadata().unwrap();
    assert!(sparse.blocks() * 512 < 1 << 19, "holes stay holes");

    fs::remove_file(p.data.join("rows")).unwrap();
    fs::write(p.data.join("new"), "x").unwrap();
    fs::write(p.data.join("inner/deeper/page"), "short").unwrap();
    // a second time, as after a run that was killed on the way
    for _ in 0..2 {
        assert!(put_back(&p.copy, "then").unwrap());
        assert_eq!(picture(&p.data), before);
    }
    drop_copy(&p.copy).unwrap();
    assert!(!p.copy.at.exists());
    assert!(
        !put_back(&p.copy, "then").unwrap(),
        "there is none any more"
    );
}

#[test]
fn what_is_dumped_into_it_needs_room_and_is_there_until_it_is_dropped() {
    let p = place();
    assert!(matches!(
        room(&p.copy, u64::MAX),
        Err(HostError::CopyRoom { .. })
    ));
    begin(&p.copy).unwrap();
    fs::write(p.copy.partial().join("a.dump"), "rows").unwrap();
    super::take(&p.copy, "then").unwrap();
    let dump = p.copy.at.join("a.dump");
    assert_eq!(fs::read_to_string(&dump).unwrap(), "rows");
    assert!(put_back(&p.copy, "then").unwrap());
    assert!(dump.exists(), "it may be put back again");
    drop_copy(&p.copy).unwrap();
    assert!(!dump.exists());
}

#[test]
fn a_copy_of_a_container_that_ran_since_is_not_put_back() {
    let p = place();
    take(&p.copy, "then").unwrap();
    fs::write(p.data.join("rows"), "four").unwrap();
    assert!(!put_back(&p.copy, "later").unwrap());
    assert_eq!(fs::read_to_string(p.data.join("rows")).unwrap(), "four");
}

#[test]
fn a_copy_that_was_interrupted_is_begun_anew_and_never_put_back() {
    let p = place();
    let partial = p.copy.partial();
    fs::create_dir_all(partial.join("0")).unwrap();
    fs::write(partial.join("0/half"), "x").unwrap();
    assert!(!put_back(&p.copy, "then").unwrap());
    take(&p.copy, "then").unwrap();
    assert!(!p.copy.at.join("0/half").exists() && !partial.exists());
}

#[test]
fn only_the_last_of_a_service_is_kept() {
    let p = place();
    let other = DataCopy::of_container(
        &p.base,
        &"redis".parse().unwrap(),
        "0123456789abcdef",
        vec![],
    );
    let newer = DataCopy::of_container(
        &p.base,
        &p.copy.service,
        "fedcba9876543210",
        vec![p.data.clone()],
    );
    take(&other, "").unwrap();
    take(&p.copy, "").unwrap();
    take(&newer, "").unwrap();
    keep_only(&newer).unwrap();
    assert!(other.at.exists() && newer.at.exists() && !p.copy.at.exists());
}

#[test]
fn a_link_in_place_of_the_data_is_refused() {
    let p = place();
    take(&p.copy, "").unwrap();
    fs::rename(&p.data, p.base.join("away")).unwrap();
    symlink(p.base.join("away"), &p.data).unwrap();
    assert!(put_back(&p.copy, "").is_err());
    assert!(take(&p.copy, "").is_err());
    assert!(p.base.join("away/rows").exists());
}
