//! `lamed snippet`

use std::fs;
use std::process::{Command, Stdio};

use lamed::assets::{SNIPPET, alephbet};
use lamed::domain::natural_order;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::support::{Deadline, line};

#[test]
fn the_snippet_for_alephbet_shows_an_example_where_nothing_is_declared() {
    let home = home();
    let snippet = |arguments: &[&str]| {
        let snippet = ["snippet", "--alephbet", "--url", "https://x.example/prod/"];
        line(&home, &[&snippet, arguments].concat())
    };
    let html = SNIPPET
        .replace("{{alephbet}}", alephbet::URL)
        .replace("{{integrity}}", alephbet::INTEGRITY)
        .replace("{{track_url}}", "\"https://x.example/prod/track\"")
        .replace("{{namespace}}", "\"alephbet\"")
        .replace(
            "{{experiments}}",
            r#"  run({
    name: "button color", unit: "visitor",
    variants: {
      "blue": {weight: 50, activate: function () {
        // your code: show this variant
      }},
      "red": {weight: 50, activate: function () {
        // your code: show this variant
      }}
    },
    goals: ["button clicked"]
  });"#,
        );
    snippet(&[]).gives(
        0,
        &html,
        "the config declares no experiments: change the example in the snippet\n",
    );
    // Proxies and servers that change pages look for these.
    assert!(
        !["<head", "</head", "<body", "</body"]
            .iter()
            .any(|tag| html.contains(tag))
    );
    snippet(&["--json"]).gives(0, &format!("{}\n", json!({"html": html})), "");
}

/// What a browser would take for the script: up to the first `</script`.
fn script(html: &str) -> &str {
    let (_, rest) = html.split_once("<script>").unwrap();
    let (script, rest) = rest.split_once("</script").unwrap();
    assert_eq!(rest, ">\n");
    script
}

