//! The kernel's own record of what it denied.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

/// `profile<TAB>operation<TAB>name` of each denial, once each.
pub(crate) fn denials() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let nonblocking = i32::from_ne_bytes(rustix::fs::OFlags::NONBLOCK.bits().to_ne_bytes());
    let Ok(mut log) = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open("/dev/kmsg")
    else {
        return found;
    };
    // one read is one record; a record that was overwritten meanwhile is an error of its own
    let mut record = [0; 8192];
    loop {
        match log.read(&mut record) {
            Ok(0) => break,
            Ok(length) => {
                let text = String::from_utf8_lossy(&record[..length]);
                if text.contains("apparmor=\"DENIED\"") {
                    let value = |key| field(&text, key).unwrap_or("-").to_owned();
                    let (profile, operation) = (value("profile="), value("operation="));
                    found.insert(format!("{profile}\t{operation}\t{}", value(" name=")));
                }
            }
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error()) => {}
            Err(_) => break,
        }
    }
    found
}

/// The value after `key`, quoted or not.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = &text[text.find(key)? + key.len()..];
    rest.strip_prefix('"').map_or_else(
        || rest.split([' ', '\n']).next(),
        |quoted| quoted.split('"').next(),
    )
}
