//! What has to be done inside services about secrets that are on their way to another value, and the marks by which a
//! container shows which values it was started with.

use sha2::{Digest, Sha256};

use aiplat_vectordb::{Provision as StoreProvision, provisioning};
use secrecy::SecretString;

use super::Context;
use super::probes::gate;
use crate::catalogue::{ChangeTable, ProofTable, Secret, Service};
use crate::config::Stage;
use crate::names::SecretName;
use crate::render::{RenderError, database_names};
use crate::spec::{Ask, HttpRequest, SecretAct, SecretChange, SecretDeed};
use crate::text::{Text, hex};

/// The acts about every secret that is on its way: changes first, then proofs.
pub(super) fn acts(
    context: &Context<'_>,
    services: &[&Service],
) -> Result<Vec<SecretAct>, Vec<RenderError>> {
    let (mut changes, mut proofs, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for name in context.config.secrets.asked() {
        let Some(place) = place(context, services, name) else {
            continue;
        };
        match place.acts(context, name) {
            Ok((change, proved)) => {
                changes.extend(change);
                // what the host cannot reach it cannot ask either
                proofs.extend(proved.into_iter().filter(|_| context.engine.reachable));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        changes.append(&mut proofs);
        Ok(changes)
    } else {
        Err(problems)
    }
}

/// Where a secret is known, and how it is asked about and changed there.
struct Place<'a> {
    service: &'a Service,
    port: u16,
    how: How<'a>,
    change: Option<&'a ChangeTable>,
    overlap: bool,
}

enum How<'a> {
    Role { user: String, database: String },
    Redis,
    S3(&'a SecretName),
    Request(&'a Service, &'a ProofTable),
}

fn place<'a>(
    context: &Context<'a>,
    services: &[&'a Service],
    name: &SecretName,
) -> Option<Place<'a>> {
    let all = services
        .iter()
        .flat_map(|s| s.secrets.iter().map(move |secret| (*s, secret)));
    let owned = all.clone().find(|(_, secret)| secret.name == *name);
    if let Some((service, secret)) = owned
        && let Some(found) = of_table(context, service, secret)
    {
        return Some(found);
    }
    let role = services.iter().find_map(|service| {
        let database = service.databases.iter().find(|d| d.secret == *name)?;
        Some(database_names(context.config, &database.name))
    });
    let role = role.or_else(|| vector_role(context, services, name));
    if let Some((user, database)) = role {
        let service = context.catalogue.get(&"postgres".parse().ok()?)?;
        return Some(Place {
            service,
            port: service.container_port("sql"),
            how: How::Role { user, database },
            change: None,
            overlap: false,
        });
    }
    // a key that the store hands to one of its users is asked about as the store's own is
    let store = services.iter().find_map(|service| {
        let vector = context.config.vector(service)?;
        let keys = vector.key_secret.iter().chain(&vector.admin_secret);
        keys.into_iter()
            .any(|key| key.name == name.as_str())
            .then(|| vector.kind.spec().service)
    })?;
    let service = context.catalogue.get(&store.parse().ok()?)?;
    let own = service
        .secrets
        .iter()
        .find(|s| matches!(s.proof, Some(ProofTable::Http { .. })))?;
    of_table(context, service, own)
}

fn of_table<'a>(
    context: &Context<'a>,
    service: &'a Service,
    secret: &'a Secret,
) -> Option<Place<'a>> {
    let proof = secret.proof.as_ref()?;
    let (asked, port, how) = match proof {
        ProofTable::Postgres { role } => {
            let (user, database) = (role.clone(), role.clone());
            (service, "sql", How::Role { user, database })
        }
        ProofTable::Redis {} => (service, "redis", How::Redis),
        ProofTable::S3 { access_key } => (service, "s3", How::S3(access_key)),
        ProofTable::Http { of, port, .. } => {
            let asked = of.as_ref().map_or(Some(service), |name| {
                let selected = context.config.selection.has(name);
                context.catalogue.get(name).filter(|_| selected)
            })?;
            let port = port.as_deref().unwrap_or("http");
            (asked, port, How::Request(service, proof))
        }
        ProofTable::None { .. } => return None,
    };
    Some(Place {
        service: asked,
        port: asked.container_port(port),
        how,
        change: secret.change.as_ref(),
        overlap: secret.overlap,
    })
}

/// Role and database that a service has for its vectors.
fn vector_role(
    context: &Context<'_>,
    services: &[&Service],
    name: &SecretName,
) -> Option<(String, String)> {
    services
        .iter()
        .filter_map(|service| context.config.vector(service))
        .flat_map(|vector| provisioning(&vector))
        .find_map(|wanted| match wanted {
            StoreProvision::Sql(sql) if sql.password.name == name.as_str() => {
                Some((sql.role.to_string(), sql.database.to_string()))
            }
            _ => None,
        })
}

fn text(context: &Context<'_>, name: &SecretName, value: &SecretString, which: &str) -> Text {
    let shown = format!("<secret:{name}{which}>");
    let fingerprints = context.config.secrets.fingerprint_key();
    Text::secret(shown, value.clone(), &fingerprints)
}

type Acts = (Option<SecretAct>, Vec<SecretAct>);

