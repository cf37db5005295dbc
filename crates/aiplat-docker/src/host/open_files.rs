//! How many open files the engine's containers may ask for.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use procfs::FromBufRead;
use procfs::process::{LimitValue, Limits};

/// The processes that start containers.
const ENGINES: [&str; 4] = ["dockerd", "containerd", "podman", "conmon"];
/// The bit of the capability that lets a process raise its own limit (linux/capability.h).
const SYS_RESOURCE: u32 = 24;

/// The smallest among the engine's processes: the kernel's own ceiling where they may raise their limit, else their hard
/// limit. This process's where no engine runs here.
pub(crate) fn most(proc: &Path, engine_root: Option<&Path>) -> u64 {
    let ceiling = read(&proc.join("sys/fs/nr_open"))
        .and_then(|t| t.trim().parse().ok())
        .unwrap_or(1 << 20);
    let all = engines(proc);
    // several engines may run; the one that was asked about names its directory
    let named: Vec<_> = all
        .iter()
        .filter(|p| engine_root.is_some_and(|root| names(proc, p, root)))
        .collect();
    let chosen = if named.is_empty() {
        all.iter().collect()
    } else {
        named
    };
    let limits = chosen
        .into_iter()
        .filter_map(|process| limit(&proc.join(process), ceiling));
    limits
        .min()
        .or_else(|| limit(&proc.join("self"), ceiling))
        .unwrap_or(1024)
}

fn engines(proc: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(proc) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .filter(|name| {
            read(&proc.join(name).join("comm")).is_some_and(|comm| ENGINES.contains(&comm.trim()))
        })
        .collect()
}

fn names(proc: &Path, process: &str, root: &Path) -> bool {
    let line = std::fs::read(proc.join(process).join("cmdline")).unwrap_or_default();
    let root = root.as_os_str().as_bytes();
    line.windows(root.len().max(1)).any(|part| part == root)
}

fn limit(process: &Path, ceiling: u64) -> Option<u64> {
    let status = read(&process.join("status"))?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    let effective = u64::from_str_radix(effective.trim(), 16).ok()?;
    if effective & (1 << SYS_RESOURCE) != 0 {
        return Some(ceiling);
    }
    let limits = std::fs::read(process.join("limits")).ok()?;
    match Limits::from_buf_read(limits.as_slice())
        .ok()?
        .max_open_files
        .hard_limit
    {
        LimitValue::Value(most) => Some(most.min(ceiling)),
        LimitValue::Unlimited => Some(ceiling),
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LIMITS: &str =
        "Limit                     Soft Limit           Hard Limit           Units     \n";

    fn process(proc: &Path, pid: &str, comm: &str, line: &str, capabilities: &str, hard: &str) {
        let at = proc.join(pid);
        fs::create_dir_all(&at).unwrap();
        fs::write(at.join("comm"), format!("{comm}\n")).unwrap();
        fs::write(at.join("cmdline"), line).unwrap();
        fs::write(
            at.join("status"),
            format!("Name:\t{comm}\nCapEff:\t{capabilities}\n"),
        )
        .unwrap();
        let own = fs::read_to_string("/proc/self/limits").unwrap();
        let rows: Vec<String> = own
            .lines()
            .skip(1)
            .map(|row| {
                if row.starts_with("Max open files") {
                    format!(
                        "{:<25} {:<20} {hard:<20} {:<10}",
                        "Max open files", 1024, "files"
                    )
                } else {
                    row.to_owned()
                }
            })
            .collect();
        fs::write(at.join("limits"), format!("{LIMITS}{}\n", rows.join("\n"))).unwrap();
    }

    #[test]
    fn the_engine_s_limit_counts_and_of_several_the_one_that_is_meant() {
        let dir = tempfile::tempdir().unwrap();
        let proc = dir.path();
        fs::create_dir_all(proc.join("sys/fs")).unwrap();
        fs::write(proc.join("sys/fs/nr_open"), "1048576\n").unwrap();
        process(proc, "self", "aiplat", "", "0", "77");
        assert_eq!(most(proc, None), 77);
        process(
            proc,
            "10",
            "dockerd",
            "dockerd\0--data-root\0/a\0",
            "1fffeffffff",
            "5000",
        );
        process(
            proc,
            "11",
            "dockerd",
            "dockerd\0--data-root\0/b\0",
            "0",
            "9000",
        );
        process(proc, "12", "bash", "", "0", "5");
        assert_eq!(most(proc, Some(Path::new("/b"))), 9000);
        assert_eq!(most(proc, Some(Path::new("/a"))), 5000);
        assert_eq!(most(proc, None), 5000);
        process(
            proc,
            "10",
            "dockerd",
            "dockerd\0--data-root\0/a\0",
            "1ffffffffff",
            "5000",
        );
        assert_eq!(most(proc, Some(Path::new("/a"))), 1_048_576);
        assert!(most(Path::new("/proc"), None) > 0);
    }
}
