//! What the numbers were taken on.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::floor::api::Api;

/// Processors of the engine's host, from which the product derives how much it does at once.
pub(crate) fn engine(address: &str) -> Result<(String, usize)> {
    let api = Api::at(address)?;
    let (version, info) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            Ok::<_, crate::Failure>((api.get("/version").await?, api.get("/info").await?))
        })?;
    let cpus = info["NCPU"].as_u64().unwrap_or(1);
    let words = format!(
        "engine {} (API {}), {}, {} containers there before",
        version["Version"].as_str().unwrap_or("?"),
        version["ApiVersion"].as_str().unwrap_or("?"),
        info["Driver"].as_str().unwrap_or("?"),
        info["Containers"],
    );
    Ok((words, usize::try_from(cpus)?))
}

/// The host in one line.
pub(crate) fn host(folder: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0);
    let file_system = said("df", &["--output=fstype", &folder.display().to_string()]);
    format!(
        "{cpus} processors, {} GiB, Linux {}, BASE_DIR on {}",
        kib >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        file_system.lines().last().unwrap_or("?"),
    )
}

/// The load of the last minute.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

/// What a program says on standard output.
pub(crate) fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    text.unwrap_or_default()
}
