//! How commands with `--local` find the server beside them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use tempfile::TempDir;

use super::serve;
use crate::cli::{home, mode};
use crate::support::{Outcome, REMEMBERED, Server, line};

/// In the home of a server, while it runs: how to reach it.
fn local(home: &TempDir, address: &str) -> PathBuf {
    let (_, port) = address.rsplit_once(':').unwrap();
    home.path().join(format!(".lamed/local/{port}.json"))
}

/// What a command says that finds no server.
const NONE_RUNS: &str = "error: your `lamed serve --local` is not running on this machine: start it, or \
                         use `--url BASE`\n";

#[test]
fn a_local_server_is_found_by_the_commands_beside_it_as_long_as_it_runs() {
    let mut server = Server::start(&["--local", "--store", "embedded"]);
    let path = local(&server.home, &server.address);
    let results = line(&server.home, &["results", "--local"]);
    // What the environment holds is the key of another server.
    let results = results.env("LAMED_API_KEY", "other");
    results.gives(0, "", &format!("no events yet\n{REMEMBERED}"));
    let track_url = format!("<script src=\"http://{}/prod/lamed.js\">", server.address);
    assert!(
        line(&server.home, &["snippet", "--local"])
            .run()
            .stdout
            .contains(&track_url)
    );
    assert_eq!(mode(&path), 0o600);

    // A later one goes first, and leaves the earlier one to be found.
    let later = serve(
        &server.home,
        &[
            "--local",
            "--store",
            "embedded",
            "--api-key",
            "the-key-of-the-test",
        ],
    );
    let mut later = later.start();
    later.until("results");
    let found = || line(&server.home, &["snippet", "--local"]).run().stdout;
    assert!(!found().contains(&track_url));
    later.terminate();
    assert_eq!(later.end().code, Some(0));
    assert!(found().contains(&track_url));
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(0));
    assert!(!path.exists());
    for command in ["results", "snippet"] {
        line(&server.home, &[command, "--local"]).gives(1, "", NONE_RUNS);
    }
}

#[test]
fn a_local_server_that_crashed_is_missed() {
    let mut server = Server::start(&["--local", "--store", "embedded"]);
    server.kill();
    assert!(local(&server.home, &server.address).exists());
    line(&server.home, &["results", "--local"]).gives(1, "", NONE_RUNS);

    // Whoever has its port now is not told the key.
    let stranger = TcpListener::bind(&server.address).unwrap();
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        for stream in stranger.incoming().map_while(Result::ok) {
            let _ = told.send(answer(stream));
        }
    });
    for command in [
        &["results"][..],
        &["delete", "e", "--yes"],
        &["dashboard"],
        &["snippet"],
    ] {
        line(&server.home, &[command, &["--local"]].concat()).gives(1, "", NONE_RUNS);
        let heard = heard.recv().unwrap();
        assert!(heard.starts_with("GET /proof?nonce="), "{heard}");
        assert!(!heard.contains(&server.key), "{heard}");
    }
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
}

/// Answers as a server might; gives what it was asked.
fn answer(stream: TcpStream) -> String {
    let mut asked = String::new();
    let mut lines = BufReader::new(&stream);
    while !asked.ends_with("\r\n\r\n") && lines.read_line(&mut asked).unwrap() > 0 {}
    let proof = "A".repeat(43);
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n{proof}\n");
    let _ = (&stream).write_all(reply.as_bytes());
    asked
}

#[test]
fn a_home_that_cannot_be_written_only_hides_the_server() {
    let home = home();
    fs::write(home.path().join(".lamed"), "").unwrap();
    let mut server = serve(&home, &["--local", "--store", "embedded:lamed.db"]).start();
    server.until("results");
    server.terminate();
    let Outcome { code, stderr, .. } = server.end();
    let warning = ": Not a directory (os error 20); `--local` will not find this server\n";
    assert_eq!(code, Some(0));
    assert!(
        stderr.starts_with("warning: cannot write `~/.lamed/local/"),
        "{stderr}"
    );
    assert!(stderr.ends_with(warning), "{stderr}");
}
