//! The config file of a command: where it is looked for, and what is said of it.

use std::fs;

use tempfile::TempDir;

use crate::support::{Line, line};

/// A home in which each place for a config file names its own namespace.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".lamed")).unwrap();
    for (file, namespace) in [
        ("named.json", "named"),
        ("environment.json", "environment"),
        ("config.json", "here"),
        (".lamed/config.json", "at home"),
    ] {
        let text = format!(r#"{{"namespace": "{namespace}"}}"#);
        fs::write(home.path().join(file), text).unwrap();
    }
    home
}

fn snippet(home: &TempDir, arguments: &[&str]) -> Line {
    let snippet = ["snippet", "--alephbet", "--url", "https://x.example/prod"];
    line(home, &[&snippet, arguments].concat())
}

/// The namespace in the snippet that a command prints.
fn namespace(line: Line) -> String {
    let html = line.run().stdout;
    let start = "track_url = \"https://x.example/prod/track\", namespace = \"";
    let (_, rest) = html.split_once(start).unwrap();
    rest.split_once("\";").unwrap().0.to_owned()
}

#[test]
fn the_file_is_looked_for_in_this_order() {
    let home = home();
    let by_environment = |line: Line| line.env("LAMED_CONFIG", "environment.json");
    let used = [
        namespace(by_environment(snippet(&home, &["--namespace", "mine"]))),
        namespace(by_environment(snippet(&home, &["--config", "named.json"]))),
        namespace(by_environment(snippet(&home, &[]))),
        namespace(snippet(&home, &[])),
        {
            fs::remove_file(home.path().join("config.json")).unwrap();
            namespace(snippet(&home, &[]))
        },
        {
            fs::remove_dir_all(home.path().join(".lamed")).unwrap();
            namespace(snippet(&home, &[]).env("LAMED_CONFIG", ""))
        },
    ];
    assert_eq!(
        used,
        [
            "mine",
            "named",
            "environment",
            "here",
            "at home",
            "alephbet"
        ]
    );
}

#[test]
fn a_named_file_has_to_be_there() {
    let home = home();
    let missing = "error: `gone.json`: file not found: run `lamed configure` to create it\n";
    snippet(&home, &["--config", "gone.json"]).gives(2, "", missing);
    (snippet(&home, &[]).env("LAMED_CONFIG", "gone.json")).gives(2, "", missing);
    let folder = "error: `.lamed`: cannot read the file: Is a directory (os error 21)\n";
    snippet(&home, &["--config", ".lamed"]).gives(2, "", folder);
}

#[test]
fn what_the_file_says_in_vain_is_told_on_stderr() {
    let home = home();
    let text = r#"{"redis": {"charset": "utf-8", "decode_responses": true}}"#;
    fs::write(home.path().join("config.json"), text).unwrap();
    assert_eq!(
        snippet(&home, &[]).run().stderr,
        "warning: `redis.charset` is ignored: lamed does not use this option of redis-py\n\
         warning: `redis.decode_responses` is ignored: lamed does not use this option of redis-py\n\
         the config declares no experiments: change the example in the snippet\n"
    );
    assert_eq!(snippet(&home, &["--quiet"]).run().stderr, "");
}

#[test]
fn an_error_is_one_line_whatever_stands_in_the_file() {
    let home = home();
    let text = r#"{"a\nb\u001b[31m": 1}"#;
    fs::write(home.path().join("config.json"), text).unwrap();
    let stderr = snippet(&home, &["--color", "always"]).run().stderr;
    let (line, _) = stderr.split_once(": expected one of").unwrap();
    assert_eq!(
        (stderr.lines().count(), line),
        (
            1,
            "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: config.json:1:17: unknown key `a<U+000A>b<U+001B>[31m`"
        ),
    );
}
