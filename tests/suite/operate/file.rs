//! The file of a store in trouble, under `lamed serve`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::track;
use crate::support::{Client, Server, line};

const COUNTED: &str = r#"{"counted":true}"#;
const DUPLICATE: &str = r#"{"counted":false}"#;

/// A store with what an earlier run counted, and a copy of it from then.
struct Site {
    folder: TempDir,
    server: Server,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = serve(&folder);
        server.terminate();
        server.wait();
        let site = Self {
            server: serve(&folder),
            folder,
        };
        fs::copy(site.file(), site.path("earlier")).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("lamed.db")
    }

    fn restart(&mut self) {
        self.server.terminate();
        self.server.wait();
        self.server = serve(&self.folder);
    }

    async fn status(&self, path: &str) -> u16 {
        self.server.client().get(path).await.status
    }

    /// 503 for events, results and `/readyz`, with this reason in the log.
    async fn is_unavailable(&self, reason: &str) {
        assert_eq!(self.status(&track("v", "after")).await, 503, "{reason}");
        assert_eq!(self.status("/readyz").await, 503, "{reason}");
        let key = [("x-api-key", self.server.key.as_str())];
        let mut client = self.server.client();
        let results = client.send("GET", "/prod/experiments", &key, "").await;
        assert_eq!(results.unwrap().status, 503, "{reason}");
        let log = self.server.log();
        assert!(log.contains(reason), "{reason} is not in {log}");
    }

    async fn counts(&self, uuid: &str) -> String {
        self.server.client().get(&track("v", uuid)).await.body
    }
}

fn serve(folder: &TempDir) -> Server {
    let store = format!("embedded:{}", folder.path().join("lamed.db").display());
    Server::start(&["--store", &store])
}

#[tokio::test]
async fn a_file_that_is_moved_gets_503_until_it_is_back() {
    let site = Site::new();
    assert_eq!(site.counts("1").await, COUNTED);
    fs::rename(site.file(), site.path("moved.db")).unwrap();
    site.is_unavailable("lamed.db` was removed or moved").await;
    // It has all that was acknowledged, without the log beside it.
    fs::copy(site.path("moved.db"), site.path("copy.db")).unwrap();
    assert_eq!(participants(&site.path("copy.db")), 1);

    fs::rename(site.path("moved.db"), site.file()).unwrap();
    assert_eq!(site.status("/readyz").await, 200);
    assert_eq!(site.counts("after").await, COUNTED);
    assert_eq!(site.counts("after").await, DUPLICATE);
    assert_eq!(site.counts("1").await, DUPLICATE);
}

#[tokio::test]
async fn a_file_that_is_removed_or_replaced_gets_503_until_a_restart() {
    let mut site = Site::new();
    assert_eq!(site.counts("1").await, COUNTED);
    fs::remove_file(site.file()).unwrap();
    site.is_unavailable("lamed.db` was removed or moved").await;
    site.restart();
    assert_eq!(site.counts("1").await, COUNTED);

    fs::rename(site.path("earlier"), site.file()).unwrap();
    site.is_unavailable("lamed.db` was replaced by another file")
        .await;
    site.restart();
    assert_eq!(site.counts("1").await, COUNTED);
    site.restart();
    assert_eq!(site.counts("1").await, DUPLICATE);
    is_whole(&site.file());
}

#[tokio::test]
async fn a_log_that_is_removed_loses_nothing_that_was_acknowledged() {
    let mut site = Site::new();
    assert_eq!(site.counts("1").await, COUNTED);
    fs::remove_file(site.path("lamed.db-wal")).unwrap();
    site.is_unavailable("lamed.db-wal` was removed or moved")
        .await;
    site.server.kill();
    site.server = serve(&site.folder);
    assert_eq!(site.counts("1").await, DUPLICATE);
    assert_eq!(site.counts("after").await, COUNTED);
    is_whole(&site.file());
}

