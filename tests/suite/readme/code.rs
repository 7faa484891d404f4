//! The code on all pages in other languages than the shell's, JSON and HTML.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{blocks, commands, pages, root};
use crate::support::{Server, is_skipped, line, tools};

/// What tries the code of a language on a page.
const TRIED: [(&str, &str, &str); 22] = [
    ("browser-client.md", "js", "script::cookies"),
    (
        "browser-client.md",
        "jsx",
        "readme::code::components_are_those_of_the_examples",
    ),
    ("browser-client.md", "php", "script::cookies"),
    ("browser-client.md", "python", "script::cookies"),
    (
        "browser-client.md",
        "svelte",
        "readme::code::components_are_those_of_the_examples",
    ),
    (
        "browser-client.md",
        "vue",
        "readme::code::components_are_those_of_the_examples",
    ),
    (
        "coming-from.md",
        "js",
        "a line of the snippet for AlephBet: `browser` has it",
    ),
    (
        "experiments.md",
        "js",
        "a call of `lamed.js`: script::types has its type",
    ),
    (
        "getting-started.md",
        "python",
        "readme::code::invented_visitors_end_in_a_verdict",
    ),
    (
        "page.md",
        "jsx",
        "readme::code::components_are_those_of_the_examples",
    ),
    (
        "page.md",
        "php",
        "readme::code::the_plugin_adds_the_script_to_the_head",
    ),
    (
        "page.md",
        "svelte",
        "readme::code::components_are_those_of_the_examples",
    ),
    (
        "page.md",
        "vue",
        "readme::code::components_are_those_of_the_examples",
    ),
    ("self-hosting.md", "caddyfile", "operate::proxies"),
    ("self-hosting.md", "ini", "readme::units"),
    ("self-hosting.md", "nginx", "operate::proxies"),
    ("servers.md", "go", "ofrep::examples"),
    ("servers.md", "js", "ofrep::examples"),
    ("servers.md", "php", "ofrep::examples"),
    ("servers.md", "python", "ofrep::examples"),
    ("servers.md", "ruby", "ofrep::examples"),
    ("servers.md", "rust", "ofrep::examples"),
];

/// `console`, `sh` and `json` are tried beside this file, `html` in browsers; what is no code has no language, or `text`.
const EVERYWHERE: [&str; 6] = ["console", "sh", "json", "html", "text", ""];

#[test]
fn all_code_is_tried() {
    let mut shown = Vec::new();
    for page in pages() {
        let name = page.file.trim_start_matches("docs/");
        for block in blocks(&page.text) {
            let language = block.language.split(' ').next().unwrap();
            if EVERYWHERE.contains(&language) {
                continue;
            }
            let tried = TRIED
                .iter()
                .find(|(page, known, _)| (*page, *known) == (name, language));
            let tried = tried.unwrap_or_else(|| {
                panic!("nothing tries this `{language}` of {name}:\n{}", block.text)
            });
            shown.push(*tried);
        }
    }
    let unused = TRIED.iter().find(|tried| !shown.contains(tried));
    assert_eq!(unused, None, "the page shows no such code");
}

/// The code of a page in one language.
fn code(page: &str, language: &str) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut found = blocks(&text)
        .into_iter()
        .filter(|block| block.language == language);
    found.next().unwrap().text
}

#[test]
fn components_are_those_of_the_examples() {
    for page in ["docs/page.md", "docs/browser-client.md"] {
        for (language, file) in [
            ("jsx", "react/main.jsx"),
            ("vue", "vue/Buy.vue"),
            ("svelte", "svelte/Buy.svelte"),
        ] {
            let example = fs::read_to_string(root().join("docs/examples").join(file)).unwrap();
            let shown = code(page, language);
            assert!(
                example.contains(shown.trim()),
                "{page} is not as {file}:\n{shown}"
            );
        }
    }
}

#[test]
fn the_plugin_adds_the_script_to_the_head() {
    if is_skipped("php", "PHP") {
        return;
    }
    let plugin = code("docs/page.md", "php");
    let code = plugin.strip_prefix("<?php\n").unwrap();
    let wordpress = "function add_action($hook, $run, $priority) { echo \"$hook $priority \"; $run(); }
        function wp_enqueue_script(...$given) { echo json_encode($given, JSON_UNESCAPED_SLASHES); }";
    let output = Command::new("php")
        .args(["-r", &format!("{wordpress}\n{code}")])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        r#"wp_enqueue_scripts 1 ["lamed","https://ab.example.com/prod/lamed.js",[],null,false]"#,
        "{output:?}"
    );
}

/// The way of the chapter, from nothing to a verdict: its commands in their order, with its visitors.
#[test]
fn invented_visitors_end_in_a_verdict() {
    let page = fs::read_to_string(root().join("docs/getting-started.md")).unwrap();
    let home = tempfile::tempdir().unwrap();
    let all = commands(&page);
    let find = |command: &str| {
        let start = ["lamed", command];
        let mut found = all
            .iter()
            .filter(|shown| shown.words.starts_with(&start.map(str::to_owned)));
        found.next().unwrap().lamed().unwrap()
    };
    let (declare, ship) = (find("new"), find("ship"));
    let run = |home: &Path, arguments: &[&str]| {
        let outcome = line(home, arguments).run();
        assert_eq!(outcome.code, Some(0), "{arguments:?}\n{outcome}");
        outcome.stdout
    };
    run(home.path(), &declare);
    let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
    let visitors =
        code("docs/getting-started.md", "python").replace("127.0.0.1:3000", &server.address);
    let python = tools().join("venv/bin/python");
    let output = Command::new(python)
        .args(["-c", &visitors])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let home = server.home.path();
    let results = run(home, &["results", "--local", "button color"]);
    assert!(results.contains("✓ red wins"), "{results}");
    run(home, &ship);
    let config = fs::read_to_string(home.join(".lamed/config.json")).unwrap();
    assert!(config.contains("\"shipped\": \"red\""), "{config}");
}
