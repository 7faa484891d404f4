//! `lamed configure`

use std::fs;

use lamed::assets::CONFIG_TEMPLATE;
use tempfile::TempDir;

use super::*;
use crate::support::{Line, line};

const FILE: &str = ".lamed/config.json";

/// An editor that puts these texts, one each time, in the place of what it is given.
fn editor(home: &TempDir, texts: &[&str]) -> &'static str {
    for (number, text) in texts.iter().enumerate() {
        fs::write(home.path().join(format!("text-{number}")), text).unwrap();
    }
    let script = r#"for text in text-*; do cat "$text" >"$1" && rm "$text" && exit; done"#;
    fs::write(home.path().join("editor"), script).unwrap();
    "sh editor"
}

fn configure(home: &TempDir) -> Line {
    line(home, &["configure"])
}

#[test]
fn configure_makes_the_file_from_the_template_for_its_user_alone() {
    let home = home();
    (configure(&home).env("EDITOR", "cat")).gives(
        0,
        CONFIG_TEMPLATE,
        "created `~/.lamed/config.json`\n`~/.lamed/config.json` is in order\n",
    );
    assert_eq!(mode(&home.path().join(FILE)), 0o600);
}

#[test]
fn configure_opens_what_is_there_in_the_visual_editor_first() {
    let home = home();
    let edited = r#"{"redis": {"host": "h", "charset": "utf-8"}}"#;
    fs::write(home.path().join("config.json"), "{}").unwrap();
    configure(&home)
        .env("VISUAL", editor(&home, &[edited]))
        .env("EDITOR", "false")
        .gives(
            0,
            "",
            "warning: `redis.charset` is an option of redis-py that lamed does not use\n\
             `config.json` is in order\n",
        );
    // Looking at it changes nothing.
    (configure(&home).env("EDITOR", "cat")).run();
    let files = (
        fs::read_to_string(home.path().join("config.json")).unwrap(),
        home.path().join(FILE).exists(),
    );
    assert_eq!(files, (edited.to_owned(), false));
}

#[test]
fn configure_asks_again_on_a_terminal() {
    for (answer, shown, code, text) in [
        (
            "y",
            "Edit it again? yes\n`~/.lamed/config.json` is in order\n",
            0,
            "{}",
        ),
        (
            "n",
            "Edit it again? no\nerror: `~/.lamed/config.json` was left as it is\n",
            2,
            "{,}",
        ),
    ] {
        let home = home();
        let outcome = configure(&home)
            .env("EDITOR", editor(&home, &["{,}", "{}"]))
            .run_on_terminal(&[("[Y/n]", answer)]);
        assert_eq!(
            (outcome.code, outcome.stdout),
            (
                Some(code),
                format!(
                    "created `~/.lamed/config.json`\n\
                     error: ~/.lamed/config.json:1:2: expected a key in double quotes\n{shown}"
                )
            )
        );
        let path = home.path().join(FILE);
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), mode(&path)),
            (text, 0o600)
        );
    }
}

#[test]
fn configure_says_what_keeps_it_from_editing() {
    let created = "created `~/.lamed/config.json`\n";
    let none = "error: no terminal and no `$EDITOR`: edit `~/.lamed/config.json` yourself\n";
    for (editor, code, message) in [
        ("", 2, none),
        (
            "no-such-editor --wait",
            1,
            "error: cannot start the editor `no-such-editor --wait`: No such file or directory \
             (os error 2)\n",
        ),
        (
            "false",
            1,
            "error: the editor `false` failed: exit status: 1\n",
        ),
    ] {
        (configure(&home()).env("EDITOR", editor)).gives(code, "", &format!("{created}{message}"));
    }
    let nowhere = home();
    let outcome = configure(&nowhere).env("PATH", "").run_on_terminal(&[]);
    let error = "error: no editor found: name yours in `$EDITOR`\n";
    assert_eq!(
        (outcome.code, outcome.stdout),
        (Some(1), format!("{created}{error}"))
    );
    let home = home();
    fs::write(home.path().join(".lamed"), "").unwrap();
    configure(&home).gives(
        1,
        "",
        "error: cannot create `~/.lamed`: File exists (os error 17)\n",
    );
}