#[tokio::test]
async fn a_file_that_is_not_whole_gets_503_and_is_not_written_to() {
    let truncate = |to: u64| {
        move |site: &Site| {
            let file = File::options().write(true).open(site.file()).unwrap();
            file.set_len(to).unwrap();
        }
    };
    let overwrite = |site: &Site| {
        fs::copy(site.path("earlier"), site.file()).unwrap();
    };
    let scribble = |site: &Site| fs::write(site.file(), "not a database".repeat(1_000)).unwrap();
    let cut_the_log = |site: &Site| {
        let log = File::options().write(true).open(site.path("lamed.db-wal"));
        log.unwrap().set_len(0).unwrap();
    };
    type Harm<'a> = &'a dyn Fn(&Site);
    for (harm, reason) in [
        (&truncate(0) as Harm, "lamed.db` was truncated"),
        (&truncate(8192), "lamed.db` was truncated"),
        (&overwrite, "lamed.db` was overwritten with another file"),
        (&scribble, "lamed.db` was overwritten"),
        (&cut_the_log, "lamed.db-wal` was truncated"),
    ] {
        let mut site = Site::new();
        for uuid in ["1", "2"] {
            assert_eq!(site.counts(uuid).await, COUNTED);
            if uuid == "1" {
                site.restart();
            }
        }
        harm(&site);
        let left = fs::read(site.file()).unwrap();
        site.is_unavailable(reason).await;
        site.is_unavailable(reason).await;
        site.server.terminate();
        site.server.wait();
        assert!(
            fs::read(site.file()).unwrap() == left,
            "{reason}: written to"
        );
    }
}

/// Whatever another program does with it as SQLite has it is no trouble.
#[tokio::test]
async fn other_programs_may_use_the_file() {
    let site = Site::new();
    for number in 0..20 {
        assert_eq!(site.counts(&number.to_string()).await, COUNTED);
    }
    let other = Connection::open(site.file()).unwrap();
    for (number, statement) in [
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "CREATE TABLE other AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 9999)
           SELECT n FROM n",
        "PRAGMA wal_checkpoint(FULL)",
        "DROP TABLE other",
        "VACUUM",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ]
    .into_iter()
    .enumerate()
    {
        other.execute_batch(statement).unwrap();
        assert_eq!(site.status("/readyz").await, 200, "{statement}");
        assert_eq!(site.counts(&format!("more {number}")).await, COUNTED, "{statement}");
    }
    drop(other);
    assert_eq!(site.counts("1").await, DUPLICATE);
}

fn participants(file: &Path) -> u64 {
    let connection = Connection::open(file).unwrap();
    (connection.query_row("SELECT sum(count) FROM counters", [], |row| row.get(0))).unwrap()
}

fn is_whole(file: &Path) {
    let connection = Connection::open(file).unwrap();
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

/// A disk on which nothing gets done while a file stands beside the store.
const FREEZE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    while (access(getenv("TEST_FROZEN"), F_OK) == 0)
        usleep(1000);
}
int fsync(int file) { wait_for_the_disk(); return syscall(SYS_fsync, file); }
int fdatasync(int file) { wait_for_the_disk(); return syscall(SYS_fdatasync, file); }
"#;

#[tokio::test]
async fn a_disk_that_does_not_answer_gets_503_and_keeps_nobody() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::write(path("freeze.c"), FREEZE).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([path("freeze.so"), path("freeze.c")])
        .status();
    assert!(built.unwrap().success());
    let store = ["--store", "embedded:lamed.db"];
    let mut running = line(
        &home,
        &[&["serve", "--json", "--listen", "127.0.0.1:0"], &store[..]].concat(),
    )
    .env("LD_PRELOAD", path("freeze.so"))
    .env("TEST_FROZEN", path("frozen"))
    .start();
    let ready: Value = serde_json::from_str(running.until("\n")).unwrap();
    let track_url = ready["track_url"].as_str().unwrap();
    let address = track_url.split('/').nth(2).unwrap();
    let get = async |path: &str| {
        let start = Instant::now();
        let reply = Client::new(address).get(path).await;
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
        (reply.status, reply.body)
    };
    let unavailable = r#"{"message":"the store cannot be reached: try again"}"#;
    assert_eq!(get(&track("v", "1")).await, (200, COUNTED.to_owned()));

    fs::write(path("frozen"), "").unwrap();
    let event = track("v", "2");
    assert_eq!(get(&event).await, (503, unavailable.to_owned()));
    assert_eq!(get("/readyz").await.0, 503);
    fs::remove_file(path("frozen")).unwrap();
    // Whether it was counted or not, it is now, and once.
    assert_eq!(get(&event).await.0, 200);
    assert_eq!(get(&event).await, (200, DUPLICATE.to_owned()));
    assert_eq!(get("/readyz").await.0, 200);

    fs::write(path("frozen"), "").unwrap();
    assert_eq!(get(&track("v", "3")).await.0, 503);
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stderr.contains("no answer within 2s"), "{ended}");
    assert!(ended.stderr.contains("the store is not closed"), "{ended}");
    assert_eq!(participants(&path("lamed.db")).min(2), 2);
}

