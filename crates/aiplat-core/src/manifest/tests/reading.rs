//! Single lines: what is read, and what is refused.

use super::super::{Manifest, Syntax};
use super::value_of;
use crate::settings::{Expected, WarningKind};

/// `K0` refers to `K1`, that to `K2`, and so on.
fn chain(length: usize) -> String {
    let line = |n: usize| format!("K{n}=${{K{}}}\n", n + 1);
    (0..length).map(line).collect::<Vec<_>>().concat()
}

#[test]
fn values_are_literal() {
    let table = [
        ("K=plain", "plain"),
        ("K=", ""),
        ("K=\n", ""),
        ("  export \t K=v", "v"),
        ("exportK=1\nK=v", "v"),
        ("K = v ", "v"),
        ("K= # note", ""),
        ("K=\t# note", ""),
        ("K=#x", "#x"),
        ("K=v#x # note", "v#x"),
        ("K=v\t#x", "v\t#x"),
        ("K=two words\r\n", "two words"),
        ("K='a # b'", "a # b"),
        ("K='a\\'", "a\\"),
        ("K='a\nb' # note\n", "a\nb"),
        ("K=\"a\r\nb\"", "a\r\nb"),
        (r#"K="a\\b\"c\$d\`e\nf\tg""#, "a\\b\"c$d`e\\nf\\tg"),
        (r"K=a\b\nc\'d", r"a\b\nc\'d"),
        ("K=$HOME $$ $(id) $", "$HOME $$ $(id) $"),
        ("K=a'b\"c", "a'b\"c"),
        ("K==x=", "=x="),
        ("A=1\nK=${A}2", "12"),
        ("K=\"${A}2\"\nA=1", "12"),
        ("A=1\nK='${A}2'", "${A}2"),
        ("A=1\nK=\"\\${A}2\"", "${A}2"),
        ("A=${B}${B}\nB='$x'\nK=${A}", "$x$x"),
        ("K=1\nK=2", "2"),
        ("\u{feff}K=v", "v"),
    ];
    for (text, value) in table {
        assert_eq!(value_of(text), value, "{text:?}");
    }
}

#[test]
fn what_is_no_manifest_is_refused_with_its_line() {
    let deep = chain(12) + "K12=x\n";
    let long = format!("A='{}'\nK=${{A}}${{A}}", "x".repeat(3000));
    let table = [
        ("K", 1, Syntax::Assignment),
        ("\n\nexport K", 3, Syntax::Assignment),
        ("K: v", 1, Syntax::Assignment),
        ("1K=v", 1, Syntax::Key),
        ("K.a=v", 1, Syntax::Key),
        ("a b=v", 1, Syntax::Key),
        ("=v", 1, Syntax::Key),
        ("A=1\nK='x", 2, Syntax::ClosingQuote),
        ("K=\"x\\\"", 1, Syntax::ClosingQuote),
        ("K='x\nA='y'\n", 1, Syntax::ClosingQuote),
        ("K='x'y", 1, Syntax::AfterQuote),
        ("K='x'#y", 1, Syntax::AfterQuote),
        ("K='a\\'b'", 1, Syntax::AfterQuote),
        ("K=x\0", 1, Syntax::NoNul),
        ("# \0", 1, Syntax::NoNul),
        ("A=1\nK='\n\0'", 2, Syntax::NoNul),
        ("K=${A", 1, Syntax::Reference),
        ("K=${A:-x}", 1, Syntax::Reference),
        ("K=${}", 1, Syntax::Reference),
        ("K=${A}", 1, Syntax::KnownReference),
        ("K=${K}", 1, Syntax::NoCircle),
        (deep.as_str(), 1, Syntax::Depth),
        (long.as_str(), 2, Syntax::Length),
    ];
    for (text, line, syntax) in table {
        let problems = Manifest::parse(text).expect_err(text);
        let first = &problems.all()[0];
        let found = (first.line, first.expected.clone());
        assert_eq!(found, (Some(line), Expected::Syntax(syntax)), "{text:?}");
    }
}

#[test]
fn all_problems_come_at_once() {
    let text = "oops\nA=1\nB='x'y\n9=1\nC=${\nD='open\n";
    let problems = Manifest::parse(text).expect_err("five lines are wrong");
    let lines: Vec<_> = problems.all().iter().map(|p| p.line).collect();
    assert_eq!(lines, [Some(1), Some(3), Some(4), Some(5), Some(6)]);

    let text = "A=${B}\nB=${A}\nC=${NOT}\nD=${C}\nE=${B}\n";
    let problems = Manifest::parse(text).expect_err("a circle and an unknown key");
    let keys: Vec<_> = problems
        .all()
        .iter()
        .filter_map(|p| p.key.as_deref())
        .collect();
    assert_eq!(keys, ["A", "C"], "what only follows is not told again");
}

#[test]
fn bytes_that_are_no_text_are_a_problem_of_their_line() {
    let problems = Manifest::parse_bytes(b"A=1\nB=\xff\xfe\n").expect_err("not UTF-8");
    assert_eq!(problems.to_string(), "line 2: expected text in UTF-8");
    assert!(Manifest::parse_bytes("A=é".as_bytes()).is_ok());
}

#[test]
fn duplicates_are_told_and_the_last_holds() {
    let manifest = Manifest::parse("A=1\nB='\n'\nA=2\n\nA=3\n").expect("well formed");
    assert_eq!(manifest.line("A"), Some(6));
    let told: Vec<_> = manifest
        .warnings()
        .into_iter()
        .map(|w| (w.line, w.kind))
        .collect();
    let kept = || WarningKind::Duplicate { kept: 6 };
    assert_eq!(told, [(Some(1), kept()), (Some(4), kept())]);
    let keys: Vec<_> = manifest
        .iter()
        .map(|(key, value)| (key, value.expose()))
        .collect();
    assert_eq!(keys, [("B", "\n"), ("A", "3")]);
}

#[test]
fn references_cannot_blow_up() {
    let wide = |n: usize| format!("K{n}={}\n", format!("${{K{}}}", n + 1).repeat(200));
    for base in ["K9=\n", "K9=x\n"] {
        let text: String = (1..9).map(wide).collect::<String>() + base;
        let _ = Manifest::parse(&text);
    }
    let problems = Manifest::parse(&(chain(20_000) + "K20000=x\n")).expect_err("far too deep");
    assert_eq!(problems.all().len(), 20_000 - 8);
}

#[test]
fn lines_that_other_readers_read_differently_are_named() {
    let differs = [
        "K= v",
        "K =v",
        "K=a b",
        "K=$A",
        "K=a\\b",
        "K=\"$A\"",
        "K=\"a\\n\"",
        "K=\"a`\"",
        "K='a\\'",
        "K=v\r\n",
        "K= # note",
        "K=${B}\nB=1",
        "K=~/x",
        "K=a\u{a0}b",
        "K=a;b",
        "\u{a0}K=v",
        "K='v'\u{a0}# note",
        "K=a\t#b",
    ];
    for text in differs {
        let manifest = Manifest::parse(text).expect(text);
        assert_eq!(manifest.differences().len(), 1, "{text:?}");
    }
    let same = [
        "K=v # note",
        "K=",
        "K='a b'",
        "K=\"a\\\\ \\$ \\\"\"",
        "B=1\nK=${B}/x",
        "K=a#b\nK=b",
        "export K=v",
    ];
    for text in same {
        let manifest = Manifest::parse(text).expect(text);
        assert!(manifest.differences().is_empty(), "{text:?}");
    }
}
