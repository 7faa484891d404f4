//! The examples of `docs/browser-client.md` that give a visitor an id in a cookie.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{is_skipped, tools};

/// The block of code in this language of the section.
fn example(language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/browser-client.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text.split("\n## Several subdomains").nth(1).unwrap();
    let block = section.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// Tries an example with this cookie: the id that it gives, and what it sets.
struct Language {
    name: &'static str,
    program: fn(&str, &str) -> Command,
    known: &'static str,
}

fn node(code: &str, cookie: &str) -> Command {
    let code = format!(
        "const crypto = require('node:crypto')\n{code}\nlet set; \
         const id = visitor({{headers: {{cookie: {}}}}}, {{setHeader(name, value) {{ set = name + ': ' + value }}}}); \
         console.log(JSON.stringify([id, set]))",
        json!(format!("other=1; visitor={cookie}; last=2"))
    );
    let mut command = Command::new("node");
    command.args(["-e", &code]);
    command
}

fn php(code: &str, cookie: &str) -> Command {
    let code = format!(
        "namespace Test; function setcookie(...$all) {{ global $set; $set = json_encode($all); }}\n{code}\n\
         $_COOKIE['visitor'] = json_decode({}); $id = visitor(); echo json_encode([$id, $set]);",
        // As a text of PHP.
        format_args!("'{}'", json!(cookie).to_string().replace('\'', "\\'"))
    );
    let mut command = Command::new("php");
    command.args(["-r", &code]);
    command
}

fn python(code: &str, cookie: &str) -> Command {
    let code = format!(
        "import json\nfrom types import SimpleNamespace as Some\n{code}\nset = []\n\
         response = Some(set_cookie=lambda *given, **more: set.append([given, more]))\n\
         id = visitor(Some(cookies={{'visitor': json.loads({})}}), response)\n\
         print(json.dumps([id, json.dumps(set)]))",
        json!(json!(cookie).to_string())
    );
    let mut command = Command::new(tools().join("venv/bin/python"));
    command.args(["-c", &code]);
    command
}

#[test]
fn an_id_in_a_cookie_is_kept_and_nothing_else_gets_into_the_page() {
    let languages = [
        Language {
            name: "js",
            program: node,
            known: "123e4567-e89b-42d3-a456-426614174000",
        },
        Language {
            name: "php",
            program: php,
            known: "0123456789abcdef0123456789abcdef",
        },
        Language {
            name: "python",
            program: python,
            known: "0123456789abcdef0123456789abcdef",
        },
    ];
    for language in languages {
        if language.name == "php" && is_skipped("php", "PHP") {
            continue;
        }
        let code = example(language.name);
        let visit = |cookie: &str| -> (String, String) {
            let output = (language.program)(&code, cookie).output().unwrap();
            let given: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("{}: {output:?}", language.name));
            let text = |place: usize| given[place].as_str().unwrap().to_owned();
            (text(0), text(1))
        };
        let (id, set) = visit(language.known);
        assert_eq!(id, language.known);
        for word in [
            language.known,
            "example.com",
            "31536000",
            "httponly",
            "secure",
            "lax",
        ] {
            // PHP's function takes a time, not an age.
            let is_there = set.to_lowercase().contains(word);
            assert!(
                is_there || word == "31536000" && language.name == "php",
                "{word}: {set}"
            );
        }
        let mut made = Vec::new();
        for foreign in ["", "\"><script>", &format!("{}\n", language.known)] {
            let (id, set) = visit(foreign);
            let plain = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
            assert!(plain(&id) && id.len() >= 32 && set.contains(&id), "{id}");
            made.push(id);
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 3, "{}", language.name);
    }
}
