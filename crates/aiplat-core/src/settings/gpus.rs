//! Graphics processors.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Expected;

/// `STACK_GPUS`: numbers of graphics processors, as the driver counts them, such as `0,1`; each once, at least one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gpus(BTreeSet<u32>);

/// More than any host has.
const LARGEST: u32 = 255;

impl Gpus {
    /// The numbers.
    pub fn numbers(&self) -> &BTreeSet<u32> {
        &self.0
    }
}

impl FromStr for Gpus {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let digits = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        if !words.iter().all(digits) {
            return Err(Expected::Gpus);
        }
        let numbers = words.iter().map(|word| word.parse().ok());
        let numbers: Option<BTreeSet<u32>> = numbers
            .map(|number: Option<u32>| number.filter(|n| *n <= LARGEST))
            .collect();
        let once = |all: &BTreeSet<u32>| all.len() == words.len();
        numbers.filter(once).map(Self).ok_or(Expected::Gpus)
    }
}

impl fmt::Display for Gpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&words.join(","))
    }
}

impl TryFrom<String> for Gpus {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        text.parse()
    }
}

impl From<Gpus> for String {
    fn from(gpus: Gpus) -> String {
        gpus.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_each_once() {
        for (text, said) in [
            ("0", "0"),
            ("1,0", "0,1"),
            (" 3 , 12", "3,12"),
            ("255", "255"),
        ] {
            assert_eq!(text.parse::<Gpus>().unwrap().to_string(), said);
        }
        for text in [
            "",
            ",",
            "0,",
            "0,0",
            "00,0",
            "-1",
            "+1",
            "256",
            "all",
            "0-3",
            "GPU-1",
            "4294967296",
        ] {
            assert_eq!(text.parse::<Gpus>(), Err(Expected::Gpus), "{text}");
        }
    }
}
