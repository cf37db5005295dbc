//! Changes keep what they are not about.

use super::super::{EditError, Manifest, Value, assignment};

fn after(text: &str, key: &str, value: &str) -> String {
    let mut manifest = Manifest::parse(text).expect(text);
    manifest.set(key, value).expect("can be set");
    manifest.to_text()
}

#[test]
fn set_keeps_place_quoting_and_comment() {
    let table = [
        ("# c\nA=1 # n\nB=2\n", "x", "# c\nA=x # n\nB=2\n"),
        ("A='1'  # n\n", "x", "A='x'  # n\n"),
        ("  export A=\"1\"\r\nB=2", "x", "  export A=\"x\"\r\nB=2"),
        ("A=1 # n\n", "a b", "A='a b' # n\n"),
        ("A='1'\n", "it's", "A=\"it's\"\n"),
        ("A=1 # n\n", "", "A='' # n\n"),
        ("A=1\n", "", "A=\n"),
        ("A= # n\n", "v", "A=v # n\n"),
        ("A=1\nA=2\n", "3", "A=1\nA=3\n"),
        ("A=\n", "#x", "A='#x'\n"),
        ("B=1\nA=${B}\n", "2", "B=1\nA=2\n"),
        ("\u{feff}A=1", "2", "\u{feff}A=2"),
        ("A=\"1\n2\" # n\n", "3", "A=\"3\" # n\n"),
    ];
    for (before, value, expected) in table {
        assert_eq!(after(before, "A", value), expected, "{before:?}");
    }
}

#[test]
fn set_appends_in_the_files_own_line_ends() {
    assert_eq!(after("", "A", "1"), "A=1\n");
    assert_eq!(after("B=1", "A", "1"), "B=1\nA=1\n");
    assert_eq!(after("B=1\r\n# c", "A", "1"), "B=1\r\n# c\r\nA=1\r\n");
}

#[test]
fn a_placeholder_is_the_place() {
    assert_eq!(
        after("# A: x\r\n#A=\r\nB=2\r\n", "A", "1"),
        "# A: x\r\nA=1\r\nB=2\r\n"
    );
    assert_eq!(after("#A=", "A", "1"), "A=1");
    for comment in ["#A=5\n", "# A=\n", "##A=\n", "#AA=\n"] {
        assert_eq!(
            after(comment, "A", "1"),
            format!("{comment}A=1\n"),
            "other comments are kept"
        );
    }
    let mut manifest = Manifest::parse("#A=\n").expect("well formed");
    assert_eq!(
        manifest.append_section("derived", [("A", "1"), ("B", "2")]),
        Ok(2)
    );
    assert_eq!(manifest.to_text(), "A=1\n\n# derived\nB=2\n");
}

#[test]
fn the_same_value_changes_nothing() {
    let text = "B=1\nA=${B}\nC = \"x\"\n";
    let mut manifest = Manifest::parse(text).expect("well formed");
    for (key, value) in [("A", "1"), ("B", "1"), ("C", "x")] {
        assert_eq!(manifest.set(key, value), Ok(false));
    }
    assert_eq!(manifest.append_section("none", [("A", "1")]), Ok(0));
    assert_eq!(manifest.to_text(), text);
}

#[test]
fn what_cannot_be_set_changes_nothing() {
    let text = format!("A=1\nB={}\n", "${A}".repeat(1000));
    let mut manifest = Manifest::parse(&text).expect("well formed");
    assert_eq!(manifest.set("1A", "x"), Err(EditError::Key));
    assert_eq!(manifest.set("A", "x\0"), Err(EditError::NoNul));
    assert_eq!(manifest.set("A", "12345"), Err(EditError::Referenced));
    assert_eq!(manifest.remove("A"), Err(EditError::Referenced));
    assert_eq!(
        manifest.append_section("c", [("C", "1"), ("2", "x")]),
        Err(EditError::Key)
    );
    assert_eq!(manifest.to_text(), text);
    assert_eq!(manifest.get("A").map(Value::expose), Some("1"));
}

#[test]
fn a_section_has_its_comment_and_replaces_what_is_there() {
    let mut manifest = Manifest::parse("A=1").expect("well formed");
    let entries = [("A", "2"), ("B", "x y"), ("C", "3")];
    assert_eq!(
        manifest.append_section("derived\n\nkeep\u{7} it", entries),
        Ok(3)
    );
    let first = "A=2\n\n# derived\n#\n# keep it\nB='x y'\nC=3\n";
    assert_eq!(manifest.to_text(), first);
    assert_eq!(manifest.append_section("again", entries), Ok(0));
    assert_eq!(manifest.to_text(), first);
}

#[test]
fn a_section_that_comes_and_goes_leaves_the_file_as_it_was() {
    let before = "A=1\n\n# mine\nB=2\n";
    let mut manifest = Manifest::parse(before).unwrap();
    manifest.append_section("made", [("C", "3")]).unwrap();
    manifest.append_section("made", [("D", "4")]).unwrap();
    let both = format!("{before}\n# made\nC=3\nD=4\n");
    assert_eq!(manifest.to_text(), both, "one section, not two");
    manifest.drop_empty_section("made");
    assert_eq!(manifest.to_text(), both, "it is not empty");
    manifest.remove("C").unwrap();
    manifest.remove("D").unwrap();
    manifest.drop_empty_section("made");
    assert_eq!(manifest.to_text(), before);
    manifest.drop_empty_section("mine");
    assert_eq!(manifest.to_text(), before);
}

#[test]
fn remove_takes_every_line_of_the_key() {
    let mut manifest = Manifest::parse("# c\nA=1\nB=2\nA='\n' # n\nC=3").expect("well formed");
    assert_eq!(manifest.remove("A"), Ok(true));
    assert_eq!(manifest.to_text(), "# c\nB=2\nC=3");
    assert_eq!(manifest.remove("A"), Ok(false));
    assert!(manifest.get("A").is_none());
}

#[test]
fn one_line() {
    assert_eq!(assignment("A", "x y").as_deref(), Ok("A='x y'"));
    assert_eq!(assignment("A", "x\n").as_deref(), Ok("A='x\n'"));
}
