//! Who can open an archive.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use age::{Decryptor, Encryptor, scrypt, x25519};
use secrecy::{ExposeSecret, SecretString};

use crate::sidecar::Sealed;

/// What every age file begins with.
const MAGIC: &[u8] = b"age-encryption.org/";
/// 2^18 rounds, 256 MiB of memory, about a second: what the age command takes.
const WORK: u8 = 18;
/// An archive that asks for more is not worked on.
const WORK_MAX: u8 = 20;

/// For whom a new archive is sealed.
#[derive(Clone)]
pub enum Seal {
    /// For the holders of any of these keys: nothing on this host can open it again.
    Recipients(Vec<x25519::Recipient>),
    /// For who knows the passphrase. Making and opening takes 256 MiB of memory for about a second.
    Passphrase(SecretString),
    /// For nobody: anyone who has the file reads every secret in it.
    Unencrypted,
}

/// What opens an archive.
#[derive(Clone)]
pub enum Key {
    /// Any of these keys.
    Identities(Vec<x25519::Identity>),
    /// The passphrase.
    Passphrase(SecretString),
    /// None: the archive must be one without encryption, which nothing but its own check sum vouches for.
    Unencrypted,
}

/// A key that does not fit or is none. Never carries one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A recipient could not be read; what it is stays unsaid, somebody may have given a secret key.
    #[error("expected an age recipient such as `age1…`, {0}")]
    Recipient(&'static str),
    /// An identity file could not be read.
    #[error("expected one age identity a line, `AGE-SECRET-KEY-1…`, line {line} is none")]
    Identity {
        /// The line, from 1.
        line: usize,
    },
    /// A list of keys has none in it.
    #[error("expected at least one key")]
    NoKey,
    /// The passphrase is too short to withstand guessing.
    #[error("expected a passphrase of at least {SHORTEST} characters")]
    Short,
    /// The archive was sealed with another passphrase.
    #[error(
        "expected the archive's passphrase, this is another one, or the archive's first lines were changed"
    )]
    WrongPassphrase,
    /// The archive was sealed for other keys.
    #[error(
        "expected a key that the archive is sealed for, none of those given is, or the archive's first lines were changed"
    )]
    WrongIdentity,
    /// The archive wants a passphrase, keys were given.
    #[error("expected a passphrase, the archive is sealed with one")]
    NeedsPassphrase,
    /// The archive wants a key, a passphrase was given.
    #[error("expected an age identity, the archive is sealed for recipients")]
    NeedsIdentity,
    /// The archive is sealed, no key was given.
    #[error("expected a key, the archive is encrypted")]
    Encrypted,
    /// A key was given, the archive is not sealed: somebody may have put it in the place of one that is.
    #[error("expected an encrypted archive, this one is not")]
    NotEncrypted,
    /// The archive wants more work than is sensible.
    #[error("expected at most 2^{WORK_MAX} rounds for the archive's passphrase, it asks for more")]
    TooMuchWork,
}

/// Characters of the shortest passphrase.
const SHORTEST: usize = 12;

impl Seal {
    /// From recipients as `age1…`.
    pub fn recipients<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyError> {
        let all = texts
            .into_iter()
            .map(|text| text.trim().parse().map_err(KeyError::Recipient))
            .collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() {
            return Err(KeyError::NoKey);
        }
        Ok(Self::Recipients(all))
    }

    /// From a passphrase of at least 12 characters.
    pub fn passphrase(passphrase: SecretString) -> Result<Self, KeyError> {
        if passphrase.expose_secret().chars().count() < SHORTEST {
            return Err(KeyError::Short);
        }
        Ok(Self::Passphrase(passphrase))
    }

    /// What of it may be known.
    pub fn shown(&self) -> Sealed {
        match self {
            Self::Recipients(all) => {
                Sealed::Recipients(all.iter().map(ToString::to_string).collect())
            }
            Self::Passphrase(_) => Sealed::Passphrase,
            Self::Unencrypted => Sealed::Unencrypted,
        }
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({:?})", self.shown())
    }
}

impl Key {
    /// From an age identity file: one key a line, empty lines and those with `#` aside.
    pub fn identities(file: &SecretString) -> Result<Self, KeyError> {
        let lines = file.expose_secret().lines().enumerate();
        let all = lines
            .map(|(index, line)| (index + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(line, text)| text.parse().map_err(|_| KeyError::Identity { line }))
            .collect::<Result<Vec<x25519::Identity>, _>>()?;
        if all.is_empty() {
            return Err(KeyError::NoKey);
        }
        Ok(Self::Identities(all))
    }

    /// What opens an archive sealed with the passphrase or not at all; `None` for recipients, whose keys are elsewhere.
    pub fn of(seal: &Seal) -> Option<Self> {
        match seal {
            Seal::Recipients(_) => None,
            Seal::Passphrase(passphrase) => Some(Self::Passphrase(passphrase.clone())),
            Seal::Unencrypted => Some(Self::Unencrypted),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identities(_) => "Key(identities)",
            Self::Passphrase(_) => "Key(passphrase)",
            Self::Unencrypted => "Key(none)",
        })
    }
}

