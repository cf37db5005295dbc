//! A service's data when its container is made anew: what is copied first, and what could be lost.

use super::Builder;
use crate::desired::DesiredService;
use crate::observed::{ObservedContainer, PathState};
use crate::spec::DataCopy;

impl Builder<'_> {
    /// The copy that is taken before the successor of a container starts on its data: where it was asked for and the
    /// image is another one, and where an interrupted run had begun one.
    pub(super) fn copy(&self, service: &DesiredService, predecessor: &str) -> Option<DataCopy> {
        if keeps_nothing(service) {
            return None;
        }
        let (name, data) = (&service.name, service.data.clone());
        let copy = DataCopy {
            databases: service.databases.clone(),
            ..DataCopy::of_container(self.base_dir, name, predecessor, data)
        };
        let begun = [&copy.at, &copy.partial()]
            .into_iter()
            .any(|path| matches!(self.observed.path(path), PathState::Directory { .. }));
        let asked = self.desired.copied.contains(&service.name)
            && self
                .seen(predecessor)
                .is_some_and(|c| c.image != service.container.image);
        (begun || asked).then_some(copy)
    }

    /// What could be lost when a container takes the place of another on its data.
    pub(super) fn risk(
        &self,
        service: &DesiredService,
        predecessor: &str,
        copied: bool,
    ) -> Option<String> {
        let (name, image) = (&service.name, &service.container.image);
        let before = &self.seen(predecessor)?.image;
        if keeps_nothing(service) || copied || !moves(before, image) {
            return None;
        }
        Some(format!(
            "`{name}` starts with `{image}` instead of `{before}` on the data it has, which an older one may not read \
             again; `aiplat upgrade {name}` copies it first"
        ))
    }

    fn seen(&self, id: &str) -> Option<&ObservedContainer> {
        self.observed.containers.iter().find(|c| c.id == id)
    }
}

fn keeps_nothing(service: &DesiredService) -> bool {
    service.data.is_empty() && service.databases.is_none()
}

/// Whether data may be of another format after a change from one image to another: it is another program, or another
/// first number of its version, or nothing that can be told.
fn moves(before: &str, after: &str) -> bool {
    let parts = |image: &str| {
        let last = image.rsplit('/').next().unwrap_or(image).to_owned();
        let bare = last.split('@').next().unwrap_or(&last).to_owned();
        let (name, tag) = bare.split_once(':')?;
        let number = tag.trim_start_matches('v');
        let end = number.find(|c: char| !c.is_ascii_digit());
        let major = &number[..end.unwrap_or(number.len())];
        (!major.is_empty()).then(|| (name.to_owned(), major.to_owned()))
    };
    let (before_parts, after_parts) = (parts(before), parts(after));
    before != after && (before_parts.is_none() || before_parts != after_parts)
}

#[cfg(test)]
mod tests {
    use super::moves;

    #[test]
    fn another_program_or_first_number_moves_the_format() {
        for (before, after, expected) in [
            ("postgres:17.11-trixie", "postgres:17.12-trixie", false),
            (
                "postgres:17.11-trixie",
                "mirror.example/x/postgres:17.12",
                false,
            ),
            ("postgres:17.11", "postgres:18.1", true),
            ("postgres:17.11", "pgvector/pgvector:0.8.6-pg17", true),
            ("n8n:2.40.7", "n8n:3.0.0", true),
            ("qdrant/qdrant:v1.19.0", "qdrant/qdrant:v1.20.1", false),
            ("n8n:latest", "n8n:next", true),
            ("n8n:latest", "n8n:latest", false),
        ] {
            assert_eq!(moves(before, after), expected, "{before} {after}");
        }
    }
}
