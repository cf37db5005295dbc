//! Users and groups: no two stacks share one, so that files of one are closed to processes of the other.

use std::collections::BTreeMap;

use super::{AllocationProblem, Request, Reservation, Wanted};

pub(super) struct Users {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) openclaw_uid: u32,
    pub(super) openclaw_gid: u32,
}

/// Users that a stack may have when none is given: an ordinary user's range, ending before `nobody`.
const RANGE: std::ops::RangeInclusive<u32> = 1000..=65533;

pub(super) fn allocate(
    request: &Request,
    others: &[&Reservation],
) -> Result<Users, Vec<AllocationProblem>> {
    let held =
        |ids: fn(&Reservation) -> &std::collections::BTreeSet<u32>| -> BTreeMap<u32, String> {
            others
                .iter()
                .flat_map(|r| ids(r).iter().map(|id| (*id, r.stack.to_string())))
                .collect()
        };
    let (uids, gids) = (held(|r| &r.uids), held(|r| &r.gids));
    let mut problems = Vec::new();
    // one that is taken is told, and the others are looked at as if it were free
    let mut pick = |key, what, wanted: Wanted<u32>, fallback, stride, held, own| {
        choose(key, what, wanted, fallback, stride, held, own).unwrap_or_else(|problem| {
            problems.push(problem);
            match wanted {
                Wanted::Given(id) | Wanted::Preferred(id) => id,
                Wanted::Any => fallback,
            }
        })
    };
    let uid = pick("STACK_USER_UID", "user", request.uid, 1000, 1, &uids, None);
    let gid = pick("STACK_USER_GID", "group", request.gid, uid, 1, &gids, None);
    let beside = |id: u32| id.saturating_add(1000);
    let users = Users {
        uid,
        gid,
        openclaw_uid: pick(
            "OPENCLAW_UID",
            "user",
            request.openclaw_uid,
            beside(uid),
            1000,
            &uids,
            Some(uid),
        ),
        openclaw_gid: pick(
            "OPENCLAW_GID",
            "group",
            request.openclaw_gid,
            beside(gid),
            1000,
            &gids,
            Some(gid),
        ),
    };
    if problems.is_empty() {
        Ok(users)
    } else {
        Err(problems)
    }
}

fn choose(
    key: &'static str,
    what: &'static str,
    wanted: Wanted<u32>,
    fallback: u32,
    stride: u32,
    held: &BTreeMap<u32, String>,
    own: Option<u32>,
) -> Result<u32, AllocationProblem> {
    let start = match wanted {
        Wanted::Given(id) => {
            return match held.get(&id) {
                Some(holder) => Err(AllocationProblem::Taken {
                    key: key.to_owned(),
                    what,
                    holder: holder.clone(),
                }),
                None if own == Some(id) => Err(AllocationProblem::SameUser { key }),
                None => Ok(id),
            };
        }
        Wanted::Preferred(id) => id,
        Wanted::Any => fallback,
    };
    let size = RANGE.end() - RANGE.start() + 1;
    // the preference, then by strides, then one by one: every candidate is met at least once
    let strides = (0..size / stride).map(|k| k * stride);
    strides
        .chain(0..size)
        .map(|step| RANGE.start() + (start.wrapping_sub(*RANGE.start()).wrapping_add(step)) % size)
        .find(|id| own != Some(*id) && !held.contains_key(id))
        .ok_or(AllocationProblem::UsersExhausted {
            key,
            tried: size as usize,
        })
}