/// Files that may not grow stand for a full disk, at every place where it may be full.
#[tokio::test]
async fn a_disk_that_was_full_is_used_again() {
    let home = tempfile::tempdir().unwrap();
    let serve = [
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--store",
        "embedded:lamed.db",
    ];
    let mut running = line(&home, &serve)
        .under("sh", &["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .start();
    let ready: Value = serde_json::from_str(running.until("\n")).unwrap();
    let address = ready["track_url"]
        .as_str()
        .unwrap()
        .split('/')
        .nth(2)
        .unwrap()
        .to_owned();
    let mut client = Client::new(&address);
    let pid = running.pid().to_string();
    let let_files_grow_to = |size: &str| {
        let status = Command::new("prlimit")
            .args(["--pid", &pid, &format!("--fsize={size}:")])
            .status();
        assert!(status.unwrap().success());
    };
    let log = home.path().join("lamed.db-wal");
    let mut counted = 0;
    for more in [0, 1, 24, 4_096, 4_120, 10_000, 50_001] {
        let room = log.metadata().unwrap().len() + more;
        let_files_grow_to(&room.to_string());
        let event = |number: u64| track("v", &number.to_string());
        let refused = loop {
            match client.get(&event(counted)).await.status {
                200 => counted += 1,
                status => break status,
            }
        };
        assert_eq!(refused, 503);
        assert_eq!(client.get(&event(counted)).await.status, 503);
        let_files_grow_to("unlimited");
        assert_eq!(client.get(&event(counted)).await.body, COUNTED, "{more}");
        assert_eq!(client.get("/readyz").await.status, 200);
        counted += 1;
    }
    running.terminate();
    assert_eq!(running.end().code, Some(0));
    assert_eq!(participants(&home.path().join("lamed.db")), counted);
    is_whole(&home.path().join("lamed.db"));
}

/// So many remembered keys that removing them takes many pieces.
const MANY: u64 = 300_000;

fn filled(folder: &TempDir) -> PathBuf {
    let mut server = serve(folder);
    server.terminate();
    server.wait();
    let file = folder.path().join("lamed.db");
    let connection = Connection::open(&file).unwrap();
    let fill = format!(
        "INSERT INTO counters VALUES (1, 'alephbet', 'e', 'participate', 'v', {MANY}),
           (2, 'alephbet', 'e', 'buy', 'v', 0), (3, 'alephbet', 'other', 'participate', 'v', 1);
         INSERT INTO days VALUES (1, '2026-11-23', {MANY});
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {MANY})
         INSERT INTO remembered SELECT 1, randomblob(16), 1795392123456, 9e15 FROM n;"
    );
    connection.execute_batch(&fill).unwrap();
    file
}

/// Of the deleted counter: keys in the table.
fn left(connection: &Connection) -> u64 {
    let keys = "SELECT count(*) FROM remembered WHERE counter = 1";
    connection.query_row(keys, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_large_delete_is_one_step_for_readers_and_lets_others_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let file = filled(&folder);
    let mut server = serve(&folder);
    let mut client = server.client();
    let key = [("x-api-key", server.key.as_str())];
    let delete = "/prod/delete?experiment=e";
    let deleted = client.send("DELETE", delete, &key, "").await.unwrap();
    assert_eq!(deleted.body, r#"{"deleted":2}"#);
    let experiments = server.experiments().await;
    assert_eq!(experiments.len(), 1, "{experiments:?}");
    let connection = Connection::open(&file).unwrap();
    let mut between = 0;
    while left(&connection) > 0 {
        let event = track("v", &between.to_string());
        assert_eq!(client.get(&event).await.body, COUNTED);
        between += 1;
    }
    assert!(between >= 3, "{between} events between {MANY} keys");

    // Again, and the server dies in the middle.
    drop(connection);
    server.terminate();
    server.wait();
    fs::remove_file(&file).unwrap();
    filled(&folder);
    server = serve(&folder);
    let key = [("x-api-key", server.key.as_str())];
    let deleted = server.client().send("DELETE", delete, &key, "").await;
    assert_eq!(deleted.unwrap().body, r#"{"deleted":2}"#);
    server.kill();
    let connection = Connection::open(&file).unwrap();
    assert!(
        (1..=MANY).contains(&left(&connection)),
        "all was removed at once"
    );
    let server = serve(&folder);
    assert_eq!(server.experiments().await.len(), 1);
    let mut client = server.client();
    assert_eq!(client.get(&track("v", "0")).await.body, COUNTED);
    assert_eq!(client.get(&track("v", "0")).await.body, DUPLICATE);
    assert_eq!(server.experiments().await.len(), 2);
    while left(&connection) > 0 {
        assert_eq!(client.get("/readyz").await.status, 200);
    }
    drop(connection);
    is_whole(&file);
}