impl Place<'_> {
    fn acts(&self, context: &Context<'_>, name: &SecretName) -> Result<Acts, RenderError> {
        let secrets = &context.config.secrets;
        let Some(value) = secrets.get(name.as_str()) else {
            return Ok((None, Vec::new()));
        };
        let value = text(context, name, value, "");
        let act = |deed| SecretAct {
            secret: name.clone(),
            gate: gate(context, self.service),
            port: self.port,
            deed,
        };
        let Some(flight) = secrets.flight(name.as_str()) else {
            let ask = self.ask(context, &value)?;
            let accepted = true;
            return Ok((None, vec![act(SecretDeed::Prove { ask, accepted })]));
        };
        let which = format!(".{}", flight.stage.suffix());
        let other = text(context, name, &flight.other, &which);
        let change = self
            .change
            .map(|table| {
                Ok(act(SecretDeed::Change {
                    wanted: self.ask(context, &value)?,
                    change: self.change(context, table, &other, &value)?,
                }))
            })
            .transpose()?;
        let mut proved = vec![(value, true)];
        match flight.stage {
            // that both are let in is worth knowing before anything depends on it
            Stage::Drawn if self.overlap => proved.push((other, true)),
            Stage::Retired => proved.push((other, false)),
            Stage::Drawn | Stage::Switched => {}
        }
        let proofs = proved.into_iter().map(|(value, accepted)| {
            let ask = self.ask(context, &value)?;
            Ok(act(SecretDeed::Prove { ask, accepted }))
        });
        Ok((change, proofs.collect::<Result<_, _>>()?))
    }

    fn ask(&self, context: &Context<'_>, value: &Text) -> Result<Ask, RenderError> {
        Ok(match &self.how {
            How::Role { user, database } => Ask::Postgres {
                user: user.clone(),
                database: database.clone(),
                password: value.clone(),
            },
            How::Redis => Ask::Redis {
                password: value.clone(),
            },
            How::S3(name) => {
                let own = context.config.secrets.get(name.as_str());
                let own = own.ok_or_else(|| RenderError {
                    service: self.service.name.clone(),
                    place: "secrets.proof".to_owned(),
                    what: format!("expected `{name}` to have a value"),
                })?;
                Ask::S3 {
                    access_key: text(context, name, own, ""),
                    secret_key: value.clone(),
                }
            }
            How::Request(
                owner,
                ProofTable::Http {
                    method,
                    path,
                    headers,
                    body,
                    accepted,
                    refused,
                    ..
                },
            ) => {
                let values = [("value", value)];
                let render = |place: &str, template: &str| {
                    context.renderer.text_with(owner, place, template, &values)
                };
                Ask::Http {
                    request: HttpRequest {
                        method: method.clone().unwrap_or_else(|| "GET".to_owned()),
                        path: path.clone(),
                        headers: headers
                            .iter()
                            .map(|(key, value)| Ok((key.clone(), render("secrets.proof", value)?)))
                            .collect::<Result<_, RenderError>>()?,
                        body: body
                            .as_ref()
                            .map(|body| render("secrets.proof", body))
                            .transpose()?,
                        accept: accepted.clone(),
                        what: "let a value in".to_owned(),
                    },
                    refused: refused.clone(),
                }
            }
            How::Request(owner, _) => {
                return Err(RenderError {
                    service: owner.name.clone(),
                    place: "secrets.proof".to_owned(),
                    what: "expected a request".to_owned(),
                });
            }
        })
    }

    fn change(
        &self,
        context: &Context<'_>,
        table: &ChangeTable,
        old: &Text,
        new: &Text,
    ) -> Result<SecretChange, RenderError> {
        Ok(match table {
            ChangeTable::Postgres { role } => SecretChange::Postgres {
                role: role.clone(),
                old: old.clone(),
                new: new.clone(),
            },
            ChangeTable::Http {
                method,
                path,
                headers,
                body,
                done,
            } => {
                let values = [("old", old), ("new", new)];
                let render = |template: &str| {
                    let renderer = &context.renderer;
                    renderer.text_with(self.service, "secrets.change", template, &values)
                };
                SecretChange::Http(HttpRequest {
                    method: method.clone(),
                    path: path.clone(),
                    headers: headers
                        .iter()
                        .map(|(key, value)| Ok((key.clone(), render(value)?)))
                        .collect::<Result<_, RenderError>>()?,
                    body: body.as_deref().map(render).transpose()?,
                    accept: done.clone(),
                    what: "take the new value".to_owned(),
                })
            }
        })
    }
}

/// Secrets that stand in files of their own inside the container: the service's, and the keys of those whose metrics
/// it collects.
pub(super) fn mounted(context: &Context<'_>, service: &Service) -> Vec<SecretName> {
    let own = service.secrets.iter().filter(|s| s.file);
    let mut all: Vec<_> = own.map(|s| s.name.clone()).collect();
    if service.collects_metrics {
        let selected = context.config.selection.services().iter();
        let selected = selected.filter_map(|n| context.catalogue.get(n));
        all.extend(selected.filter_map(|s| s.metrics.bearer.clone()));
    }
    all
}

/// One fingerprint over the mounted secrets that count: a file that is replaced is not replaced inside a container
/// that runs. What is read at the first start alone does not count, and a service that lets two values in need not
/// know which of them is the one in force.
pub(super) fn mounted_fingerprint(context: &Context<'_>, service: &Service) -> Option<String> {
    let key = context.config.secrets.fingerprint_key();
    let mut texts = Vec::new();
    for name in mounted(context, service) {
        let own = service.secrets.iter().find(|s| s.name == name);
        let signs_in = service.sign_in.as_ref().is_some_and(|s| s.secret == name);
        if signs_in || own.is_some_and(|s| s.change.is_some()) {
            continue;
        }
        let values = if own.is_some_and(|s| s.overlap) {
            context.config.secrets.accepted(name.as_str())
        } else {
            context
                .config
                .secrets
                .get(name.as_str())
                .into_iter()
                .collect()
        };
        texts.extend(
            values
                .into_iter()
                .map(|value| Text::secret(format!("<secret:{name}>"), value.clone(), &key)),
        );
    }
    if texts.is_empty() {
        return None;
    }
    let json = serde_json::to_vec(&texts).expect("texts have only string keys");
    Some(hex(&Sha256::digest(json)[..8]))
}
