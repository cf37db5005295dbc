//! Another image of a service that keeps rows in PostgreSQL: they are dumped before it starts, and put back when it fails.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::bed::Bed;
use crate::support::images::Image;
use crate::support::stack::Stack;
use crate::support::until;
use crate::upgrade::{container, copies};

/// Tells that it runs, and never answers.
const SILENT: &str = "echo > /home/node/begun\nexec sleep infinity";

/// Rows that come back only when nobody holds them: a restore stops in the middle for as long as there is such a file.
const HELD: &str = "/dev/shm/held";

/// What the old image has in its database.
const OLD: &str = "\
create function free(text) returns boolean language plpgsql as $$ begin
  while (select size from pg_stat_file('/dev/shm/held', true)) is not null loop perform pg_sleep(0.1); end loop;
  return true;
end $$;
create table kept (id serial, word text check (free(word)));
alter table kept owner to \"ROLE\";
insert into kept (word) values ('old');";

/// What a new image makes of it, and an old one cannot work with.
const MIGRATE: &str = "set role \"ROLE\"; drop table kept; create table migrated (word text)";

/// What is in the database, whose it is, and whether its owner may come in.
const SEEN: &str = "\
select string_agg(tablename || ' of ' || tableowner, ', ') from pg_tables where schemaname = 'public';
select word from kept;
select rolcanlogin from pg_roles where rolname = 'ROLE';";

/// A service's own database, which its role is called like.
fn database(stack: &Stack<'_>, service: &str) -> String {
    let query = format!("select datname from pg_database where datname like '%{service}%'");
    stack.psql("postgres", &query)
}

/// The service's container ends, as one does that finds something it cannot work with.
fn ends(stack: &Stack<'_>) {
    let kill = format!("/containers/{}/kill", stack.container("n8n"));
    let (status, _) = stack.bed.engine.call("POST", &kill, &Value::Null);
    assert_eq!(status, 204);
}

#[test]
fn rows_come_back_whenever_the_run_is_killed_and_nobody_elses_are_touched() {
    let Some(bed) = Bed::new() else { return };
    let broken = Image::of_entry(&bed, "silent", SILENT);
    let stack = bed.small("q").with("SERVICES", "postgres,n8n,flowise");
    stack.deploy().ok();
    let (own, other) = (database(&stack, "n8n"), database(&stack, "flowise"));
    let sql = |text: &str| stack.psql(&own, &text.replace("ROLE", &own));
    sql(OLD);
    stack.psql(&other, "create table kept (word text)");
    let (before, seen) = (container(&stack, "n8n"), sql(SEEN));
    assert_eq!(seen, format!("kept of {own}\nold\nt"));
    let to = ["upgrade", "n8n", "--to", broken.reference.as_str(), "-y"];
    let begun = stack.base.join("data/n8n/home/begun");

    let first = stack.start(&to);
    until("the new image runs", || begun.exists());
    let copied = copies(&stack);
    assert!(
        copied[0].join(format!("{own}.dump")).is_file(),
        "{copied:?}"
    );
    sql(MIGRATE);
    stack.psql(&other, "insert into kept values ('meanwhile')");
    first.signal(Signal::KILL);
    assert_eq!(first.end().signal, Some(9));

    // killed again with half of it back
    ends(&stack);
    stack.shell("postgres", &format!("echo > {HELD}"));
    let second = stack.start(&to);
    let restoring = "select 1 from pg_stat_activity where application_name = 'pg_restore' and query like 'COPY%'";
    until("rows come back", || {
        !stack.psql("postgres", restoring).is_empty()
    });
    second.signal(Signal::KILL);
    assert_eq!(second.end().signal, Some(9));
    stack.shell("postgres", &format!("rm {HELD}"));

    let third = stack.start(&to);
    until("the new image runs once more", || begun.exists());
    assert_eq!(sql(SEEN), seen, "it found what the old one left");
    sql(MIGRATE);
    ends(&stack);
    let run = third.end();
    assert_eq!(run.code, 6, "{}", run.said());
    assert_eq!(sql(SEEN), seen);
    assert_eq!(stack.psql(&other, "select word from kept"), "meanwhile");
    assert_eq!(container(&stack, "n8n"), before);
    assert!(!begun.exists() && copies(&stack).is_empty());
    assert_eq!(stack.run(&["plan", "--deep"]).code, 0);
    drop(broken);
}
