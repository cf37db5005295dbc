//! What must hold of everything made on the host and of the network.

use aiplat_apparmor::ProfileName;

use super::Checker;
use crate::desired::APPARMOR_SYSTEM_DIR;
use crate::spec::{
    DirectorySpec, FIREWALL_CHAIN, FileSpec, FirewallSpec, NetworkSpec, ProfileFile, QuotaSpec,
    project,
};

impl Checker<'_> {
    pub(super) fn directory(&mut self, spec: &DirectorySpec) {
        self.inside(&spec.path);
        self.expect(spec.mode & !0o750 == 0, "a directory is open to others");
        let owned = self.owned(spec.owner);
        self.expect(
            owned,
            format!("`{}` belongs to nobody of the stack", spec.path.display()),
        );
    }

    pub(super) fn file(&mut self, spec: &FileSpec) {
        let FileSpec {
            path,
            content,
            owner,
            mode,
        } = spec;
        self.inside(path);
        let closed = !content.is_secret() || mode | 0o700 == 0o700;
        self.expect(closed, "a secret file is readable by others");
        self.expect(mode & 0o7022 == 0, "a file may be written by others");
        let owned = self.owned(*owner);
        self.expect(
            owned,
            format!("`{}` belongs to nobody of the stack", path.display()),
        );
        self.shown(&format!("what is shown of `{}`", path.display()), content);
    }

    pub(super) fn quota(&mut self, spec: &QuotaSpec) {
        let own = spec.base_dir == self.config.base_dir();
        self.expect(own, "a limit of another directory than the stack's");
        let own = spec.project == project(self.config.allocation.uid);
        self.expect(own, "a limit of another stack's project");
    }

    pub(super) fn network(&mut self, spec: &NetworkSpec) {
        self.labels(&spec.labels);
        self.expect(
            spec.name == self.config.name().as_str(),
            "a network of another name",
        );
        self.expect(
            spec.bridge == self.config.id.bridge(),
            "a network with another bridge",
        );
        self.expect(
            spec.subnet == self.config.allocation.subnet && spec.subnet.contains(&spec.gateway),
            "a network with another subnet than was reserved",
        );
    }

    pub(super) fn firewall(&mut self, spec: &FirewallSpec) {
        self.expect(
            spec.bridge == self.config.id.bridge(),
            "rules for another bridge",
        );
        self.expect(
            spec.chain == FIREWALL_CHAIN,
            "rules in another chain than ours",
        );
    }

    pub(super) fn profile(&mut self, file: &ProfileFile) {
        let ProfileFile {
            name,
            text: _,
            source,
            system,
        } = file;
        let own = name.starts_with(&ProfileName::stack_prefix(self.config.name().as_str()));
        self.expect(own, format!("`{name}` is another stack's AppArmor profile"));
        self.inside(source);
        let placed = *system == std::path::Path::new(APPARMOR_SYSTEM_DIR).join(name);
        self.expect(
            placed,
            format!("the profile `{name}` is kept under another name"),
        );
    }
}
