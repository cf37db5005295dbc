//! Exit codes: one table, shown by `aiplat help exit-codes` and in the manual page.

/// How the command ended. The codes are part of the interface: none changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// All is well.
    Ok,
    /// Something failed that has no code of its own.
    Failure,
    /// `plan` only: deploy would change something.
    Changes,
    /// The manifest, a setting or a service file is wrong.
    Invalid,
    /// Something is held by another stack or by nobody of ours, or this stack itself forbids it.
    Refused,
    /// The engine does not answer, or is too old.
    Engine,
    /// A service is not healthy.
    Unhealthy,
    /// Another run works on the stack.
    Locked,
    /// Somebody has to agree first.
    Unconfirmed,
    /// The host lacks something.
    Host,
    /// There is no stack where one was looked for.
    NoStack,
    /// `doctor` or `audit verify` found something.
    Findings,
    /// `verify` found a breach, or could not try something.
    Breach,
    /// The command line cannot be understood.
    Usage,
    /// `exec` only: what the program in the container ended with.
    Program(u8),
}

impl Exit {
    /// Every way to end, in the order of the codes.
    pub const ALL: [Self; 14] = [
        Self::Ok,
        Self::Failure,
        Self::Changes,
        Self::Invalid,
        Self::Refused,
        Self::Engine,
        Self::Unhealthy,
        Self::Locked,
        Self::Unconfirmed,
        Self::Host,
        Self::NoStack,
        Self::Findings,
        Self::Breach,
        Self::Usage,
    ];

    /// Code, word and meaning.
    #[rustfmt::skip] // one row a code
    const fn row(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::Ok => (0, "ok", "all is well, or is as wanted now"),
            Self::Failure => (1, "failure", "something failed that has no code of its own; the same command again goes on from there"),
            Self::Changes => (2, "changes", "`plan` only: deploy would change something"),
            Self::Invalid => (3, "invalid", "the manifest, a setting, a service file or what they ask for is wrong; nothing was touched"),
            Self::Refused => (4, "refused", "it may not be done as things stand: a name, port, user, subnet, directory or disk is held by another stack or by an object that is not this stack's, or something of this stack forbids it; nothing was touched"),
            Self::Engine => (5, "engine", "the container engine does not answer, is too old, or does not have an image and cannot get it"),
            Self::Unhealthy => (6, "unhealthy", "a service did not become healthy, or is not healthy now"),
            Self::Locked => (7, "locked", "another run works on this stack, or reserves; the message says who"),
            Self::Unconfirmed => (8, "unconfirmed", "somebody has to agree, and there is no terminal and no `--yes`, or the answer was no; nothing was touched"),
            Self::Host => (9, "host", "the host lacks something: a volume, rights, free space, AppArmor where it is required"),
            Self::NoStack => (10, "no-stack", "there is no stack where one was looked for"),
            Self::Findings => (11, "findings", "`doctor`, `audit verify` or `backup --verify` found something that must be mended or looked into"),
            Self::Breach => (12, "breach", "`verify` found a breach of isolation, or something that it could not try"),
            Self::Usage => (64, "usage", "the command line cannot be understood"),
            Self::Program(code) => (code, "program", "`exec` only: what the program in the container ended with"),
        }
    }

    /// The process' exit code.
    pub const fn code(self) -> u8 {
        self.row().0
    }

    /// The word that JSON output has for it.
    pub const fn word(self) -> &'static str {
        self.row().1
    }

    /// What it means.
    pub const fn about(self) -> &'static str {
        self.row().2
    }

    /// The table, one line a code.
    pub fn table() -> String {
        Self::ALL
            .iter()
            .map(|e| format!("{:>4}  {:<12} {}\n", e.code(), e.word(), e.about()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_words_are_each_used_once_and_in_order() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|e| e.code()).collect();
        assert!(codes.is_sorted());
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        let words: BTreeSet<_> = Exit::ALL.iter().map(|e| e.word()).collect();
        assert_eq!(words.len(), Exit::ALL.len());
        assert_eq!(Exit::table().lines().count(), Exit::ALL.len());
    }
}
