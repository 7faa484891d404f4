//! `lamed delete`, and how a command finds its API.

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::support::{Outcome, Server, line};

#[tokio::test]
async fn delete_takes_away_what_it_is_told_and_no_more() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    let kept = ("kept", "participate", "v", 1);
    let events = ["participate", "g", "h"];
    for event in events {
        count(&server, &[("e", event, "a", 2), ("e", event, "b", 2)]).await;
    }
    count(&server, &[kept]).await;
    let delete = |arguments: &[&str]| {
        line(
            &server.home,
            &[&["delete", "--local", "e", "--yes"], arguments].concat(),
        )
    };
    delete(&["--goal", "g", "--variant", "a"]).gives(
        0,
        "",
        "deleted experiment `e`, goal `g`, variant `a`: 1 counter\n",
    );
    delete(&["--goal", "h"]).gives(0, "", "deleted experiment `e`, goal `h`: 2 counters\n");
    delete(&["--goal", "participate", "--json"]).gives(0, "{\"deleted\":2}\n", "");
    delete(&["--variant", "a"]).gives(1, "", "error: experiment `e`, variant `a` not found\n");
    fs::write(
        server.home.path().join("config.json"),
        r#"{"experiments": {"declared": {}}}"#,
    )
    .unwrap();
    line(&server.home, &["delete", "--local", "declared", "--yes"]).gives(
        1,
        "",
        "error: experiment `declared` has no counts; to remove the experiment itself, delete it \
         from the config file\n",
    );
    delete(&["--namespace", "n", "--json"]).gives(
        1,
        "",
        "error: experiment `e` not found in namespace `n`\n",
    );
    // The error names what may be meant.
    for (arguments, message) in [
        (
            &["--goal", "particpate"][..],
            "experiment `e`, goal `particpate` not found: did you mean `participate`?",
        ),
        (
            &["--variant", "bb"],
            "experiment `e`, variant `bb` not found: did you mean `b`?",
        ),
    ] {
        let message = format!("error: {message}\n");
        delete(arguments).gives(1, "", &message);
    }
    line(&server.home, &["delete", "--local", "kpet", "--yes"]).gives(
        1,
        "",
        "error: experiment `kpet` not found: did you mean \
         `kept`?\n",
    );
    let hint = format!("deleted experiment `e`: 1 counter\n{REMEMBERED}");
    delete(&[]).gives(0, "", &hint);
    line(&server.home, &["results", "--local"]).gives(
        0,
        "kept\n · No conversions yet\n variant  participants\n v                   1\n",
        "",
    );
    // What was remembered is gone, too.
    count(&server, &[("e", "participate", "a", 2)]).await;
}

/// Where participants go, browsers that remember go on converting.
const REMEMBERED: &str = "hint: browsers remember their variant: lamed does not count them as participants again, but it \
     counts their conversions; to start again, use `lamed restart`\n";

#[tokio::test]
async fn delete_asks_first() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    count(&server, &[("e", "participate", "a", 2)]).await;
    let delete = || line(&server.home, &["delete", "--local", "e"]);
    delete().gives(
        2,
        "",
        &format!(
            "error: cannot ask for confirmation: not a terminal; use `--yes` to confirm: Delete experiment `e` \
             of namespace `alephbet` at http://{}/prod?\n",
            server.address
        ),
    );
    for (answer, code, shown) in [
        ("\u{3}", 130, "[y/N] \n"),
        ("n", 1, "no\nerror: cancelled: no changes made\n"),
        (
            "y",
            0,
            &*format!("yes\ndeleted experiment `e`: 1 counter\n{REMEMBERED}"),
        ),
    ] {
        let outcome = delete().run_on_terminal(&[("[y/N]", answer)]);
        let expected = format!(
            "Delete experiment `e` of namespace `alephbet` at http://{}/prod? {shown}",
            server.address
        );
        let Outcome { stdout, stderr, .. } = outcome;
        assert_eq!(
            (outcome.code, stdout, stderr.as_str()),
            (Some(code), expected, "")
        );
    }
}

#[test]
fn a_command_has_to_know_which_api_it_speaks_to() {
    let home = home();
    // The deployed one, where nothing else is said.
    let which = "error: no AWS region is set: use `--region`, set `AWS_REGION`, or run `aws configure`; \
                 use `--local` for the API of `lamed serve --local`\n";
    for command in [&["results"][..], &["delete", "e", "--yes"], &["snippet"]] {
        line(&home, command)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .gives(1, "", which);
        for url in [
            "x.example/prod",
            "ftp://x.example/prod",
            "http:///prod",
            "https://x.example/prod?a=b",
        ] {
            line(&home, &[command, &["--url", url]].concat()).gives(
                2,
                "",
                &format!("error: `--url {url}` is not the base URL of an API: expected a URL such as https://HOST/prod\n"),
            );
        }
    }
}

#[test]
fn what_answers_may_be_no_lamed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (base, home) = (
        format!("http://{}/prod", listener.local_addr().unwrap()),
        home(),
    );
    let said = Arc::new(Mutex::new(String::new()));
    let says = Arc::clone(&said);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            read_head(&mut stream);
            let reply = says.lock().unwrap().clone();
            let _ = stream.write_all(reply.as_bytes());
            // One that never ends.
            while reply.ends_with("[\r\n") && stream.write_all(&[b' '; 65_536]).is_ok() {}
        }
    });
    for (reply, error) in [
        (
            "200 OK\r\n\r\n[\r\n",
            format!("{base} sent more than 64 MiB: is it a lamed API?"),
        ),
        (
            "200 OK\r\n\r\n<html>",
            format!("{base} is not a lamed API: expected value at line 1 column 1; check the URL"),
        ),
        (
            "502 Bad Gateway\r\n\r\n<html>",
            format!("{base} answered 502"),
        ),
        (
            "404 Not Found\r\n\r\n{\"message\": \"not found\"}",
            format!(
                "{base} answered 404: not found; check the base URL: it must end with the stage, for \
                 example https://HOST/prod"
            ),
        ),
        (
            "503 Service Unavailable\r\n\r\n{\"message\": \"a\\u001b[2Jb\"}",
            format!("{base} answered 503: a<U+001B>[2Jb"),
        ),
        (
            "200 OK\r\ncontent-length: 9\r\n\r\n[",
            format!("lost the connection to {base}: end of file before message length reached"),
        ),
    ] {
        *said.lock().unwrap() = format!("HTTP/1.1 {reply}");
        let results = line(&home, &["results", "--url", &base]);
        results.gives(1, "", &format!("error: {error}\n"));
    }
}
