//! What a project uses and may use, as `repquota` tells it of the kernel.

use std::ffi::OsStr;
use std::path::Path;

use crate::host::HostError;
use crate::host::program::Program;

/// Bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) used_bytes: u64,
    pub(super) limit_bytes: Option<u64>,
}

/// Of one project in the file system that is mounted at `at`; a project that nothing belongs to has none of either.
pub(super) fn usage(repquota: &Program, at: &Path, project: u32) -> Result<Usage, HostError> {
    let words = ["-P", "-n", "-p", "-O", "csv"].map(OsStr::new);
    let words = [&words[..], &[at.as_os_str()]].concat();
    let output = repquota.run(&words, b"")?.checked()?;
    parse(&output.stdout, project).ok_or_else(|| HostError::Program {
        command: output.command,
        output: "expected a table with the columns `BlockUsed` and `BlockHardLimit`".to_owned(),
    })
}

/// By the names of the columns, in kibibytes.
fn parse(text: &str, project: u32) -> Option<Usage> {
    let mut lines = text
        .lines()
        .skip_while(|line| !line.starts_with("Project,"));
    let head: Vec<&str> = lines.next()?.split(',').collect();
    let column = |name: &str| head.iter().position(|found| *found == name);
    let (used, soft, hard) = (
        column("BlockUsed")?,
        column("BlockSoftLimit")?,
        column("BlockHardLimit")?,
    );
    let name = format!("#{project}");
    let Some(line) = lines.find(|line| line.split(',').next() == Some(name.as_str())) else {
        return Some(Usage::default());
    };
    let cells: Vec<&str> = line.split(',').collect();
    let bytes =
        |at: usize| -> Option<u64> { cells.get(at)?.parse::<u64>().ok()?.checked_mul(1024) };
    let limits = [bytes(soft)?, bytes(hard)?];
    Some(Usage {
        used_bytes: bytes(used)?,
        // a soft limit holds as well, after a time
        limit_bytes: limits.into_iter().filter(|limit| *limit > 0).min(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Project,BlockStatus,FileStatus,BlockUsed,BlockSoftLimit,BlockHardLimit,BlockGrace,FileUsed,\
                        FileSoftLimit,FileHardLimit,FileGrace\n";

    fn of(rows: &str) -> Option<(u64, Option<u64>)> {
        parse(&format!("{HEAD}{rows}"), 1_634_272_232).map(|u| (u.used_bytes, u.limit_bytes))
    }

    #[test]
    fn the_table_is_read_by_its_columns() {
        let other = "#0,ok,ok,13,0,0,0,2,0,0,0\n";
        assert_eq!(of(other), Some((0, None)));
        let own = |cells: &str| format!("{other}#1634272232,{cells}\n");
        assert_eq!(of(&own("ok,ok,3,0,0,0,3,0,0,0")), Some((3072, None)));
        assert_eq!(
            of(&own("ok,ok,3,0,10240,0,3,0,0,0")),
            Some((3072, Some(10 << 20)))
        );
        // what somebody else set beside it holds too
        assert_eq!(
            of(&own("soft,ok,3,1,10240,0,3,0,0,0")),
            Some((3072, Some(1024)))
        );
        // a project whose number begins alike is another one
        assert_eq!(of("#16342722321,ok,ok,9,0,9,0,1,0,0,0\n"), Some((0, None)));
        assert_eq!(of(&own("ok,ok,three,0,0,0,3,0,0,0")), None);
        assert_eq!(parse("nothing of the kind\n", 1), None);
    }
}
