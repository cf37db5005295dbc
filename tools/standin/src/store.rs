//! State as one JSON file, replaced whole.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// A JSON value that outlives the process.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    value: Mutex<Value>,
}

impl Store {
    /// The file's value, or the one given where there is no file yet.
    pub fn open(path: &Path, initial: Value) -> std::io::Result<Self> {
        let value = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                write(path, &initial)?;
                initial
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_path_buf(),
            value: Mutex::new(value),
        })
    }

    /// Looks at the value.
    pub fn read<T>(&self, look: impl FnOnce(&Value) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the value and writes it down before it returns.
    pub fn change<T>(&self, change: impl FnOnce(&mut Value) -> T) -> std::io::Result<T> {
        let mut value = self.lock();
        let result = change(&mut value);
        write(&self.path, &value)?;
        Ok(result)
    }

    fn lock(&self) -> MutexGuard<'_, Value> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(path: &Path, value: &Value) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, value.to_string())?;
    std::fs::rename(beside, path)
}
