//! The two small things read from S3's XML that the library has no type for.

/// S3's own word for an error; empty when there is none.
pub(super) fn code(text: &str) -> String {
    let code = between(text, "<Code>", "</Code>").unwrap_or_default();
    let plain = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    if plain {
        code.to_owned()
    } else {
        String::new()
    }
}

/// Keys and ids of unfinished uploads. Keys of archives have nothing in them that XML would write otherwise, so others are
/// of no interest.
pub(super) fn uploads(text: &str) -> Vec<(String, String)> {
    text.split("<Upload>")
        .skip(1)
        .filter_map(|upload| {
            let key = between(upload, "<Key>", "</Key>")?;
            let id = between(upload, "<UploadId>", "</UploadId>")?;
            // with encoding, a `/` may come as `%2F`
            Some((key.replace("%2F", "/").replace("%2f", "/"), id.to_owned()))
        })
        .collect()
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_uploads() {
        let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        assert_eq!(code(error), "AccessDenied");
        assert_eq!(code("<Code>a b</Code>"), "");
        assert_eq!(code("<html>"), "");
        let list = "<R><Upload><Key>f%2Fa</Key><UploadId>1</UploadId></Upload>\
            <Upload><Initiated>x</Initiated><Key>b</Key><UploadId>2</UploadId></Upload></R>";
        let found = uploads(list);
        assert_eq!(found[0], ("f/a".to_owned(), "1".to_owned()));
        assert_eq!(found[1], ("b".to_owned(), "2".to_owned()));
    }
}
