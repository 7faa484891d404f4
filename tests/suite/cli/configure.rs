//! `lamed configure`

use std::fs;

use lamed::assets::CONFIG_TEMPLATE;
use tempfile::TempDir;

use super::*;
use crate::support::{Line, line};

const FILE: &str = ".lamed/config.json";

/// What is said of a new file, and of the schema beside it.
const CREATED: &str = "created `~/.lamed/config.json`\n\
    created `~/.lamed/config.schema.json`: editors use it to complete and check the config\n";

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
        &format!("{CREATED}`~/.lamed/config.json` is valid\n"),
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
            "warning: `redis.charset` is ignored: lamed does not use this option of redis-py\n\
             `config.json` is valid\n",
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
            "Edit the file again? yes\n`~/.lamed/config.json` is valid\n",
            0,
            "{}",
        ),
        (
            "n",
            "Edit the file again? no\nerror: `~/.lamed/config.json` is still invalid\n",
            2,
            "{,}",
        ),
        ("\u{3}", "Edit the file again? [Y/n] \n", 130, "{,}"),
    ] {
        let home = home();
        let outcome = configure(&home)
            .env("EDITOR", editor(&home, &["{,}", "{}"]))
            .run_on_terminal(&[("[Y/n]", answer)]);
        assert_eq!(
            (outcome.code, outcome.stdout, outcome.stderr.as_str()),
            (
                Some(code),
                format!(
                    "{CREATED}error: ~/.lamed/config.json:1:2: expected a key in double quotes\n{shown}"
                ),
                ""
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
    let none = "error: cannot open an editor: not a terminal, and `$EDITOR` is not set; edit `~/.lamed/config.json` yourself\n";
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
        (configure(&home()).env("EDITOR", editor)).gives(code, "", &format!("{CREATED}{message}"));
    }
    let nowhere = home();
    let outcome = configure(&nowhere).env("PATH", "").run_on_terminal(&[]);
    let error = "error: no editor found: set `$EDITOR`\n";
    assert_eq!(
        (outcome.code, outcome.stdout),
        (Some(1), format!("{CREATED}{error}"))
    );
    let home = home();
    fs::write(home.path().join(".lamed"), "").unwrap();
    configure(&home).gives(
        1,
        "",
        "error: cannot create `~/.lamed`: File exists (os error 17)\n",
    );
}

#[test]
fn the_schema_lies_beside_the_config_at_home_alone() {
    let home = home();
    let schema = line(&home, &["configure", "--schema"]).run().stdout;
    // Elsewhere nobody asked for a second file.
    let elsewhere = super::home();
    (line(&elsewhere, &["configure", "--config", "shop.json"]).env("EDITOR", "cat")).gives(
        0,
        &CONFIG_TEMPLATE.replace("  \"$schema\": \"./config.schema.json\",\n", ""),
        "created `shop.json`\n`shop.json` is valid\n",
    );
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    // That of an older lamed is brought up to date, where the config names it.
    let file = home.path().join(".lamed/config.schema.json");
    fs::create_dir(home.path().join(".lamed")).unwrap();
    fs::write(&file, "{}").unwrap();
    for (config, expected) in [("{}", "{}"), (CONFIG_TEMPLATE, schema.as_str())] {
        fs::write(home.path().join(FILE), config).unwrap();
        configure(&home).env("EDITOR", "true").run();
        assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    }
}
