//! Locks: one a stack, held for a whole command, and host-wide ones, held for a moment. The kernel lets go of both when
//! their process ends, however it ends, so that no stale lock is ever left.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::HostError;
use super::files::resolve;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process.
    pub pid: u32,
    /// What it does, such as `deploy`.
    pub command: String,
    /// Since when, seconds since 1970.
    pub since: u64,
    /// Whose it is: the user's name, or number where it has none.
    pub user: String,
}

/// A lock that somebody else holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the lock `{}` to be free, {}", .path.display(), by_words(.by.as_ref()))]
pub struct Held {
    /// The lock file.
    pub path: PathBuf,
    /// Who holds it; nothing in the moment between taking the lock and writing this.
    pub by: Option<Holder>,
}

/// The lock of one stack: `config/lock` below its `BASE_DIR`. Let go when dropped.
#[derive(Debug)]
pub struct StackLock {
    file: File,
    base_dir: PathBuf,
}

/// A host-wide lock, for the register and for the firewall. Let go when dropped.
#[derive(Debug)]
pub struct HostLock {
    file: File,
    state_dir: PathBuf,
}

impl Holder {
    /// This process, which carries out `command`.
    pub fn this_process(command: impl Into<String>) -> Self {
        let uid = rustix::process::getuid().as_raw();
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        Self {
            pid: std::process::id(),
            command: command.into(),
            since,
            user: user_name(uid),
        }
    }
}

impl StackLock {
    /// Takes the lock, or says who has it. `config` must exist below `base_dir`, which must be canonical. Whatever
    /// changes a stack takes it as an `stack::Operation`, which leaves a trace.
    pub(crate) fn acquire(base_dir: &Path, holder: &Holder) -> Result<Self, HostError> {
        let path = base_dir.join("config/lock");
        loop {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Held {
                        path,
                        by: read_holder(&mut file),
                    }
                    .into());
                }
                Err(TryLockError::Error(source)) => {
                    return Err(HostError::io("lock", &path, source));
                }
            }
            // a purge may have taken the file away between opening and locking it: then the lock is worth nothing
            if is_at(&file, &path) {
                write_holder(&mut file, holder).map_err(|e| HostError::io("write", &path, e))?;
                return Ok(Self {
                    file,
                    base_dir: base_dir.to_owned(),
                });
            }
        }
    }

    /// The `BASE_DIR` whose lock it is.
    pub fn base_dir(&self) -> &Path {
        &self.base_dir
    }
}

impl Drop for StackLock {
    fn drop(&mut self) {
        // nobody reads the holder of a free lock, so a failure to clear it harms nothing
        let _ = self.file.set_len(0);
        let_go(&self.file);
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        let_go(&self.file);
    }
}

/// Closing the file would not do: a program that another thread is just starting has it, too, until it runs.
fn let_go(file: &File) {
    let _ = file.unlock();
}

impl HostLock {
    /// Waits for the lock of the register. `state_dir` is made when it is absent.
    pub fn wait(state_dir: &Path, timeout: Duration) -> Result<Self, HostError> {
        Self::wait_for(state_dir, "register.lock", timeout)
    }

    /// Waits for the lock of the register as [`HostLock::wait`] does, without holding up the thread: whoever has the
    /// lock may be another future of the same task, which could never let go of it otherwise.
    ///
    /// # Errors
    /// As [`HostLock::wait`].
    pub async fn wait_asleep(state_dir: &Path, timeout: Duration) -> Result<Self, HostError> {
        let place = state_dir.to_owned();
        let waiting = tokio::task::spawn_blocking(move || Self::wait(&place, timeout));
        match waiting.await {
            Ok(locked) => locked,
            Err(gone) => {
                let path = state_dir.join("register.lock");
                Err(HostError::io("lock", &path, std::io::Error::other(gone)))
            }
        }
    }

    /// Waits for the lock file of the given name.
    pub(crate) fn wait_for(
        state_dir: &Path,
        name: &str,
        timeout: Duration,
    ) -> Result<Self, HostError> {
        fs_err::create_dir_all(state_dir).map_err(|e| HostError::io("make", state_dir, e))?;
        let path = state_dir.join(name);
        let file = open(&path)?;
        // the kernel has no lock call with a deadline: a thread waits, and lets go when nobody listens any more
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let locked = file.lock().map(|()| file);
            let _ = sender.send(locked);
        });
        match receiver.recv_timeout(timeout) {
            Ok(Ok(file)) => Ok(Self {
                file,
                state_dir: state_dir.to_owned(),
            }),
            Ok(Err(source)) => Err(HostError::io("lock", &path, source)),
            Err(_) => Err(HostError::LockTimeout {
                path,
                seconds: timeout.as_secs(),
            }),
        }
    }

    /// The directory whose lock it is.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }
}

fn open(path: &Path) -> Result<File, HostError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
    let fd = resolve::open_new(path, flags, Mode::RUSR | Mode::WUSR).map_err(|e| match e {
        rustix::io::Errno::NOENT => HostError::NoParent {
            path: path.parent().unwrap_or(path).to_owned(),
        },
        other => HostError::io("open", path, other),
    })?;
    let stat = rustix::fs::fstat(&fd).map_err(|e| HostError::io("read", path, e))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(HostError::NotAFile {
            path: path.to_owned(),
        });
    }
    // its content is written over
    if stat.st_nlink > 1 {
        return Err(HostError::HardLink {
            path: path.to_owned(),
        });
    }
    Ok(File::from(fd))
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs_err::symlink_metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_holder(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    // a full disk must not stop a command that may be there to free it
    let text = serde_json::to_vec(holder).unwrap_or_default();
    match file.write_all(&text) {
        Err(e) if e.kind() == std::io::ErrorKind::StorageFull => Ok(()),
        other => other,
    }
}

