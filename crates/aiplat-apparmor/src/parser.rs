//! The seam to `apparmor_parser`, and the judgement of what it printed.

use thiserror::Error;

use crate::{Profile, ProfileName};

/// What a run of the parser left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParserOutput {
    /// The exit code was 0.
    pub success: bool,
    /// Standard output, lossily decoded.
    pub stdout: String,
    /// Standard error, lossily decoded.
    pub stderr: String,
}

/// `apparmor_parser`, run by somebody who may do I/O.
pub trait Parser {
    /// Why the program could not be run at all.
    type Error: std::error::Error + Send + Sync + 'static;

    /// `-N`: prints the names of the profiles in `text`, one a line.
    fn names(&self, text: &str) -> Result<ParserOutput, Self::Error>;

    /// `-Q -K`: compiles `text` without loading and without a cache.
    fn compile(&self, text: &str) -> Result<ParserOutput, Self::Error>;
}

/// What the parser did not like, or what it found and should not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejected {
    /// Non-zero exit, or "parser error" in the output (which snapd saw together with exit 0).
    #[error("apparmor_parser refused the profile `{name}`: {first_line}")]
    Failed {
        /// The profile.
        name: ProfileName,
        /// The first line it printed that says why.
        first_line: String,
    },
    /// The text defines other profiles than the one it was made for.
    #[error("expected the text to define exactly `{name}`, the parser found {found:?}")]
    Names {
        /// The profile.
        name: ProfileName,
        /// The names it printed.
        found: Vec<String>,
    },
}

/// [`check_profile`] failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError<E: std::error::Error + 'static> {
    /// The parser could not be run.
    #[error("could not run apparmor_parser")]
    Run(#[source] E),
    /// The parser ran and the profile is not what it should be.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// Judges a run: exit 0 and nowhere "parser error".
pub fn check_compiled(name: &ProfileName, output: &ParserOutput) -> Result<(), Rejected> {
    let complaint = |line: &&str| line.to_ascii_lowercase().contains("parser error");
    let lines = || output.stderr.lines().chain(output.stdout.lines());
    if output.success && !lines().any(|line| complaint(&line)) {
        return Ok(());
    }
    let first_line = lines()
        .find(complaint)
        .or_else(|| lines().find(|line| !line.trim().is_empty()))
        .unwrap_or("no message")
        .to_owned();
    Err(Rejected::Failed {
        name: name.clone(),
        first_line,
    })
}

/// Judges `-N`: exactly the one expected name was printed. Catches any text that broke out of the
/// profile it was meant to be.
pub fn check_names(expected: &ProfileName, output: &ParserOutput) -> Result<(), Rejected> {
    check_compiled(expected, output)?;
    let found: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
    if found.iter().map(String::as_str).eq([expected.as_str()]) {
        Ok(())
    } else {
        Err(Rejected::Names {
            name: expected.clone(),
            found,
        })
    }
}

/// Both checks on one profile, with the real parser behind `parser`.
pub fn check_profile<P: Parser>(parser: &P, profile: &Profile) -> Result<(), CheckError<P::Error>> {
    let text = profile.to_string();
    check_names(
        profile.name(),
        &parser.names(&text).map_err(CheckError::Run)?,
    )?;
    check_compiled(
        profile.name(),
        &parser.compile(&text).map_err(CheckError::Run)?,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(success: bool, stdout: &str, stderr: &str) -> ParserOutput {
        ParserOutput {
            success,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        }
    }

    #[test]
    fn exactly_one_name() {
        let name: ProfileName = "aiplat-a.b".parse().unwrap();
        assert_eq!(
            check_names(&name, &printed(true, "aiplat-a.b\n", "")),
            Ok(())
        );
        for stdout in [
            "",
            "aiplat-a.b\nevil\n",
            "evil\n",
            "aiplat-a.b \n",
            "aiplat-a.b//x\n",
        ] {
            assert!(
                check_names(&name, &printed(true, stdout, "")).is_err(),
                "{stdout:?}"
            );
        }
        assert!(check_names(&name, &printed(false, "aiplat-a.b\n", "")).is_err());
    }

    #[test]
    fn exit_zero_with_an_error_is_an_error() {
        let name: ProfileName = "aiplat-a.b".parse().unwrap();
        let output = printed(true, "", "warning\nAppArmor parser error for x line 3\n");
        assert_eq!(
            check_compiled(&name, &output),
            Err(Rejected::Failed {
                name,
                first_line: "AppArmor parser error for x line 3".to_owned()
            })
        );
    }
}
