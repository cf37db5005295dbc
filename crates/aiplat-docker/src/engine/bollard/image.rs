//! Pulling an image.

use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::{Bollard, fault};
use crate::engine::{Answer, EngineError, PullProgress};

impl Bollard {
    pub(super) async fn pull(
        &self,
        reference: &str,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Answer<()> {
        // without tag or digest the engine would pull every tag there is
        let whole = if has_version(reference) {
            reference.to_owned()
        } else {
            format!("{reference}:latest")
        };
        let options = CreateImageOptionsBuilder::default()
            .from_image(&whole)
            .build();
        let mut stream = self.docker.create_image(Some(options), None, None);
        while let Some(item) = stream.next().await {
            let info = item.map_err(|error| self.pull_fault(&error, reference))?;
            let detail = info.progress_detail.unwrap_or_default();
            let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
            progress(PullProgress {
                layer: info.id.unwrap_or_default(),
                status: info.status.unwrap_or_default(),
                current: bytes(detail.current),
                total: bytes(detail.total),
            });
        }
        Ok(())
    }

    fn pull_fault(&self, error: &Error, reference: &str) -> EngineError {
        let failed = |words| EngineError::PullFailed {
            reference: reference.to_owned(),
            words,
        };
        match fault::typed(error, "pull an image", &self.address) {
            EngineError::Refused { words, .. } => failed(words),
            EngineError::NotFound { what } => failed(format!("the registry has no {what}")),
            EngineError::ImageAbsent { .. } => failed("the registry does not have it".to_owned()),
            EngineError::Silent { .. } => failed("no answer in time".to_owned()),
            other => other,
        }
    }
}

fn has_version(reference: &str) -> bool {
    reference.contains('@')
        || reference
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::has_version;

    #[test]
    fn a_registry_port_is_no_tag() {
        assert!(!has_version("localhost:5000/grafana"));
        assert!(has_version("localhost:5000/grafana:1"));
        assert!(has_version("x@sha256:00"));
    }
}
