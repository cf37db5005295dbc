//! What each newtype takes and refuses.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use super::super::*;

#[track_caller]
fn holds<T>(good: &[&str], bad: &[&str])
where
    T: FromStr<Err = Expected> + Display + Debug + PartialEq,
{
    for text in good {
        let value: T = text
            .parse()
            .unwrap_or_else(|e| panic!("{text:?} refused: {e}"));
        // the canonical form is stable
        assert_eq!(value.to_string().parse().as_ref(), Ok(&value), "{text:?}");
    }
    for text in bad {
        assert!(text.parse::<T>().is_err(), "{text:?} taken");
    }
    assert!(
        "".parse::<T>().is_err() && "a\0".parse::<T>().is_err() && "a\nb".parse::<T>().is_err()
    );
}

#[test]
fn places() {
    let long = format!("/{}", "x".repeat(150));
    let good = [
        "/mnt/data",
        "/mnt/data2/",
        "/data",
        "/var/lib/ai",
        "/home/u/ai",
        "/srv/a_b-c.d",
        "/tmp/x",
    ];
    let bad = [
        "/",
        "//",
        "mnt/data",
        "./x",
        "/mnt//data",
        "/mnt/../etc",
        "/mnt/.",
        "/mnt",
        "/home/",
        "/etc",
        "/etc/aiplat",
        "/usr/share/x",
        "/proc/1",
        "/var/lib",
        "/var/lib/docker/x",
        "/mnt/a b",
        "/mnt/a$b",
        "/mnt/\u{e9}",
        "/mnt/a'b",
        "/mnt/{a,b}",
        "/mnt/a*",
        &long,
    ];
    holds::<BaseDir>(&good, &bad);
    holds::<AbsolutePath>(&["/etc/apparmor.d", "/a"], &["/", "a", "/a//b", "/../a"]);
    let base: BaseDir = "/mnt/data".parse().expect("valid");
    assert_eq!(
        base.as_absolute().join("a/b").expect("valid").as_str(),
        "/mnt/data/a/b"
    );
    assert_eq!(base.as_absolute().join("../x"), None);
}

#[test]
fn names() {
    let long = ["a"; 115].join(".");
    let label = "a".repeat(64);
    holds::<Domain>(
        &[
            "ai.localhost",
            "localhost",
            "xn--bcher-kva.example",
            "1.example",
            "AI.Example.ORG",
        ],
        &[
            "a..b",
            ".a",
            "a.",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a b",
            "10.0.0.1",
            "*.a",
            "a/b",
            "b\u{fc}cher.de",
            &long,
            &label,
        ],
    );
    let mixed: Domain = "AI.Example.ORG".parse().expect("valid");
    assert_eq!(mixed.as_str(), "ai.example.org");
    holds::<DnsLabel>(&["a", "a-1", "Node"], &["-a", "a-", "a.b", &label]);
    holds::<Email>(
        &["a@b.org", "a.b+c@x.y"],
        &[
            "a",
            "@b.org",
            "a@",
            "a b@c.d",
            "a@b@c.d",
            "a@1.2",
            "\"a\"@b.c",
        ],
    );
    holds::<LocalName>(
        &["localhost", "127.0.0.1", "host.example"],
        &["::1", "a b", "http://x"],
    );
    holds::<ContainerPrefix>(&["a-", "A.b_", "1"], &["-a", "_a", "a/b", "a b", &label]);
    holds::<ModelName>(&["llama3.2:1b", "a/b:c", "x"], &["/a", "a b", "a$b", ":x"]);
    assert_eq!(
        DnsLabel::from_words("Open Claw!")
            .map(String::from)
            .as_deref(),
        Some("open-claw")
    );
    assert_eq!(
        DnsLabel::from_words(&"ab.".repeat(40)).map(|l| l.as_str().len() <= 63),
        Some(true)
    );
    assert_eq!(DnsLabel::from_words("..."), None);
}

#[test]
fn counts() {
    holds::<Uid>(
        &["1", "1000", "65534", "007"],
        &["0", "65535", "-1", "+1", "1.0", "0x1", "99999999999"],
    );
    holds::<Gid>(&["1", "65534"], &["0", "65535"]);
    holds::<HostPort>(&["1", "80", "65535"], &["0", "65536", "+80", "http"]);
    holds::<Pids>(&["1", "4194304"], &["0", "4194305"]);
    holds::<Dimensions>(&["1", "768", "16000"], &["0", "16001"]);
    assert_eq!(Uid::MAX.openclaw().get(), 64534);
    assert_eq!(Uid::FIRST_USER.openclaw().get(), 2000);
}

#[test]
fn sizes() {
    holds::<ByteSize>(
        &[
            "8g",
            "8G",
            "8GB",
            "8GiB",
            "512m",
            "1k",
            "1t",
            "1024",
            "1b",
            "9223372036854775807",
        ],
        &[
            "0",
            "0g",
            "g",
            "-1g",
            "1.5g",
            "8x",
            "8 g",
            "1ib",
            "8388608t",
            "9223372036854775808",
            "1gg",
        ],
    );
    let show = |text: &str| text.parse::<ByteSize>().expect("valid").to_string();
    assert_eq!(
        ["8192m", "1536m", "1000", "1GiB"].map(show),
        ["8g", "1536m", "1000", "1g"]
    );
    holds::<Cpus>(
        &["1", "2.5", "0.001", "64", "4.000"],
        &[
            "0", "0.0", "0.0001", ".5", "1.", "-1", "1e3", "4294968", "1,5",
        ],
    );
    let show = |text: &str| text.parse::<Cpus>().expect("valid").to_string();
    assert_eq!(
        ["1.50", "2.0", "0.125", "10"].map(show),
        ["1.5", "2", "0.125", "10"]
    );
}

#[test]
fn networks_and_images() {
    holds::<StackSubnet>(
        &[
            "10.0.0.0/16",
            "172.16.0.0/28",
            "172.31.255.240/28",
            "192.168.0.0/16",
            "10.200.7.0/24",
        ],
        &[
            "10.0.0.0/8",
            "10.0.0.0/29",
            "10.0.0.1/24",
            "8.8.8.0/24",
            "172.32.0.0/16",
            "100.64.0.0/16",
            "10.0.0.0",
            "fd00::/64",
        ],
    );
    let digest = format!("a/b@sha256:{}", "0".repeat(64));
    let both = format!("r.io:5000/a/b:1@sha256:{}", "a".repeat(64));
    holds::<ImageReference>(
        &[
            "nginx",
            "a/b:1.2-x_y",
            "localhost/aiplat/x",
            "localhost:5000/x:1",
            "a__b/c-d.e",
            "R.io/x",
            &digest,
            &both,
        ],
        &[
            "A",
            "a:",
            "a:-x",
            "a@sha256:1",
            "a//b",
            "/a",
            "a/",
            "a:1:2",
            "a_-b",
            "http://a/b",
            "a b",
            "r.io:0/x",
        ],
    );
    holds::<RegistryPrefix>(
        &[
            "localhost/aiplat",
            "r.example.org:5000",
            "r.example.org/mirror/",
        ],
        &["http://r.example.org", "a b", "r:x/y", "/a", "a/B", "r/a:1"],
    );
    holds::<Publish>(&["all", "ALL", "front-door"], &["none"]);
    holds::<AppArmorMode>(&["auto", "require", "off"], &["on"]);
    holds::<Switch>(
        &["true", "YES", "on", "1", "false", "no", "off", "0"],
        &["2", "y"],
    );
}
