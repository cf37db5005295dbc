//! New configuration of a running service: written, read by it, and put back where it does not take it.

use aiplat_core::observed::PathState;
use aiplat_core::plan::Configure;
use aiplat_core::spec::FileSpec;
use aiplat_core::text::Text;

use super::StepError;
use super::run::Context;
use super::step::take_in;
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::{Host, HostError};

/// Largest configuration file that is kept for the way back, bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// What was at a path before.
enum Before {
    Nothing(FileSpec),
    File(FileSpec),
}

/// Writes the files and has the service read them.
pub(super) async fn carry_out<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &Configure,
) -> Result<(), StepError> {
    let host = context.host;
    let before = blocking(|| {
        let all = step.files.iter();
        all.map(|file| before(host, file))
            .collect::<Result<Vec<_>, _>>()
    })?;
    // from here on until the end a deploy has the service read its files again, whatever becomes of this run
    if !step.files.is_empty() {
        blocking(|| host.remove_file(&step.done.path))?;
    }
    let outcome = match blocking(|| write(host, &step.files)) {
        Ok(()) => take_in(context, &step.reload).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => Ok(blocking(|| host.write_file(&step.done)).map(drop)?),
        Err(cause) => {
            let back = blocking(|| put_back(host, &before));
            if back.is_ok() && !before.is_empty() {
                // it may have taken some of it
                let _ = take_in(context, &step.reload).await;
            }
            Err(StepError::Configure {
                cause: Box::new(cause),
                stuck: back.err().map(|error| error.to_string()),
            })
        }
    }
}

fn before<H: Host>(host: &H, file: &FileSpec) -> Result<Before, HostError> {
    let PathState::File { owner, mode, .. } = host.path_state(&file.path)? else {
        return Ok(Before::Nothing(file.clone()));
    };
    let Some(bytes) = host.read_file(&file.path, LARGEST)? else {
        return Ok(Before::Nothing(file.clone()));
    };
    let content = Text::plain(String::from_utf8_lossy(&bytes).into_owned());
    Ok(Before::File(FileSpec {
        content,
        owner,
        mode,
        path: file.path.clone(),
    }))
}

fn write<H: Host>(host: &H, files: &[FileSpec]) -> Result<(), HostError> {
    files
        .iter()
        .try_for_each(|file| host.write_file(file).map(drop))
}

fn put_back<H: Host>(host: &H, before: &[Before]) -> Result<(), HostError> {
    before.iter().try_for_each(|before| match before {
        Before::Nothing(file) => host.remove_file(&file.path),
        Before::File(file) => host.write_file(file).map(drop),
    })
}