/// Runs a script as a page does that loaded a stub of AlephBet; gives what the stub was told.
fn told(home: &TempDir, script: &str) -> Value {
    let page = format!(
        r#"
const told = [];
const document = {{}};
const localStorage = {{getItem: () => null, setItem: () => undefined}};
const window = {{AlephBet: {{
  AlephbetAdapter: function (url) {{ this.url = url; }},
  LocalStorageAdapter: {{get: () => undefined, set: () => undefined}},
  utils: {{sha1: (text) => text}},
  Experiment: function ({{name, variants, user_id, tracking_adapter: {{url, namespace}}}}) {{
    const weights = Object.entries(variants).map(([name, variant]) => [name, variant.weight]);
    const {{goals}} = window.lamed._page.experiments.find((experiment) => experiment.name === name);
    this.pick_variant = () => undefined;
    this.run = () => told.push({{url, namespace, name, user_id, weights, goals}});
  }},
}}}};
const AlephBet = window.AlephBet;
window.lamedUserId = "ann";
{script}
console.log(JSON.stringify(told));
"#
    );
    let file = home.path().join("page.js");
    fs::write(&file, page).unwrap();
    let node = Command::new("node")
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _deadline = Deadline::of(&node);
    serde_json::from_slice(&node.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn the_snippet_for_alephbet_holds_every_name_exactly() {
    let mut names = [
        "</script><script>alert(1)//",
        "<!--",
        "\"quoted\" 'and' \\ back`${1}`",
        "\u{2028}\u{2029}",
        "🦀 שלום",
        "{{experiments}}",
        "__proto__",
        "constructor",
        "&lt;",
    ];
    names.sort_by(|a, b| natural_order(a, b));
    let weights: Map<_, _> = names
        .map(|name| (name.to_owned(), json!(7)))
        .into_iter()
        .collect();
    let mut goals: Vec<Value> = names.map(Value::from).into();
    goals.push(json!({"name": "again and again", "unique": false}));
    let experiments: Map<_, _> = (names.iter())
        .map(|name| {
            (
                name.to_string(),
                json!({
                    "variants": weights, "goals": goals,
                    "unit": if *name == names[0] { "user" } else { "visitor" },
                }),
            )
        })
        .collect();
    let namespace = "{{experiments}}</script>\"\u{2028}";
    let config = json!({"namespace": namespace, "experiments": experiments});
    let home = home();
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let snippet = line(
        &home,
        &["snippet", "--alephbet", "--url", "https://x.example/prod"],
    );
    let mut goals: Vec<Value> = names
        .map(|name| json!({"name": name, "unique": true}))
        .into();
    goals.push(json!({"name": "again and again", "unique": false}));
    let experiment = |name| {
        let weights = names.map(|name| json!([name, 7]));
        json!({
            "url": "https://x.example/prod/track", "namespace": namespace, "name": name,
            "user_id": if name == names[0] { Some("ann") } else { None },
            "weights": weights, "goals": goals,
        })
    };
    let expected = json!(names.map(experiment));
    assert_eq!(told(&home, script(&snippet.run().stdout)), expected);
}

const URL: &str = "https://x.example/prod";

/// What a command prints in this home, and says beside it.
fn printed(home: &TempDir, arguments: &[&str]) -> (String, String) {
    let outcome = line(home, &[&["snippet", "--url", URL], arguments].concat()).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    (outcome.stdout, outcome.stderr)
}

#[test]
fn the_snippet_is_two_lines() {
    let home = home();
    let html = "<script src=\"https://x.example/prod/lamed.js\"></script>\n\
                <script>lamed.run(\"button color\", {red: function () { /* show this variant */ }});</script>\n";
    let said = "the config declares no experiments: declare them first, because `lamed.js` runs only \
                declared ones; the snippet shows an example\n\
                Put the first line into the `<head>` of your pages, and the last script below it, with your code in its functions.\n\
                When a visitor reaches a goal, call `lamed.complete(\"button clicked\")`; to count clicks on \
                an element, give it the attribute `data-lamed-goal`.\n";
    assert_eq!(printed(&home, &[]), (html.to_owned(), said.to_owned()));
    let json = format!("{}\n", json!({"html": html}));
    assert_eq!(printed(&home, &["--json"]).0, json);
    let (_, said) = printed(&home, &["--namespace", "other"]);
    assert!(said.contains("use `--inline` or `--output FILE`"), "{said}");

    let config = json!({"experiments": {
        "archived": {"archived": true, "unit": "user", "goals": ["old"], "variants": {"1": 1, "2": 1}},
        "a </script> \u{2028}": {"control": "1", "variants": {"1": 1, "__proto__": 1, "it's": 1}},
        "b": {"unit": "user", "variants": {"x": 1}},
        "c": {"goals": ["g"]},
    }});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let (html, said) = printed(&home, &[]);
    assert_eq!(
        html,
        "<script src=\"https://x.example/prod/lamed.js\"></script>\n<script>\n\
         lamed.run(\"a \\u003c/script\\u003e \\u2028\", {[\"__proto__\"]: function () { /* show this variant */ }, \
         \"it's\": function () { /* show this variant */ }});\n\
         lamed.run(\"b\", {});\n</script>\n"
    );
    assert!(
        said.starts_with("warning: experiment `c` is not in the snippet"),
        "{said}"
    );
    assert!(said.contains("Experiment `b` is for users"), "{said}");
    assert!(said.contains("lamed.complete(\"g\")"), "{said}");
}

#[test]
fn the_script_can_stand_in_the_page_or_in_a_file() {
    let home = home();
    let config = json!({"namespace": "here", "experiments": {"a": {"variants": {"x": 1, "y": 1}}}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let read = |name: &str| fs::read_to_string(home.path().join(name)).unwrap();
    let example = "lamed.run(\"a\", {y: function () { /* show this variant */ }});</script>\n";

    let (html, _) = printed(&home, &["--output", "ab.js"]);
    let tag = "<script src=\"ab.js\" data-track=\"https://x.example/prod/track\"></script>\n";
    assert_eq!(html, format!("{tag}<script>{example}"));
    assert!(
        read("ab.js").contains(
            "{\"namespace\":\"here\",\"window\":2592000,\"experiments\":[{\"name\":\"a\","
        )
    );

    let (html, said) = printed(&home, &["--output", "ab.mjs"]);
    let tag = "<script type=\"module\" src=\"ab.mjs\"></script>\n";
    assert_eq!(html, format!("{tag}<script type=\"module\">{example}"));
    assert!(
        said.starts_with("wrote `ab.mjs`\n") && said.contains("<html data-track="),
        "{said}"
    );
    assert!(read("ab.mjs").contains("export"));

    let (html, _) = printed(&home, &["--inline", "--namespace", "there"]);
    let script = read("ab.js").trim_end().replace("\"here\"", "\"there\"");
    assert_eq!(
        html,
        format!(
            "<script data-track=\"https://x.example/prod/track\">{script}</script>\n<script>{example}"
        )
    );

    let types = line(&home, &["snippet", "--types"]).run().stdout;
    assert_eq!(types, lamed::assets::client::TYPES);
    let gone = ["snippet", "--url", URL, "--output", "gone/ab.js"];
    let error = "error: cannot write `gone/ab.js`: No such file or directory (os error 2)\n";
    line(&home, &gone).gives(1, "", error);
    let both = ["snippet", "--url", URL, "--inline", "--types"];
    assert_eq!(line(&home, &both).run().code, Some(2));
}
