//! How a service is signed in again, from its `[sign_in]` table.

use std::path::Path;

use super::{Context, host};
use crate::catalogue::Service;
use crate::render::RenderError;
use crate::spec::{FileSpec, Gate, SignIn};
use crate::text::Text;

/// With the key that is kept, which another one takes the place of.
pub(super) fn of(
    context: &Context<'_>,
    service: &Service,
    gate: &Gate,
) -> Result<Option<SignIn>, RenderError> {
    let Some(table) = &service.sign_in else {
        return Ok(None);
    };
    let inside = Path::new(&table.key_file);
    let mount = service
        .mounts
        .iter()
        .find(|m| inside.parent() == Some(Path::new(&m.target)));
    let (Some(mount), Some(name)) = (mount, inside.file_name()) else {
        return Ok(None);
    };
    let Some(key) = context.renderer.secret(table.secret.as_str()) else {
        return Ok(None);
    };
    let config = context.config;
    let owner = context.owner(service);
    let file = |path, content, mode| FileSpec {
        path,
        content,
        owner,
        mode,
    };
    let argv = table
        .command
        .iter()
        .map(|word| {
            let rendered = context.renderer.text(service, "sign_in.command", word)?;
            // what is shown: an argument holds no secret
            Ok(rendered.shown().to_owned())
        })
        .collect::<Result<_, RenderError>>()?;
    let lent = host::mount_source(config, service, mount).join(name);
    let kept = config.path("config/secrets").join(table.secret.as_str());
    let begun = context.config_dir(service).join(".signing-in");
    Ok(Some(SignIn {
        service: service.name.clone(),
        container: config.container(&service.name),
        user: owner,
        status: table.status.clone(),
        command: argv,
        lent: file(lent, key.clone(), 0o400),
        kept: file(kept, key, 0o400),
        begun: file(begun, Text::plain(""), 0o400),
        gate: gate.clone(),
    }))
}
