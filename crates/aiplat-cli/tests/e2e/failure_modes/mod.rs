//! The ten ways in which a second stack on a host has ruined somebody's day elsewhere. Each is tried here, on a real
//! engine, and none may work. Where another test of this crate proves a part, the head of the file names it.

mod alias_collision_reaches_the_wrong_database;
mod cross_tenant_leak_through_a_global_name;
mod exhaustion_at_stack_n;
mod half_applied_change_and_stale_lock;
mod host_wide_prune_deletes_somebodys_volumes;
mod limit_shown_but_not_enforced;
mod removing_wipes_host_data;
mod second_stack_adopts_the_first;
mod secrets_drift_and_leak;
mod upgrade_makes_data_unreadable;
