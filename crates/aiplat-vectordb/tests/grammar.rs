//! Each grammar by examples. Those of Chroma were tried on a 1.5.9 server and answered the same.

use aiplat_vectordb::{ChromaName, ClassName, CollectionName, ExtensionName, Grammar, SqlIdent};

fn accepts(grammar: Grammar, good: &[&str], bad: &[&str]) {
    for name in good {
        assert!(grammar.accepts(name), "{grammar:?} refuses {name:?}");
    }
    for name in bad {
        assert!(!grammar.accepts(name), "{grammar:?} accepts {name:?}");
    }
    let longest = good[0]
        .chars()
        .next()
        .unwrap()
        .to_string()
        .repeat(grammar.max_bytes);
    assert!(grammar.accepts(&longest));
    assert!(!grammar.accepts(&(longest + "a")));
    assert!(!grammar.accepts(""));
}

#[test]
fn qdrant() {
    accepts(
        CollectionName::GRAMMAR,
        &["a", "open-webui_x", "with blank", "größe", "A.b", "..."],
        &[
            ".", "..", "a/b", "a\\b", "a:b", "a*", "a?", "a|b", "<a", "a>", "a\"", "a\0", "a\x1f",
            "a\n",
        ],
    );
}

#[test]
fn weaviate() {
    accepts(
        ClassName::GRAMMAR,
        &["A", "Vector_index_1", "A__b"],
        &["a", "1A", "_A", "A-b", "A.b", "A b", "Größe", "A\n"],
    );
}

#[test]
fn postgres() {
    accepts(
        SqlIdent::GRAMMAR,
        &["a", "_a", "a1_b", "pgx", "pg"],
        &[
            "A", "aB", "1a", "a-b", "a b", "a\"b", "a'b", "a;b", "pg_a", "größe", "a\n",
        ],
    );
    accepts(
        ExtensionName::GRAMMAR,
        &["vector", "pg_trgm", "uuid-ossp"],
        &["Vector", "a b", "a\"", "-a", "a;"],
    );
}

#[test]
fn chroma() {
    accepts(
        ChromaName::GRAMMAR,
        &["abc", "a__b", "a.b-c", "2001", "1.2.3", "256.1.1.1", "ABC"],
        &[
            "ab",
            "ab_",
            "_ab",
            "-ab",
            ".ab",
            "a..b",
            "127.0.0.1",
            "a b",
            "größe",
            "a+b",
            "abc\n",
        ],
    );
}

/// An error says what was expected and never what was given.
#[test]
fn errors_carry_no_value() {
    let error = "hunter2;".parse::<SqlIdent>().unwrap_err().to_string();
    assert!(error.starts_with("expected a lower-case letter") && !error.contains("hunter2"));
    let error = serde_json::from_str::<ClassName>("\"hunter2\"")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("expected a capital letter") && !error.contains("hunter2"));
}
