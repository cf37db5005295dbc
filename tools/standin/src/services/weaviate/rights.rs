//! Who asks, and what roles allow.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Failure;
use crate::http::Request;
use crate::world::{Refusal, World};
use crate::yaml;

/// Authentication and authorization as set.
pub(super) struct Settings {
    anonymous: bool,
    keys: Vec<(String, String)>,
    db_users: bool,
    rbac: bool,
    root_users: Vec<String>,
}

/// Who asks.
pub(super) struct Who {
    pub(super) name: String,
    db: bool,
}

impl Settings {
    /// From the file of `--config-file`, the environment going over it.
    pub(super) fn read(world: &World) -> Result<Self, Refusal> {
        let file = match world.option("--config-file") {
            Some(path) => yaml::parse(&world.read_whole(path)?),
            None => Value::Null,
        };
        let flag = |keys: [&str; 2], value: &Value| {
            let set = keys.iter().find(|key| world.get(key).is_some());
            set.map_or_else(|| value.as_bool(), |key| Some(world.flag(key)))
        };
        let list = |key: &str, value: &Value| -> Vec<String> {
            let split = |text: &str| {
                text.split(',')
                    .map(|part| part.trim().to_owned())
                    .filter(|part| !part.is_empty())
                    .collect()
            };
            match (world.get(key), value) {
                (Some(text), _) => split(text),
                (None, Value::String(text)) => split(text),
                (None, Value::Array(items)) => items
                    .iter()
                    .filter_map(|item| item.as_str().map(str::to_owned))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let (login, rights) = (&file["authentication"], &file["authorization"]);
        let by_key = flag(
            ["AUTHENTICATION_APIKEY_ENABLED"; 2],
            &login["apikey"]["enabled"],
        )
        .unwrap_or(false);
        let allowed = list(
            "AUTHENTICATION_APIKEY_ALLOWED_KEYS",
            &login["apikey"]["allowed_keys"],
        );
        let users = list("AUTHENTICATION_APIKEY_USERS", &login["apikey"]["users"]);
        if by_key && users.len() != 1 && users.len() != allowed.len() {
            return Err(Refusal::new(
                "length of users and keys must match, alternatively provide single user for all keys",
            ));
        }
        let keys = if by_key {
            let users = users.iter().cycle();
            allowed.into_iter().zip(users.cloned()).collect()
        } else {
            Vec::new()
        };
        let db_users = flag(
            ["AUTHENTICATION_DB_USERS_ENABLED"; 2],
            &login["db_users"]["enabled"],
        )
        .unwrap_or(false);
        let anonymous = flag(
            ["AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"; 2],
            &login["anonymous_access"]["enabled"],
        );
        let rbac = flag(
            ["AUTHORIZATION_RBAC_ENABLED", "AUTHORIZATION_ENABLE_RBAC"],
            &rights["rbac"]["enabled"],
        )
        .unwrap_or(false);
        // open to all only when nothing else is set
        let anonymous = anonymous.unwrap_or(!by_key && !db_users);
        if anonymous && rbac {
            return Err(Refusal::new(
                "cannot use RBAC with anonymous access enabled",
            ));
        }
        let root_users = list(
            "AUTHORIZATION_RBAC_ROOT_USERS",
            &rights["rbac"]["root_users"],
        );
        Ok(Self {
            anonymous,
            keys,
            db_users,
            rbac,
            root_users,
        })
    }

    /// Who asks, if it is somebody.
    pub(super) fn who(&self, state: &Value, request: &Request) -> Option<Who> {
        let Some(key) = request.bearer() else {
            return self.anonymous.then(|| Who {
                name: "anonymous".to_owned(),
                db: false,
            });
        };
        if let Some((_, user)) = self.keys.iter().find(|(known, _)| known == key) {
            return Some(Who {
                name: user.clone(),
                db: false,
            });
        }
        let hashed = hash(key);
        let users = state["users"].as_object().filter(|_| self.db_users)?;
        let found = users
            .iter()
            .find(|(_, user)| user["hash"] == hashed.as_str() && user["active"] != false);
        found.map(|(name, _)| Who {
            name: name.clone(),
            db: true,
        })
    }

    /// Whether somebody of this name can sign in: by a key of the settings, or as a database user.
    fn knows(&self, state: &Value, name: &str) -> bool {
        self.keys.iter().any(|(_, user)| user == name) || state["users"].get(name).is_some()
    }

    fn is_root(&self, who: &Who) -> bool {
        !self.rbac || (!who.db && self.root_users.contains(&who.name))
    }

    /// Whether an action on a collection is allowed.
    pub(super) fn allows(&self, state: &Value, who: &Who, action: &str, collection: &str) -> bool {
        if self.is_root(who) {
            return true;
        }
        let roles = state["assigned"][&who.name]
            .as_array()
            .cloned()
            .unwrap_or_default();
        roles
            .iter()
            .filter_map(|role| state["roles"][role.as_str()?]["permissions"].as_array())
            .flatten()
            .filter(|permission| permission["action"] == action)
            .any(|permission| {
                let part = if action.ends_with("_data") {
                    "data"
                } else {
                    "collections"
                };
                let pattern = permission[part]["collection"].as_str().unwrap_or("*");
                matches(&super::capital(pattern), collection)
            })
    }

    /// The same, with the words of a refusal.
    pub(super) fn require(
        &self,
        state: &Value,
        who: &Who,
        action: &str,
        collection: &str,
    ) -> Result<(), Failure> {
        if self.allows(state, who, action, collection) {
            return Ok(());
        }
        let user = &who.name;
        Err(Failure(
            403,
            format!(
                "rbac: authorization, forbidden action: user '{user}' has insufficient permissions to {action} [[{collection}]]"
            ),
        ))
    }
}

/// A pattern with `*` for anything; the rest is taken literally here.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn hash(key: &str) -> String {
    BASE64.encode(Sha256::digest(key))
}

/// A key that nobody can guess: the kernel's randomness.
fn new_key() -> Result<String, Failure> {
    use std::io::Read as _;
    let mut bytes = [0; 30];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| Failure(500, format!("no randomness: {error}")))?;
    Ok(BASE64.encode(bytes))
}

