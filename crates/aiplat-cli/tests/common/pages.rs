//! The pages of the manual and the examples in them: what runs them and what reads them share this.

use std::path::{Path, PathBuf};

/// One page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Its path below the repository, such as `docs/manual/deploy.md`.
    pub(crate) name: String,
    #[allow(dead_code, reason = "one of the two that share this file asks for it")]
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// One ```` ```console ```` block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Where it begins, counted from 1.
    pub(crate) line: usize,
    /// Why it cannot be run here, where the fence says so.
    pub(crate) no_run: Option<String>,
    pub(crate) examples: Vec<Example>,
}

/// One `$` line and what is shown below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) line: usize,
    /// For a shell, without the remark on its exit code.
    pub(crate) command: String,
    pub(crate) exit: i32,
    /// Lines; none means that nothing is said about the output.
    pub(crate) expected: Vec<String>,
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository")
}

/// Every page of the manual, and the README.
pub(crate) fn pages() -> Vec<Page> {
    let root = root();
    let manual = std::fs::read_dir(root.join("docs/manual")).expect("docs/manual");
    let mut paths: Vec<PathBuf> = manual
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    paths.push(root.join("README.md"));
    paths.sort();
    let page = |path: PathBuf| Page {
        name: path.strip_prefix(&root).unwrap().display().to_string(),
        text: std::fs::read_to_string(&path).expect("a page is UTF-8"),
        path,
    };
    paths.into_iter().map(page).collect()
}

impl Page {
    /// The value of a remark such as `<!-- stack: redis,caddy -->`.
    pub(crate) fn remark(&self, key: &str) -> Option<&str> {
        let begin = format!("<!-- {key}: ");
        let rest = self.text.split(&begin).nth(1)?;
        Some(rest.split(" -->").next()?.trim())
    }

    /// The examples, in order.
    ///
    /// # Panics
    ///
    /// When a fence is not closed or says anything but `no-run="a reason"`.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut fence: Option<Option<(Block, Vec<&str>)>> = None;
        for (index, line) in self.text.lines().enumerate() {
            let number = index + 1;
            let Some(open) = fence.as_mut() else {
                if let Some(info) = line.trim_start().strip_prefix("```") {
                    let block = self.opened(info, number);
                    fence = Some(block.map(|block| (block, Vec::new())));
                }
                continue;
            };
            if line.trim() != "```" {
                if let Some((_, lines)) = open {
                    lines.push(line);
                }
                continue;
            }
            if let Some((mut block, lines)) = fence.take().flatten() {
                block.examples = examples(&lines, block.line + 1);
                let at = format!("{}:{}", self.name, block.line);
                assert!(
                    !block.examples.is_empty(),
                    "{at}: expected a line that begins with `$ `"
                );
                blocks.push(block);
            }
        }
        assert!(fence.is_none(), "{}: a fence is not closed", self.name);
        blocks
    }

    fn opened(&self, info: &str, line: usize) -> Option<Block> {
        let more = info.strip_prefix("console")?.trim();
        let no_run = (!more.is_empty()).then(|| {
            let reason = more
                .strip_prefix("no-run=\"")
                .and_then(|r| r.strip_suffix('"'));
            let at = format!("{}:{line}", self.name);
            let reason =
                reason.unwrap_or_else(|| panic!("{at}: expected `console no-run=\"a reason\"`"));
            assert!(reason.len() > 5, "{at}: expected a reason");
            reason.to_owned()
        });
        Some(Block {
            line,
            no_run,
            examples: Vec::new(),
        })
    }
}

fn examples(lines: &[&str], first: usize) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut continued = false;
    for (index, line) in lines.iter().enumerate() {
        match (line.strip_prefix("$ "), examples.last_mut()) {
            (Some(command), _) if !continued => examples.push(Example {
                line: first + index,
                command: command.to_owned(),
                exit: 0,
                expected: Vec::new(),
            }),
            (_, Some(example)) if continued => {
                example.command = format!("{}\n{line}", example.command);
            }
            (_, Some(example)) => example.expected.push(line.trim_end().to_owned()),
            (_, None) => panic!("line {}: expected `$ ` before any output", first + index),
        }
        continued = examples
            .last()
            .is_some_and(|e| e.expected.is_empty() && e.command.ends_with('\\'));
    }
    for example in &mut examples {
        while example.expected.last().is_some_and(String::is_empty) {
            example.expected.pop();
        }
        if let Some((command, code)) = example.command.rsplit_once("# exit ") {
            example.exit = code.trim().parse().expect("expected `# exit NUMBER`");
            example.command = command.trim_end().to_owned();
        }
    }
    examples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_its_commands_exit_codes_and_outputs() {
        let text = "# x\n<!-- stack: redis -->\n```sh\n$ not me\n```\n```console\n$ aiplat plan  # exit 2\n + a\n\n$ echo a \\\n  b\n```\n```console no-run=\"needs a tailnet\"\n$ x\n```\n";
        let page = Page {
            name: "x".into(),
            path: "x".into(),
            text: text.into(),
        };
        assert_eq!(page.remark("stack"), Some("redis"));
        let blocks = page.blocks();
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[1].no_run.as_deref(), Some("needs a tailnet"));
        let first = &blocks[0].examples[0];
        assert_eq!(
            (first.command.as_str(), first.exit, first.line),
            ("aiplat plan", 2, 7)
        );
        assert_eq!(first.expected, [" + a"]);
        assert_eq!(blocks[0].examples[1].command, "echo a \\\n  b");
    }
}
