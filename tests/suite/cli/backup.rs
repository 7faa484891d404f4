//! `lamed backup`

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Server, line, query};

fn numbers(file: &std::path::Path, query: &str) -> u64 {
    let connection = Connection::open(file).unwrap();
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_taken_while_events_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = format!("embedded:{}", path("lamed.db").display());
    let server = Server::start(&["--store", &store]);
    let over = Arc::new(AtomicBool::default());
    let acknowledged = Arc::new(AtomicU64::default());
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..4 {
        let (mut client, over, acknowledged) =
            (server.client(), over.clone(), acknowledged.clone());
        clients.spawn(async move {
            for event in 0.. {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let uuid = format!("{number}-{event}");
                let event = [
                    ("experiment", "e"),
                    ("variant", "v"),
                    ("event", "participate"),
                    ("uuid", &*uuid),
                ];
                let reply = client.get(&format!("/prod/track?{}", query(&event))).await;
                assert_eq!(reply.body, r#"{"counted":true}"#);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let home = folder.path().to_owned();
    for copy in ["first.db", "second.db"] {
        let before = acknowledged.load(Ordering::SeqCst);
        while acknowledged.load(Ordering::SeqCst) < before + 100 {
            tokio::task::yield_now().await;
        }
        let before = acknowledged.load(Ordering::SeqCst);
        let (home, store) = (home.clone(), store.clone());
        let outcome = tokio::task::spawn_blocking(move || {
            line(&home, &["backup", copy, "--store", &store, "--json"]).run()
        });
        let outcome = outcome.await.unwrap();
        let after = acknowledged.load(Ordering::SeqCst);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let copy = path(copy);
        let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(said["bytes"], fs::metadata(&copy).unwrap().len());
        assert_eq!(
            fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
            0o600
        );

        // A state that there was: all tables are of one moment.
        let check: String = Connection::open(&copy)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        let counted = numbers(&copy, "SELECT count FROM counters");
        // An event of each client may be on its way.
        assert!(
            (before..=after + 4).contains(&counted),
            "{before} {counted} {after}"
        );
        assert_eq!(numbers(&copy, "SELECT sum(count) FROM days"), counted);
        assert_eq!(numbers(&copy, "SELECT count(*) FROM remembered"), counted);
    }
    over.store(true, Ordering::SeqCst);
    clients.join_all().await;

    // It is a store that goes on, and remembers.
    let copy = Server::start(&[
        "--store",
        &format!("embedded:{}", path("first.db").display()),
    ]);
    let first = "/prod/track?experiment=e&variant=v&event=participate&uuid=0-0";
    assert_eq!(copy.client().get(first).await.body, r#"{"counted":false}"#);
    let mut names: Vec<_> = (fs::read_dir(&home).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".lamed-backup"))
        .collect();
    assert_eq!(names.pop(), None);
}

#[test]
fn what_cannot_be_backed_up_is_one_line_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(home, "127.0.0.1:0", &["--store", "embedded:lamed.db"]);
    server.terminate();
    server.wait();
    let home = &server.home;
    fs::write(home.path().join("there.db"), "mine").unwrap();
    fs::write(home.path().join("notes"), "no database ".repeat(100)).unwrap();
    Connection::open(home.path().join("other.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let names = || -> Vec<_> {
        let mut names: Vec<_> = (fs::read_dir(home.path()).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let before = names();
    let redis = "error: `lamed backup` copies only SQLite files: to back up a Redis, use `BGSAVE` or copy its \
                 append-only file\n";
    for (arguments, code, error) in [
        (
            &["there.db", "--store", "embedded:lamed.db"][..],
            1,
            "error: cannot back up the store: `there.db` already exists: choose another name\n",
        ),
        (
            &["copy.db", "--store", "embedded:none.db"],
            1,
            "error: cannot back up the store: `none.db` is not a file\n",
        ),
        (
            &["copy.db", "--store", "embedded:notes"],
            1,
            "error: cannot back up the store: `notes` is not a lamed store\n",
        ),
        (
            &["copy.db", "--store", "embedded:other.db"],
            1,
            "error: cannot back up the store: `other.db` is not a lamed store\n",
        ),
        (
            &["none/copy.db", "--store", "embedded:lamed.db"],
            1,
            "error: cannot back up the store: cannot write `none/copy.db`: the folder does not exist\n",
        ),
        (&["copy.db", "--store", "redis://localhost"], 2, redis),
        (&["copy.db", "--store", "config"], 2, redis),
        (
            &["copy.db", "--store", "embedded"],
            2,
            "error: cannot back up a store in memory: use `--store embedded:FILE`\n",
        ),
        (
            &["copy.db"],
            2,
            "error: `--store` is missing: use `--store embedded:FILE` to name the store\n",
        ),
    ] {
        line(home, &[&["backup"], arguments].concat()).gives(code, "", error);
    }
    assert_eq!(names(), before);
    assert_eq!(fs::read(home.path().join("there.db")).unwrap(), b"mine");
    fs::write(
        home.path().join("config.json"),
        r#"{"redis": {"host": "h"}}"#,
    )
    .unwrap();
    line(home, &["backup", "copy.db"]).gives(2, "", redis);
}
