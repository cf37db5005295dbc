//! A command line as the manual or the help shows it, held against what there is.

use clap::{Arg, Command};

/// The commands that a line of shell runs, each as the words of its path, such as `["catalog", "show"]`.
///
/// # Errors
///
/// Words on the command or flag that does not exist.
pub(super) fn commands(line: &str) -> Result<Vec<Vec<String>>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let starts = words
        .iter()
        .enumerate()
        .filter(|(_, word)| word.trim_start_matches(['$', '(']) == "aiplat");
    starts.map(|(at, _)| command(&words[at + 1..])).collect()
}

fn command(words: &[&str]) -> Result<Vec<String>, String> {
    let mut root = aiplat_cli::command();
    root.build();
    let mut path: Vec<String> = Vec::new();
    let mut at = &root;
    let mut words = words.iter().copied().peekable();
    let mut positional = 0;
    while let Some(word) = words.next() {
        // what follows is a program's own
        if word == "--" {
            break;
        }
        let ends = ['|', ';', '&', '>', '<', '#', '$', '\\', '(', '`'];
        if word.starts_with(ends) || word.starts_with("2>") {
            break;
        }
        // `aiplat plan; echo` and `$(aiplat ls)`
        let (word, last) = match word.find([';', ')']) {
            Some(end) => (&word[..end], true),
            None => (word, false),
        };
        if word.starts_with('-') {
            let (flag, value) = word
                .split_once('=')
                .map_or((word, None), |(f, v)| (f, Some(v)));
            let argument = flag_of(at, flag)
                .ok_or_else(|| format!("`aiplat {}` has no flag `{flag}`", path.join(" ")))?;
            let takes = argument.get_num_args().is_some_and(|n| n.min_values() > 0);
            // a value that may be left out is one when it stands there
            let may = argument.get_num_args().is_some_and(|n| n.max_values() > 0);
            let there = |word: &&str| !word.starts_with('-') && at.find_subcommand(word).is_none();
            if value.is_none() && (takes || (may && words.peek().is_some_and(there))) {
                words.next();
            }
        } else if passes_on(at) && given(at, &mut positional) {
            // the rest is another program's
            break;
        } else if let Some(sub) = at.find_subcommand(word) {
            path.push(sub.get_name().to_owned());
            at = sub;
        } else if at.has_subcommands() && !placeholder(word) {
            path.push(word.to_owned());
            return Err(format!("there is no `aiplat {}`", path.join(" ")));
        }
        if last {
            break;
        }
    }
    Ok(path)
}

/// Whether what stands at its end is a command line of another program.
fn passes_on(at: &Command) -> bool {
    at.get_positionals().any(Arg::is_trailing_var_arg_set)
}

/// Counts an argument without a flag; whether all have been seen that stand before the other program's.
fn given(at: &Command, positional: &mut usize) -> bool {
    *positional += 1;
    let own = at
        .get_positionals()
        .filter(|a| !a.is_trailing_var_arg_set());
    *positional >= own.count()
}

/// `COMMAND`, `<service>`, `…`
fn placeholder(word: &str) -> bool {
    word.contains('…')
        || word.starts_with(['<', '[', '{'])
        || word.chars().all(|c| c.is_ascii_uppercase())
}

fn flag_of<'a>(at: &'a Command, flag: &str) -> Option<&'a Arg> {
    at.get_arguments()
        .find(|argument| match flag.strip_prefix("--") {
            Some(long) => argument.get_long() == Some(long),
            // several short ones may stand together; the first tells whether they are known
            None => flag.chars().nth(1) == argument.get_short() && argument.get_short().is_some(),
        })
}

#[test]
fn a_line_is_its_commands() {
    let line = "BASE_DIR=/mnt/data2 aiplat -H x --json catalog show n8n | jq . && aiplat plan --vector-db chroma; echo $?";
    assert_eq!(
        commands(line).unwrap(),
        [vec!["catalog", "show"], vec!["plan"]]
    );
    assert_eq!(commands("case $(aiplat ls) in").unwrap(), [["ls"]]);
    let line = "aiplat exec -T postgres -- pg_dump -U postgres | aiplat exec a psql --version";
    assert_eq!(commands(line).unwrap(), [["exec"], ["exec"]]);
    assert!(commands("aiplat exec --nonsense a b").is_err());
    assert_eq!(
        commands("aiplat backup --verify /mnt/x --identity y").unwrap(),
        [["backup"]]
    );
    assert!(commands("aiplat nonsense").is_err());
    assert!(commands("aiplat plan --nonsense").is_err());
    assert!(commands("aiplat catalog nonsense").is_err());
}