/// Roles and database users; only for root users.
pub(super) fn administer(
    settings: &Settings,
    state: &mut Value,
    request: &Request,
    parts: &[&str],
    who: &Who,
) -> Result<(u16, Value), Failure> {
    if !settings.is_root(who) {
        return Err(Failure(
            403,
            format!("rbac: authorization, forbidden action: user '{}'", who.name),
        ));
    }
    let body = request.json();
    let absent = |what: &str| Failure(404, format!("{what} not found"));
    match (request.method.as_str(), parts) {
        ("GET", ["v1", "authz", "roles"]) => Ok((200, Value::Array(values(&state["roles"])))),
        ("POST", ["v1", "authz", "roles"]) => {
            let name = body["name"].as_str().unwrap_or_default().to_owned();
            if name.is_empty() || name.len() > 64 {
                return Err(Failure(422, "role name is invalid".to_owned()));
            }
            if state["roles"].get(&name).is_some() {
                return Err(Failure(409, format!("role {name} already exists")));
            }
            state["roles"][name] = body;
            Ok((201, Value::Null))
        }
        ("GET", ["v1", "authz", "roles", name]) => state["roles"]
            .get(*name)
            .cloned()
            .map(|role| (200, role))
            .ok_or_else(|| absent("role")),
        ("DELETE", ["v1", "authz", "roles", name]) => {
            state["roles"]
                .as_object_mut()
                .and_then(|roles| roles.remove(*name));
            Ok((204, Value::Null))
        }
        ("POST", ["v1", "authz", "roles", name, "add-permissions"]) => {
            let role = state["roles"]
                .get_mut(*name)
                .ok_or_else(|| absent("role"))?;
            if let (Some(all), Some(more)) = (
                role["permissions"].as_array_mut(),
                body["permissions"].as_array(),
            ) {
                all.extend(more.iter().cloned());
            }
            Ok((200, Value::Null))
        }
        ("POST", ["v1", "authz", "users", user, verb @ ("assign" | "revoke")]) => {
            let wanted = body["roles"].as_array().cloned().unwrap_or_default();
            if wanted.iter().any(|role| {
                state["roles"]
                    .get(role.as_str().unwrap_or_default())
                    .is_none()
            }) {
                return Err(absent("role"));
            }
            if !settings.knows(state, user) {
                return Err(absent("user"));
            }
            let mut roles = state["assigned"][*user]
                .as_array()
                .cloned()
                .unwrap_or_default();
            roles.retain(|role| !wanted.contains(role));
            if *verb == "assign" {
                roles.extend(wanted);
            }
            state["assigned"][*user] = Value::Array(roles);
            Ok((200, Value::Null))
        }
        ("GET", ["v1", "authz", "users", user, "roles", ..]) => {
            if !settings.knows(state, user) {
                return Err(absent("user"));
            }
            let names = state["assigned"][*user]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let roles = names
                .iter()
                .filter_map(|name| state["roles"].get(name.as_str()?).cloned());
            Ok((200, Value::Array(roles.collect())))
        }
        ("GET", ["v1", "users", "db"]) => {
            let all = state["users"].as_object().into_iter().flatten();
            let shown = all.map(|(name, user)| json!({"userId": name, "dbUserType": "db_user", "active": user["active"] != false, "roles": state["assigned"][name.as_str()]}));
            Ok((200, Value::Array(shown.collect())))
        }
        ("POST", ["v1", "users", "db", user]) => {
            if state["users"].get(*user).is_some() {
                return Err(Failure(409, format!("user '{user}' already exists")));
            }
            let key = new_key()?;
            state["users"][*user] = json!({"hash": hash(&key), "active": true});
            Ok((201, json!({"apikey": key})))
        }
        ("POST", ["v1", "users", "db", user, "rotate-key"]) => {
            let key = new_key()?;
            let user = state["users"]
                .get_mut(*user)
                .ok_or_else(|| absent("user"))?;
            user["hash"] = json!(hash(&key));
            Ok((200, json!({"apikey": key})))
        }
        ("GET", ["v1", "users", "db", user]) => {
            let found = state["users"].get(*user).ok_or_else(|| absent("user"))?;
            Ok((
                200,
                json!({"userId": user, "active": found["active"] != false, "roles": state["assigned"][*user], "dbUserType": "db_user"}),
            ))
        }
        (
            "POST",
            [
                "v1",
                "users",
                "db",
                user,
                verb @ ("activate" | "deactivate"),
            ],
        ) => {
            let user = state["users"]
                .get_mut(*user)
                .ok_or_else(|| absent("user"))?;
            user["active"] = json!(*verb == "activate");
            Ok((200, Value::Null))
        }
        ("DELETE", ["v1", "users", "db", user]) => {
            let gone = state["users"]
                .as_object_mut()
                .and_then(|users| users.remove(*user));
            gone.map(|_| (204, Value::Null))
                .ok_or_else(|| absent("user"))
        }
        _ => Err(Failure(404, "not found".to_owned())),
    }
}

fn values(map: &Value) -> Vec<Value> {
    map.as_object()
        .into_iter()
        .flatten()
        .map(|(_, value)| value.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        assert!(matches("Svc_*", "Svc_Docs") && matches("*", "Any") && matches("A*c", "Abc"));
        assert!(!matches("Svc_*", "Svc") && !matches("Svc", "Svc_x") && !matches("A*c", "Abd"));
    }

    #[test]
    fn the_file_sets_what_the_environment_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let text = "authentication:\n  anonymous_access: {enabled: false}\n  apikey: {enabled: true, users: [root], allowed_keys: [k]}\nauthorization:\n  rbac: {enabled: true, root_users: [root]}\n";
        std::fs::write(dir.path().join("c.yaml"), text).unwrap();
        let world = World::new(dir.path()).with_args(&["--config-file", "/c.yaml"]);
        let settings = Settings::read(&world).unwrap();
        let key = Request::get("/").header_set("authorization", "Bearer k");
        let who = settings.who(&Value::Null, &key).unwrap();
        assert!(settings.is_root(&who));
        assert!(settings.who(&Value::Null, &Request::get("/")).is_none());
        let anonymous = world.with("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "true");
        assert!(Settings::read(&anonymous).is_err());
    }
}
