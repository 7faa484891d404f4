//! The commands on all pages that are not lamed's own: `curl` is run, the others are listed.

use std::fs;
use std::process::Command;

use super::{Block, Page, Shown, blocks, commands, pages, root};
use crate::support::Server;

/// Commands that no test can run as they stand there, by how they begin, and why.
const NOT_RUN: [(&str, &str); 20] = [
    ("aws ", "makes a Redis in the reader's account"),
    ("benches/", "runs for minutes"),
    (
        "cargo build ",
        "builds for minutes; `tests/run` does it once",
    ),
    ("cargo install ", "the same"),
    (
        "curl \"https://YOUR-URL/",
        "the address of the reader's deployment",
    ),
    ("curl \"http://localhost:5000/", "asks sixpack"),
    (
        "docker build ",
        "builds an image from a release build; `packaging` has a test for it",
    ),
    ("docker run ", "runs that image"),
    ("echo '{}' | sudo ", "writes to the system"),
    (
        "export ",
        "sets a variable of the reader's shell; the test gives it to `curl`",
    ),
    ("git pull", "fetches a newer version"),
    (
        "man ",
        "opens a pager; `manual::the_pages_are_shown_without_a_warning` shows the pages",
    ),
    ("mkdir ", "makes a folder for the reader"),
    (
        "python3 visitors.py",
        "`code::invented_visitors_end_in_a_verdict` runs it",
    ),
    ("ssh ", "leads to the reader's server"),
    ("sudo install ", "writes to the system"),
    ("sudo lamed backup ", "the same"),
    (
        "sudo lamed --config /etc/",
        "the same; other pages show these commands without `sudo`",
    ),
    ("sudo systemctl ", "needs systemd"),
    ("tests/run", "it is what runs this"),
];

fn all() -> Vec<(Page, Vec<Shown>)> {
    let with_commands = |page: Page| {
        let others = commands(&page.text);
        let others = others.into_iter().filter(|shown| shown.lamed().is_none());
        let others = others.collect();
        (page, others)
    };
    pages().into_iter().map(with_commands).collect()
}

#[test]
fn every_other_command_is_run_or_has_a_reason() {
    let all = all();
    let (mut used, mut wrong) = (Vec::new(), Vec::new());
    for shown in all.iter().flat_map(|(_, shown)| shown) {
        // A script of this repository is there.
        let program = &shown.words[0];
        let is_path = program.contains('/') && !program.starts_with(['/', '~']);
        assert!(
            !is_path || root().join(program).exists(),
            "$ {}",
            shown.line
        );
        if asks_this_machine(shown) {
            continue;
        }
        let listed = NOT_RUN
            .iter()
            .find(|(start, _)| shown.line.starts_with(start));
        match listed {
            Some((start, _)) => used.push(*start),
            None => wrong.push(format!("$ {}", shown.line)),
        }
    }
    assert!(
        wrong.is_empty(),
        "no test runs these, and no reason is listed:\n{}",
        wrong.join("\n")
    );
    let unused = NOT_RUN.iter().find(|(start, _)| !used.contains(start));
    assert_eq!(unused, None, "no page shows it");
}

fn asks_this_machine(shown: &Shown) -> bool {
    shown.words[0] == "curl" && shown.line.contains("http://127.0.0.1:3000/")
}

/// `curl`: the reply is what is shown. The commands of a page ask one server, which has the config of the page.
#[test]
fn every_reply_is_as_shown() {
    let mut asked = 0;
    for (page, shown) in all() {
        let mut server = None;
        for shown in shown.iter().filter(|shown| asks_this_machine(shown)) {
            let server = server.get_or_insert_with(|| serve(&page));
            let line = shown.line.replace("127.0.0.1:3000", &server.address);
            let output = Command::new("sh")
                .args(["-c", &line])
                .env("LAMED_API_KEY", &server.key)
                .output()
                .unwrap();
            let reply = String::from_utf8(output.stdout).unwrap();
            // Where no reply is shown, it is one of success.
            let fits = match shown.output.trim_end() {
                "" => !reply.contains("message"),
                output => fits(reply.trim_end(), output),
            };
            assert!(
                output.status.success() && fits,
                "{}: $ {}\n{reply}",
                page.file,
                shown.line
            );
            asked += 1;
        }
    }
    assert!(asked > 10, "only {asked} calls of curl");
}

/// With the first config of experiments on the page, and the store of which it shows a reply.
fn serve(page: &Page) -> Server {
    let home = tempfile::tempdir().unwrap();
    let mut configs = blocks(&page.text).into_iter();
    let declares =
        |block: &Block| block.language == "json" && block.text.contains("\"experiments\"");
    if let Some(config) = configs.find(declares) {
        fs::write(home.path().join("config.json"), config.text).unwrap();
    }
    let store = match page.text.contains("\"store\":\"sqlite\"") {
        true => "embedded:lamed.db",
        false => "embedded",
    };
    let key = "a-long-random-text-of-your-own";
    Server::start_in(home, "127.0.0.1:0", &["--store", store, "--api-key", key])
}

/// Whether the text is what is shown, where `…` stands for anything.
pub fn fits(text: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn dots_stand_for_anything() {
    for (text, shown, expected) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "a…", true),
        ("abcd", "a…c…", true),
        ("abcd", "a…c", false),
        ("ac", "a…c", true),
    ] {
        assert_eq!(fits(text, shown), expected, "{text} {shown}");
    }
}
