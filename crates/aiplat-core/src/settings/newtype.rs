//! What all newtypes of settings have in common: parsed from text once, shown as text, the same in files.

/// A validated text. `$parse` gives the canonical form, or `None` for what is not `$expected`.
macro_rules! text {
    ($(#[$doc:meta])* $type:ident, $expected:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::settings::Expected;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let parse: fn(&str) -> Option<String> = $parse;
                parse(text).map(Self).ok_or($crate::settings::Expected::$expected)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::settings::Expected;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> String {
                text.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A whole number within bounds, written in decimal digits only.
macro_rules! number {
    ($(#[$doc:meta])* $type:ident, $int:ty, $min:literal..=$max:literal, $expected:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub struct $type($int);

        impl $type {
            /// Smallest allowed number.
            pub const MIN: Self = Self($min);
            /// Largest allowed number.
            pub const MAX: Self = Self($max);

            /// The number, if it is within bounds.
            pub fn new(number: u32) -> Option<Self> {
                let number = <$int>::try_from(number).ok()?;
                ($min..=$max).contains(&number).then_some(Self(number))
            }

            /// The number.
            pub fn get(self) -> $int {
                self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::settings::Expected;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // `+5` is a number to `parse`
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse()
                    .ok()
                    .filter(|_| digits)
                    .and_then(Self::new)
                    .ok_or($crate::settings::Expected::$expected)
            }
        }

        impl TryFrom<u32> for $type {
            type Error = $crate::settings::Expected;

            fn try_from(number: u32) -> Result<Self, Self::Error> {
                Self::new(number).ok_or($crate::settings::Expected::$expected)
            }
        }

        impl From<$type> for u32 {
            fn from(number: $type) -> u32 {
                u32::from(number.0)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