/// What a new archive is written through.
pub(crate) enum SealWriter<W: Write> {
    Age(Box<age::stream::StreamWriter<W>>),
    Open(W),
}

impl<W: Write> SealWriter<W> {
    pub(crate) fn new(seal: &Seal, to: W) -> io::Result<Self> {
        let encryptor = match seal {
            Seal::Unencrypted => return Ok(Self::Open(to)),
            Seal::Recipients(all) => {
                Encryptor::with_recipients(all.iter().map(|r| r as &dyn age::Recipient))
            }
            Seal::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(passphrase.clone());
                recipient.set_work_factor(WORK);
                Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            }
        };
        let encryptor = encryptor.map_err(io::Error::other)?;
        Ok(Self::Age(Box::new(encryptor.wrap_output(to)?)))
    }

    /// Writes the end of the encryption.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Age(stream) => stream.finish(),
            Self::Open(inner) => Ok(inner),
        }
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Age(stream) => stream.write(buf),
            Self::Open(inner) => inner.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Age(stream) => stream.flush(),
            Self::Open(inner) => inner.flush(),
        }
    }
}

/// What an archive is read through.
pub(crate) enum SealReader<R: Read> {
    Age(Box<age::stream::StreamReader<BufReader<R>>>),
    Open(BufReader<R>),
}

/// Why a sealed archive could not be opened.
pub(crate) enum OpenError {
    Key(KeyError),
    Io(io::Error),
}

impl<R: Read> SealReader<R> {
    pub(crate) fn new(key: &Key, from: R) -> Result<Self, OpenError> {
        let mut from = BufReader::with_capacity(64 * 1024, from);
        let begins = from.fill_buf().map_err(OpenError::Io)?;
        let sealed = begins.starts_with(MAGIC);
        match (key, sealed) {
            (Key::Unencrypted, true) => return Err(OpenError::Key(KeyError::Encrypted)),
            (Key::Unencrypted, false) => return Ok(Self::Open(from)),
            // nothing at all: the reader says how it ends too early
            (_, false) if begins.is_empty() => return Ok(Self::Open(from)),
            (_, false) => return Err(OpenError::Key(KeyError::NotEncrypted)),
            (_, true) => {}
        }
        let decryptor =
            Decryptor::new_buffered(from).map_err(|e| said(e, KeyError::WrongIdentity))?;
        let stream = match key {
            Key::Identities(_) if decryptor.is_scrypt() => {
                return Err(OpenError::Key(KeyError::NeedsPassphrase));
            }
            Key::Passphrase(_) if !decryptor.is_scrypt() => {
                return Err(OpenError::Key(KeyError::NeedsIdentity));
            }
            Key::Identities(all) => decryptor
                .decrypt(all.iter().map(|i| i as &dyn age::Identity))
                .map_err(|e| said(e, KeyError::WrongIdentity))?,
            Key::Passphrase(passphrase) => {
                let mut identity = scrypt::Identity::new(passphrase.clone());
                identity.set_max_work_factor(WORK_MAX);
                decryptor
                    .decrypt(std::iter::once(&identity as &dyn age::Identity))
                    .map_err(|e| said(e, KeyError::WrongPassphrase))?
            }
            Key::Unencrypted => return Err(OpenError::Key(KeyError::Encrypted)),
        };
        Ok(Self::Age(Box::new(stream)))
    }
}

impl<R: Read> Read for SealReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Age(stream) => stream.read(buf),
            Self::Open(inner) => inner.read(buf),
        }
    }
}

fn said(error: age::DecryptError, wrong: KeyError) -> OpenError {
    use age::DecryptError as E;
    match error {
        E::Io(source) => OpenError::Io(source),
        E::ExcessiveWork { .. } => OpenError::Key(KeyError::TooMuchWork),
        E::DecryptionFailed | E::KeyDecryptionFailed | E::NoMatchingKeys => OpenError::Key(wrong),
        // a changed header; its words are of the library and carry no content
        other => OpenError::Io(io::Error::new(
            io::ErrorKind::InvalidData,
            other.to_string(),
        )),
    }
}