fn by_words(by: Option<&Holder>) -> String {
    by.map_or_else(
        || "another process holds it".to_owned(),
        |h| format!("`{}` of {} holds it (process {})", h.command, h.user, h.pid),
    )
}

/// A user's name, or number where it has none.
pub(crate) fn user_name(uid: u32) -> String {
    let passwd = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn base() -> tempfile::TempDir {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("config")).unwrap();
        base
    }

    /// Another process that holds a lock until it is killed.
    struct Other(Child);

    impl Other {
        fn holding(path: &Path, says: &str) -> Self {
            let hold = format!(
                "printf '%s' '{says}' > '{}'; echo held; exec sleep 60",
                path.display()
            );
            let mut child = Command::new("flock")
                .arg("--no-fork")
                .arg(path)
                .args(["sh", "-c", &hold])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap())
                .read_line(&mut line)
                .unwrap();
            Self(child)
        }
    }

    impl Drop for Other {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn the_loser_says_who_has_it() {
        let base = base();
        let first = Holder::this_process("deploy");
        let lock = StackLock::acquire(base.path(), &first).unwrap();
        let refused =
            StackLock::acquire(base.path(), &Holder::this_process("teardown")).unwrap_err();
        let words = refused.to_string();
        assert!(
            words.contains(&format!("`deploy` of {} holds it", first.user)),
            "{words}"
        );
        assert!(matches!(refused, HostError::Held(Held { by: Some(by), .. }) if by == first));
        drop(lock);
        StackLock::acquire(base.path(), &first).unwrap();
    }

    #[test]
    fn a_lock_is_free_at_once_though_a_program_that_is_being_started_still_has_its_file() {
        let base = base();
        let holder = Holder::this_process("deploy");
        let lock = StackLock::acquire(base.path(), &holder).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        drop(lock);
        StackLock::acquire(base.path(), &holder).unwrap();
        let lock = HostLock::wait(base.path(), Duration::from_secs(1)).unwrap();
        let also = lock.file.try_clone().unwrap();
        drop(lock);
        HostLock::wait(base.path(), Duration::from_secs(1)).unwrap();
        drop((inherited, also));
    }

    #[test]
    fn a_killed_process_holds_nothing() {
        let base = base();
        let path = base.path().join("config/lock");
        let says = r#"{"pid": 7, "command": "deploy", "since": 1, "user": "eve"}"#;
        let other = Other::holding(&path, says);
        let refused = StackLock::acquire(base.path(), &Holder::this_process("plan")).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("`deploy` of eve holds it (process 7)"),
            "{refused}"
        );
        drop(other);
        StackLock::acquire(base.path(), &Holder::this_process("plan")).unwrap();
    }

    #[test]
    fn a_spoilt_holder_is_nobody() {
        let base = base();
        let other = Other::holding(&base.path().join("config/lock"), "{");
        let refused = StackLock::acquire(base.path(), &Holder::this_process("plan")).unwrap_err();
        assert!(matches!(refused, HostError::Held(Held { by: None, .. })));
        drop(other);
    }

    #[test]
    fn a_lock_needs_its_directory_and_no_link() {
        let empty = tempfile::tempdir().unwrap();
        let holder = Holder::this_process("plan");
        assert!(matches!(
            StackLock::acquire(empty.path(), &holder),
            Err(HostError::NoParent { .. })
        ));
        let base = base();
        let target = base.path().join("target");
        std::fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, base.path().join("config/lock")).unwrap();
        assert!(matches!(
            StackLock::acquire(base.path(), &holder),
            Err(HostError::SymlinkRefused { .. })
        ));
        std::fs::remove_file(base.path().join("config/lock")).unwrap();
        std::fs::hard_link(&target, base.path().join("config/lock")).unwrap();
        assert!(matches!(
            StackLock::acquire(base.path(), &holder),
            Err(HostError::HardLink { .. })
        ));
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "kept");
    }

    #[test]
    fn waiting_ends_at_the_deadline_or_with_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let lock = HostLock::wait(dir.path(), Duration::from_secs(5)).unwrap();
        assert!(matches!(
            HostLock::wait(dir.path(), Duration::from_millis(50)),
            Err(HostError::LockTimeout { .. })
        ));
        let path = dir.path().to_owned();
        let waiter =
            std::thread::spawn(move || HostLock::wait(&path, Duration::from_secs(30)).map(|_| ()));
        drop(lock);
        waiter.join().unwrap().unwrap();
    }

    #[tokio::test]
    async fn whoever_waits_does_not_hold_up_the_one_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = HostLock::wait_asleep(dir.path(), Duration::from_secs(5))
            .await
            .unwrap();
        let second = HostLock::wait_asleep(dir.path(), Duration::from_secs(30));
        // both on this one thread
        let (second, ()) = tokio::join!(second, async {
            tokio::task::yield_now().await;
            drop(first);
        });
        second.unwrap();
    }

    #[test]
    fn users_have_names() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_000), "4000000000");
    }
}
