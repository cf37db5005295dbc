//! The cache: saved in the background and waited for; given back as the base of its own log of changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aiplat_core::backup::KeyCount;

use super::{Store, StoreError};
use crate::engine::Engine;
use crate::host::files::copy;
use crate::resp::{Connection, Reply};

/// How often a save is asked for that another one stands in the way of.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);
/// A save that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(600);

impl<E: Engine> Store<'_, E> {
    /// Saves, copies the file to `to`, and tells how many keys are in it, as far as that is known: they are counted just
    /// before and just after.
    pub(crate) async fn save(&self, to: &Path) -> Result<BTreeMap<String, KeyCount>, StoreError> {
        let mut cache = self.greeted().await?;
        let before = self.key_counts(&mut cache).await?;
        let mut tries = 0;
        // it forks before it answers
        while let Reply::Error(words) = self.asked(&mut cache, &["BGSAVE"]).await? {
            tries += 1;
            // another save or a rewrite of the log
            if !words.contains("progress") || tries == TRIES {
                return Err(self.refused("save", &words));
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.saved(&mut cache).await?;
        let file = self.file(&mut cache).await?;
        copy::remove(to).map_err(|e| self.refused("give its file out", &e.to_string()))?;
        let copied = copy::copy(&file, to, None);
        let copied = copied.map_err(|e| self.refused("give its file out", &e.to_string()))?;
        if copied.bytes == 0 {
            let words = format!("expected its file at `{}`", file.display());
            return Err(self.refused("save", &words));
        }
        Ok(between(&before, &self.key_counts(&mut cache).await?))
    }

    async fn greeted(&self) -> Result<Connection, StoreError> {
        let opened = Connection::open(self.at).await;
        let mut cache = opened.map_err(|e| self.refused("answer", &e.to_string()))?;
        if let Some(secret) = &self.service.health.secret {
            let password = self.secret(secret.as_str());
            self.expect(&mut cache, &["AUTH", password.expose()])
                .await?;
        }
        Ok(cache)
    }

    async fn asked(&self, cache: &mut Connection, words: &[&str]) -> Result<Reply, StoreError> {
        let answer = cache.ask(words).await;
        answer.map_err(|e| self.refused(words[0], &e.to_string()))
    }

    async fn expect(&self, cache: &mut Connection, words: &[&str]) -> Result<Reply, StoreError> {
        match self.asked(cache, words).await? {
            Reply::Error(said) => Err(self.refused(words[0], &said)),
            fine => Ok(fine),
        }
    }

    async fn info(&self, cache: &mut Connection) -> Result<BTreeMap<String, String>, StoreError> {
        let Reply::Text(info) = self.expect(cache, &["INFO", "persistence"]).await? else {
            return Err(self.refused("tell how its save goes", "not the expected answer"));
        };
        Ok(info
            .lines()
            .filter_map(|line| line.trim().split_once(':'))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect())
    }

    async fn saved(&self, cache: &mut Connection) -> Result<(), StoreError> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let info = self.info(cache).await?;
            let is = |key: &str, value: &str| info.get(key).is_some_and(|v| v == value);
            if is("rdb_bgsave_in_progress", "0") {
                return if is("rdb_last_bgsave_status", "ok") {
                    Ok(())
                } else {
                    Err(self.refused("save", "its own log says why; often the disk is full"))
                };
            }
            tokio::time::sleep(PAUSE / 4).await;
        }
        Err(self.refused("save", &format!("no end within {} s", PATIENCE.as_secs())))
    }

    /// The file it saved to, on this host.
    async fn file(&self, cache: &mut Connection) -> Result<PathBuf, StoreError> {
        let mut name = "dump.rdb".to_owned();
        if let Reply::List(pair) = self.expect(cache, &["CONFIG", "GET", "dbfilename"]).await?
            && let [_, Reply::Text(given)] = pair.as_slice()
        {
            name.clone_from(given);
        }
        let plain = Path::new(&name)
            .file_name()
            .is_some_and(|n| n == name.as_str());
        if !plain {
            return Err(self.refused("give its file out", "a file name with a path in it"));
        }
        let mount = self
            .service
            .mounts
            .first()
            .map_or("data", |m| m.source.as_str());
        let below = Path::new("data")
            .join(self.service.name.as_str())
            .join(mount);
        Ok(self.config.path(below).join(name))
    }

    async fn key_counts(
        &self,
        cache: &mut Connection,
    ) -> Result<BTreeMap<String, Keys>, StoreError> {
        match self.expect(cache, &["INFO", "keyspace"]).await? {
            Reply::Text(info) => Ok(keyspace(&info)),
            _ => Err(self.refused("count its keys", "not the expected answer")),
        }
    }

    /// Keys in each of its databases now.
    pub(crate) async fn keys(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut cache = self.greeted().await?;
        let found = self.key_counts(&mut cache).await?;
        Ok(found.into_iter().map(|(name, k)| (name, k.all)).collect())
    }
}

/// Keys of one database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Keys {
    all: u64,
    /// Those that go away by themselves.
    passing: u64,
}

/// What a save between two counts has.
fn between(
    before: &BTreeMap<String, Keys>,
    after: &BTreeMap<String, Keys>,
) -> BTreeMap<String, KeyCount> {
    let names = before.keys().chain(after.keys());
    names
        .map(|name| {
            let at =
                |counts: &BTreeMap<String, Keys>| counts.get(name).copied().unwrap_or_default();
            let (b, a) = (at(before), at(after));
            let lasting = |k: Keys| k.all.saturating_sub(k.passing);
            let count = KeyCount {
                least: lasting(b).min(lasting(a)),
                most: b.all.max(a.all),
            };
            (name.clone(), count)
        })
        .collect()
}

/// Lays a saved file out so that a cache that keeps a log of changes, and one that does not, starts with it: as its last
/// save, and as the base of its log. `data` is its empty directory.
pub(crate) fn lay_out(saved: &Path, data: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (log, plain) = (data.join("appendonlydir"), data.join("dump.rdb"));
    fs_err::create_dir_all(&log)?;
    let (base, index) = (
        log.join("appendonly.aof.1.base.rdb"),
        log.join("appendonly.aof.manifest"),
    );
    fs_err::copy(saved, &plain)?;
    fs_err::copy(saved, &base)?;
    fs_err::write(&index, "file appendonly.aof.1.base.rdb seq 1 type b\n")?;
    Ok(vec![log, plain, base, index])
}

/// `db0:keys=2,expires=1,avg_ttl=0` by database.
fn keyspace(info: &str) -> BTreeMap<String, Keys> {
    info.lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(':')?;
            let number = |key: &str| {
                rest.split(',')
                    .find_map(|part| part.strip_prefix(key)?.parse::<u64>().ok())
            };
            let count = Keys {
                all: number("keys=")?,
                passing: number("expires=")?,
            };
            Some((name.to_owned(), count))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyspace_is_read() {
        let info =
            "# Keyspace\r\ndb0:keys=12,expires=3,avg_ttl=0\r\ndb4:keys=1,expires=0,avg_ttl=0\r\n";
        let found = keyspace(info);
        assert_eq!(found.len(), 2);
        let db0 = Keys {
            all: 12,
            passing: 3,
        };
        assert_eq!(found["db0"], db0);
        assert!(keyspace("# Keyspace\r\n").is_empty());
        let later = keyspace("db0:keys=14,expires=1\n");
        let count = between(&found, &later)["db0"];
        assert_eq!((count.least, count.most), (9, 14));
    }
}
