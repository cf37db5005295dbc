//! Ports, sizes and counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Expected;

number! {
    /// A TCP port of the host.
    HostPort, u16, 1..=65535, Port
}

number! {
    /// `STACK_PIDS`: processes and threads of the whole stack; the kernel's own limit is 4194304 (2^22).
    Pids, u32, 1..=4_194_304, Pids
}

number! {
    /// `EMBEDDING_DIMENSIONS`: the length of the embedding model's vectors; 16000 is pgvector's limit for a column.
    Dimensions, u32, 1..=16000, Dimensions
}

/// A size in bytes, written as engines do: `512m`, `8g`, `8GiB`, `1073741824`; units are powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

const UNITS: [(char, u32); 4] = [('t', 40), ('g', 30), ('m', 20), ('k', 10)];

impl ByteSize {
    /// From bytes; `None` for 0 and for more than the engine's signed 64 bits.
    pub fn new(bytes: u64) -> Option<Self> {
        (bytes > 0 && i64::try_from(bytes).is_ok()).then_some(Self(bytes))
    }

    /// Bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let lower = text.to_ascii_lowercase();
        let end = lower
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(lower.len());
        let (digits, unit) = lower.split_at(end);
        let shift = match unit
            .strip_suffix("ib")
            .or(unit.strip_suffix('b'))
            .unwrap_or(unit)
        {
            "" if unit == "ib" => None,
            "" => Some(0),
            letter => UNITS
                .iter()
                .find(|(c, _)| letter.chars().eq([*c]))
                .map(|(_, shift)| *shift),
        };
        let number: Option<u64> = digits.parse().ok();
        let bytes = number
            .zip(shift)
            .and_then(|(number, shift)| number.checked_mul(1 << shift));
        bytes.and_then(Self::new).ok_or(Expected::ByteSize)
    }
}

/// The shortest exact form: `8g`, `1536m`, `1000`.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS
            .iter()
            .find(|(_, shift)| self.0.is_multiple_of(1 << shift))
        {
            Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

impl TryFrom<String> for ByteSize {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> String {
        size.to_string()
    }
}

/// Processors, in thousandths: `2`, `1.5`, `0.125`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpus(u32);

impl Cpus {
    /// From thousandths; `None` for 0.
    pub fn from_thousandths(thousandths: u32) -> Option<Self> {
        (thousandths > 0).then_some(Self(thousandths))
    }

    /// Thousandths of a processor.
    pub fn thousandths(self) -> u32 {
        self.0
    }

    /// Billionths of a processor, the engine API's `NanoCpus`.
    pub fn nano(self) -> u64 {
        u64::from(self.0) * 1_000_000
    }
}

impl FromStr for Cpus {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
            return Err(Expected::Cpus);
        }
        let whole: Option<u32> = whole.parse().ok();
        let thousandths: Option<u32> = format!("{decimals:0<3}").parse().ok();
        whole
            .zip(thousandths)
            .and_then(|(whole, rest)| whole.checked_mul(1000)?.checked_add(rest))
            .and_then(Self::from_thousandths)
            .ok_or(Expected::Cpus)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            write!(f, "{whole}")
        } else {
            f.write_str(format!("{whole}.{rest:03}").trim_end_matches('0'))
        }
    }
}

impl TryFrom<String> for Cpus {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        text.parse()
    }
}

impl From<Cpus> for String {
    fn from(cpus: Cpus) -> String {
        cpus.to_string()
    }
}
