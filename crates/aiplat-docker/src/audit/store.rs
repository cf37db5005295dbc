//! Reading and writing a stack's trail.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aiplat_core::audit::{Event, Head, Verdict, Who, link, verify};
use aiplat_core::names::StackId;
use aiplat_core::spec::FileSpec;

use crate::host::register::this_user;
use crate::host::{HostError, files};

/// A log is smaller: some three hundred thousand records.
const LOG_LIMIT: usize = 256 << 20;

/// A head is smaller: some lines wait in it while a disk is full.
const HEAD_LIMIT: usize = 16 << 20;

/// One stack's trail on disk. What is written must be written under the stack's lock.
#[derive(Debug, Clone)]
pub struct AuditStore {
    id: StackId,
    base_dir: PathBuf,
    dir: PathBuf,
    detached: bool,
}

/// A trail as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Where the log is, or would be.
    pub path: PathBuf,
    /// The log's bytes.
    pub log: Vec<u8>,
    /// The head; nothing when it is missing or spoilt.
    pub head: Option<Head>,
    id: StackId,
}

impl Trail {
    /// Whose trail it is.
    pub fn stack_id(&self) -> &StackId {
        &self.id
    }

    /// What the trail tells, and what is wrong with it.
    pub fn verdict(&self) -> Verdict {
        verify(&self.id, &self.log, self.head.as_ref())
    }
}

impl AuditStore {
    /// The trail of the stack in `base_dir`, with its head below `state_dir`.
    pub fn new(state_dir: &Path, base_dir: &Path, id: &StackId) -> Self {
        Self {
            id: id.clone(),
            base_dir: base_dir.to_path_buf(),
            dir: state_dir.join("audit"),
            detached: false,
        }
    }

    /// The same for a stack whose volume is not mounted: what lies in the log's place is not the log, and is left alone.
    pub(crate) fn detached(self) -> Self {
        Self {
            detached: true,
            ..self
        }
    }

    /// Reads all of it. Takes no lock: when somebody writes meanwhile, it is read again.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn read(&self) -> Result<Trail, HostError> {
        let mut head = self.head()?;
        loop {
            let path = self.log_of(head.as_ref());
            let log = read_log(&path)?.unwrap_or_default();
            let again = self.head()?;
            if head == again {
                let id = self.id.clone();
                return Ok(Trail {
                    path,
                    log,
                    head,
                    id,
                });
            }
            head = again;
        }
    }

    /// Writes one record, and gives its number. `event` is told whether the head had to be made from the log.
    ///
    /// What the log does not take because it is on a full or missing volume is kept in the head.
    pub(crate) fn append(
        &self,
        who: &Who,
        event: impl FnOnce(bool) -> Event,
    ) -> Result<u64, HostError> {
        let (mut head, adopted) = match self.head()? {
            Some(head) => (head, false),
            None => self.adopt()?,
        };
        let at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let line = link(&head, &at, who, event(adopted));
        head.pending.push(line);
        let seq = head.total();
        self.save(&head)?;
        if self.detached {
            return Ok(seq);
        }
        match flush(&mut head) {
            Ok(()) => self.save(&head)?,
            Err(HostError::NoSpace { .. } | HostError::NoParent { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(seq)
    }

    /// Moves the log into the state directory, before its own directory is purged. Done twice, it is done once.
    pub(crate) fn retire(&self) -> Result<(), HostError> {
        if self.detached {
            return Ok(());
        }
        let Some(mut head) = self.head()? else {
            return Ok(());
        };
        let kept = self.dir.join(format!("{}.jsonl", self.id));
        if head.log == kept {
            return Ok(());
        }
        let log = read_log(&head.log)?.unwrap_or_default();
        files::write_bytes(&kept, &log, this_user(), 0o600)?;
        head.log = kept;
        self.save(&head)
    }

    /// Takes the trail of a stack away of which nothing was ever made.
    pub(crate) fn forget(&self) -> Result<(), HostError> {
        if let Some(head) = self.head()? {
            files::remove_file(&head.log)?;
        }
        files::remove_file(&self.head_path())
    }

    fn adopt(&self) -> Result<(Head, bool), HostError> {
        let path = self.log_of(None);
        let log = read_log(&path)?.unwrap_or_default();
        let head = Head::adopting(&self.id, &self.base_dir, &path, &log);
        Ok((head, !log.is_empty()))
    }

    fn log_of(&self, head: Option<&Head>) -> PathBuf {
        head.map_or_else(
            || self.base_dir.join("config/audit.jsonl"),
            |head| head.log.clone(),
        )
    }

    fn head_path(&self) -> PathBuf {
        self.dir.join(format!("{}.json", self.id))
    }

    /// A spoilt head, and one of another stack, is none.
    fn head(&self) -> Result<Option<Head>, HostError> {
        let bytes = match files::read_file(&self.head_path(), HEAD_LIMIT) {
            Err(HostError::TooLarge { .. }) => None,
            other => other?,
        };
        let head = bytes.and_then(|bytes| serde_json::from_slice::<Head>(&bytes).ok());
        Ok(head.filter(|head| head.stack_id == self.id))
    }

    fn save(&self, head: &Head) -> Result<(), HostError> {
        fs_err::create_dir_all(&self.dir).map_err(|e| HostError::io("make", &self.dir, e))?;
        let mut text = serde_json::to_vec(head).expect("a head has only string keys");
        text.push(b'\n');
        files::write_bytes(&self.head_path(), &text, this_user(), 0o600).map(|_| ())
    }
}

/// Puts what is pending into the log.
fn flush(head: &mut Head) -> Result<(), HostError> {
    let settled = usize::try_from(head.bytes).unwrap_or(usize::MAX);
    let log = read_log(&head.log)?.unwrap_or_default();
    let mut length = log.len();
    // a whole or half line of a run that died over it is written again
    if log
        .get(settled..)
        .is_some_and(|past| !past.is_empty() && head.is_interrupted(past))
    {
        files::truncate(&head.log, head.bytes)?;
        length = settled;
    }
    let mut text = head.pending_text();
    // what somebody cut off in its middle must not spoil what comes after it
    if length > 0 && log[length - 1] != b'\n' {
        text.insert(0, '\n');
    }
    let bytes = length + text.len();
    text.pop();
    files::append_line(&FileSpec {
        path: head.log.clone(),
        content: text.into(),
        owner: this_user(),
        mode: 0o600,
    })?;
    head.settle_pending(bytes as u64);
    Ok(())
}

fn read_log(path: &Path) -> Result<Option<Vec<u8>>, HostError> {
    files::read_file(path, LOG_LIMIT)
}
