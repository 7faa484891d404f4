//! What people mistype or forget, where it takes a config or a server to know what they meant.

use std::net::TcpListener;

use super::*;
use crate::support::{Outcome, free_port, line};

const CONFIG: &str = r#"{"experiments": {
    "button color": {"variants": {"red": 1, "blue": 1}},
    "old": {"variants": {"a": 1}, "archived": true},
    "price": {"variants": {"old": 1, "new": 1}}
}}"#;

#[test]
fn who_names_no_experiment_is_told_the_declared_ones() {
    let home = home();
    fs::write(home.path().join("other.json"), CONFIG).unwrap();
    let declared = "the config declares `button color`, `price`";
    for (command, form) in [
        ("start", "lamed start EXPERIMENT"),
        ("stop", "lamed stop EXPERIMENT"),
        ("ship", "lamed ship EXPERIMENT VARIANT"),
        ("restart", "lamed restart EXPERIMENT"),
        ("archive", "lamed archive EXPERIMENT"),
        ("delete", "lamed delete EXPERIMENT"),
    ] {
        let told = format!("error: missing experiment: `{form}`; {declared}\n");
        line(&home, &[command, "--config", "other.json"]).gives(2, "", &told);
        line(&home, &["--config", "other.json", command]).gives(2, "", &told);
        let by_environment = line(&home, &[command]).env("LAMED_CONFIG", "other.json");
        by_environment.gives(2, "", &told);
    }
    let ship = ["ship", "--config", "other.json", "button color"];
    line(&home, &ship).gives(
        2,
        "",
        "error: missing variant: expected one of `red`, `blue`\n",
    );
    for (given, told) in [
        (
            &["new", "--config", "other.json"][..],
            "missing name: `lamed new EXPERIMENT --variants old,new`",
        ),
        (
            &["new", "--config", "other.json", "price"],
            "missing variants: use `--variants`, the control first, for example `--variants old,new`",
        ),
        (
            &["serve", "--local", "--port", "4000"],
            "unknown option `--port`: use `--listen`, for example `--listen 127.0.0.1:3001`",
        ),
        (
            &["ship", "button", "color", "red"],
            "unexpected argument `red`: write a name with spaces in quotes, for example \"button color\"",
        ),
        (
            &["start", "button color", "--local"],
            "unknown option `--local`: `lamed start` changes the config file, and a running `lamed serve` loads it by \
             itself",
        ),
    ] {
        line(&home, given).gives(2, "", &format!("error: {told}\n"));
    }
    // Of a command that listens nowhere, clap says what it has.
    let outcome = line(&home, &["results", "--port", "4000"]).run();
    assert!(
        outcome.code == Some(2) && !outcome.stderr.contains("--listen"),
        "{outcome}"
    );
}

/// The port of an address.
fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

#[test]
fn a_port_alone_is_of_this_machine() {
    let home = home();
    for listen in ["0", ":0"] {
        let arguments = [
            "serve", "--local", "--store", "embedded", "--listen", listen,
        ];
        let mut server = line(&home, &arguments).start();
        server.until("track        http://127.0.0.1:");
        server.terminate();
        assert_eq!(server.end().code, Some(0));
    }
    let server = Server::start(&["--local", "--store", "embedded"]);
    line(&server.home, &["ready", "--listen", port(&server.address)]).gives(0, "ready\n", "");
}

#[test]
fn a_port_that_is_taken_by_lamed_is_named_so() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let free = "use `--listen 127.0.0.1:0` for a free port";
    let arguments = ["serve", "--store", "embedded", "--listen", &server.address];
    let Outcome { code, stderr, .. } = line(&server.home, &arguments).run();
    let (start, rest) = stderr.split_once(", started ").unwrap();
    let (time, rest) = rest.split_once(" UTC) ").unwrap();
    assert_eq!(code, Some(1));
    let (address, pid) = (&server.address, server.pid());
    assert_eq!(
        start,
        format!("error: cannot listen on {address}: your `lamed serve --local` (process {pid}")
    );
    assert!(time.len() == 16 && time.starts_with("20"), "{time}");
    assert_eq!(
        rest,
        format!("uses it: stop it with `kill {pid}`, or {free}\n")
    );
    let by_port = ["serve", "--store", "embedded", "--listen", port(address)];
    let by_port = line(&server.home, &by_port).run();
    assert_eq!(by_port.stderr, stderr);
    let metrics = [
        "serve",
        "--store",
        "embedded",
        "--listen",
        "0",
        "--metrics",
        address,
    ];
    let metrics = line(&server.home, &metrics).run();
    assert_eq!(metrics.stderr, stderr.replace("`--listen ", "`--metrics "));
    // Whose home is another one: it is lamed all the same.
    let home = home();
    let told = format!(
        "error: cannot listen on {address}: another `lamed serve` uses it: stop it, or {free}\n"
    );
    line(&home, &arguments).gives(1, "", &told);
    // Nobody at all.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let in_use = TcpListener::bind(&address).unwrap_err();
    drop(other);
    let holder = thread_that_closes(&address);
    let told = format!(
        "error: cannot listen on {address}: {in_use}; choose another address, for example `--listen 127.0.0.1:{}`\n",
        port(&address).parse::<u16>().unwrap().wrapping_add(1)
    );
    line(
        &home,
        &["serve", "--store", "embedded", "--listen", &address],
    )
    .gives(1, "", &told);
    drop(holder);
}

