//! Taking away what a run left, this one's or an earlier one's: by its label and its directory, nothing else.

use serde_json::{Value, json};

use super::measure::measured;
use super::place::Place;
use super::subject::{Action, Bed, Subject};
use crate::Result;
use crate::floor::api::{Api, escaped};

/// Leaves nothing of the bench behind.
pub(crate) fn sweep(bed: &Bed, place: &Place, address: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let api = Api::at(address)?;
    let stack = format!("aiplat.base-dir={}", place.base_dir().display());
    let own = format!("aiplat.bench={}", place.label());
    let there = runtime.block_on(list(&api, "containers", &stack))?;
    let networks = runtime.block_on(list(&api, "networks", &stack))?;
    let known = place.base_dir().join("config/stack-id").exists();
    if known || !there.is_empty() || !networks.is_empty() {
        // rules and reservations are on the host: the product itself takes them away
        if let Some(task) = bed.task(Subject::Aiplat, Action::Down, address) {
            measured(&bed.tool, place.root(), &task)?;
        }
    }
    runtime.block_on(async {
        for container in list(&api, "containers", &own).await? {
            let id = container["Id"].as_str().unwrap_or_default();
            let path = format!("/containers/{id}?force=true&v=true");
            api.ask("DELETE", &path, None).await?;
        }
        for network in list(&api, "networks", &own).await? {
            let id = network["Id"].as_str().unwrap_or_default();
            api.ask("DELETE", &format!("/networks/{id}"), None).await?;
        }
        Ok::<_, crate::Failure>(())
    })?;
    bed.fresh(place)
}

async fn list(api: &Api, kind: &str, label: &str) -> Result<Vec<Value>> {
    let filters = escaped(&json!({"label": [label]}).to_string());
    let path = match kind {
        "containers" => format!("/containers/json?all=true&filters={filters}"),
        _ => format!("/{kind}?filters={filters}"),
    };
    let found = api.get(&path).await?;
    Ok(found.as_array().cloned().unwrap_or_default())
}