/// A program that is not lamed: it closes each connection.
fn thread_that_closes(address: &str) -> TcpListener {
    let listener = TcpListener::bind(address).unwrap();
    let clone = listener.try_clone().unwrap();
    std::thread::spawn(move || clone.incoming().for_each(drop));
    listener
}

#[test]
fn several_local_servers_are_named() {
    let first = Server::start(&["--local", "--store", "embedded"]);
    let serve = [
        "serve",
        "--local",
        "--store",
        "embedded",
        "--listen",
        "127.0.0.1:0",
        "--json",
    ];
    let mut second = line(&first.home, &serve).start();
    let ready: Value = serde_json::from_str(second.until("\n")).unwrap();
    let track = ready["track_url"].as_str().unwrap();
    let base = track.strip_suffix("/track").unwrap();
    let other = format!("http://{}/prod", first.address);
    let warning = format!(
        "warning: 2 of your servers run on this machine: lamed uses the one that you started last, {base}; for \
         another one use `--url {other}`\n"
    );
    let results = line(&first.home, &["results", "--local"]).run();
    assert!(results.stderr.starts_with(&warning), "{results}");
    // The key of the other one is found, too.
    let results = line(&first.home, &["results", "--url", &other]).run();
    let found = results.code == Some(0) && !results.stderr.contains("warning");
    assert!(found, "{results}");
    second.terminate();
    second.end();
    let results = line(&first.home, &["results", "--local"]).run();
    assert!(!results.stderr.contains("warning"), "{results}");
}

#[test]
fn a_url_without_its_stage_is_completed_in_words() {
    let home = home();
    let local = Server::start(&["--local", "--store", "embedded"]);
    let key = "the-key-of-the-test";
    let own = Server::start(&["--store", "embedded", "--api-key", key]);
    for (server, status) in [(&local, 403), (&own, 404)] {
        let root = format!("http://{}", server.address);
        let results = ["results", "--url", &root, "--api-key", &server.key];
        line(&home, &results).gives(
            1,
            "",
            &format!("error: {root} answered {status}: the API is at {root}/prod: use `--url {root}/prod`\n"),
        );
        let doctor = line(&home, &["doctor", "--url", &root]).run();
        assert!(
            doctor
                .stdout
                .contains(&format!("→ use `--url {root}/prod`\n")),
            "{doctor}"
        );
        let snippet = line(&home, &["snippet", "--url", &root]).run();
        let warning = format!(
            "warning: {root} does not serve `lamed.js`: check `--url`; most often it is `--url {root}/prod`\n"
        );
        assert!(snippet.stderr.starts_with(&warning), "{snippet}");
        // An address below the base is forgiven.
        for below in ["track", "experiments", "lamed.js", "lamed.mjs"] {
            let url = format!("{root}/prod/{below}");
            let results = ["results", "--url", &url, "--api-key", &server.key];
            assert_eq!(line(&home, &results).run().code, Some(0), "{below}");
        }
    }
}

#[test]
fn who_cannot_be_reached_is_named_with_the_reason() {
    let home = home();
    let server = Server::start(&["--local", "--store", "embedded"]);
    let dead = format!("http://127.0.0.1:{}", free_port());
    let secure = format!("https://{}/prod", server.address);
    for (url, reason) in [
        (dead, "Connection refused (os error 111)"),
        (secure, "the server there does not use HTTPS: try `http://`"),
    ] {
        line(&home, &["results", "--url", &url, "--api-key", "k"]).gives(
            1,
            "",
            &format!(
                "error: cannot reach {url}: {reason}; check the URL, and that the server runs\n"
            ),
        );
    }
}

#[test]
fn a_short_key_is_taken_where_nobody_else_can_try_it() {
    let home = home();
    let mut server = Server::start_in(
        home,
        "127.0.0.1:0",
        &["--local", "--store", "embedded", "--api-key", "k"],
    );
    let root = format!("http://{}/prod", server.address);
    let results = ["results", "--url", &root, "--api-key", "k"];
    assert_eq!(line(&server.home, &results).run().code, Some(0));
    server.kill();
}
