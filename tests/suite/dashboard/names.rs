//! Names of all kinds, on the page and in the terminal.

use std::fs;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::page::{LIMIT, shown};
use crate::cli::{count, home};
use crate::support::{Browser, Server, line, within};

#[test]
fn no_name_pushes_a_button_out_of_sight() {
    /// Those that are not wholly within the card, or the page, that they belong to, or that figures run
    /// into.
    const HIDDEN: &str = r##"[...document.querySelectorAll("#main button")].filter(button => {
      const [own, box] = [button, button.closest(".card") ?? document.documentElement].map(one => one.getBoundingClientRect())
      const runInto = [...button.closest("tr")?.querySelectorAll("th, .count, .part") ?? []].some(cell => {
        const range = document.createRange()
        range.selectNodeContents(cell)
        return [...range.getClientRects()].some(rect => rect.right > own.left && rect.bottom > own.top && rect.top < own.bottom)
      })
      return button.checkVisibility() && (runInto || own.left < box.left || own.right > Math.min(box.right, innerWidth))
    }).map(button => button.textContent)"##;
    within(LIMIT, || {
        let names = [
            "x".repeat(200),
            "a name as long as a sentence ".repeat(6),
            "שלום".repeat(25),
            "גרסה עם שם ארוך ".repeat(7),
            "🦀🎉".repeat(25),
        ];
        let weights: Value = names.iter().map(|name| (name.clone(), json!(1))).collect();
        let home = home();
        let config = json!({"experiments": {&names[0]: {"variants": weights}}});
        fs::write(home.path().join("config.json"), config.to_string()).unwrap();
        let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
        let mut counts: Vec<(&str, &str, &str, usize)> = vec![(&names[0], &names[1], "short", 10)];
        for name in &names {
            counts.push((&names[0], "participate", name, 1234));
            counts.push((&names[0], name, name, 100));
        }
        Runtime::new().unwrap().block_on(count(&server, &counts));
        let mut browser = Browser::start();
        for (width, dark) in [
            (320, false),
            (360, true),
            (520, false),
            (800, true),
            (1200, false),
        ] {
            let url = server.ready["dashboard_url"].as_str().unwrap();
            let url = format!("{url}&experiment={}", names[0]);
            let used = browser.ask(
                json!({"do": "use", "url": url, "width": width, "dark": dark, "steps": [
                    {"until": shown(&names[0])},
                    {"read": HIDDEN},
                    {"read": "document.documentElement.scrollWidth <= innerWidth"},
                    {"click": ".menu summary"},
                    {"read": HIDDEN},
                    {"click": "[data-do=delete]"},
                    {"select": ["#remove-part", "11"]},
                    {"read": "document.documentElement.scrollWidth <= innerWidth"},
                    {"axe": true},
                ]}),
            );
            assert_eq!(
                (&used["read"], &used["errors"]),
                (&json!([[], true, [], true, []]), &json!([])),
                "{width}"
            );
        }
    });
}

/// What nobody sees of a name is spelled out, by one rule on the page and in the terminal; what is for
/// machines has the name itself.
#[test]
fn names_can_be_told_apart() {
    const NAMES: &str = r##"[...document.querySelectorAll("#participants tbody .name")].map(name =>
      [...name.childNodes].map(({ nodeType, textContent }) =>
        nodeType === Node.ELEMENT_NODE && textContent.startsWith("U") ? `<${textContent}>` : textContent).join(""))"##;
    let mut names: Vec<String> = [
        "a",
        "a b",
        " ",
        " a",
        "a  b",
        "\u{202e}abc",
        "👩\u{200d}🚀",
        "👩\u{200d}",
        "❤\u{fe0f}",
        "x\u{fe0f}",
        "1\u{fe0f}\u{20e3}",
        "می\u{200c}خواهم",
        "\u{200c}خ",
        "x\u{200d}y",
        "🏳\u{fe0f}\u{200d}🌈",
    ]
    .map(str::to_owned)
    .into();
    // Both ends of each range, and what lies beside them.
    for (first, last) in [
        (0xa0, 0xa0),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x1680, 0x1680),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x2000, 0x200f),
        (0x2028, 0x202f),
        (0x205f, 0x206f),
        (0x2800, 0x2800),
        (0x3000, 0x3000),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfffb),
        (0x1_bca0, 0x1_bca3),
        (0x1_d173, 0x1_d17a),
        (0xe_0000, 0xe_0fff),
    ] {
        for code in [first - 1, first, last, last + 1] {
            names.extend(char::from_u32(code).map(|character| format!("a{character}b")));
        }
    }
    names.retain(|name| !name.contains(char::is_control));
    names.sort();
    names.dedup();
    within(LIMIT, move || {
        // Of names that are not declared only the largest would be shown.
        let variants: Value = (names.iter())
            .map(|name| (name.clone(), json!(1)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let home = home();
        let config = json!({"experiments": {"e": {"variants": variants}}});
        fs::write(home.path().join("config.json"), config.to_string()).unwrap();
        let server = Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"]);
        let mut counts: Vec<(&str, &str, &str, usize)> = names
            .iter()
            .map(|name| ("e", "participate", name.as_str(), 1))
            .collect();
        counts.extend([
            ("f", "participate", "a", 100),
            ("f", "participate", "שלום", 100),
            ("f", "g", "a", 10),
            ("f", "g", "שלום", 90),
        ]);
        Runtime::new().unwrap().block_on(count(&server, &counts));
        let results = |arguments: &[&str]| {
            line(&server.home, &[&["results", "--local"], arguments].concat())
                .run()
                .stdout
        };
        let table = results(&["e"]);
        let (_, table) = table.split_once("participants\n").unwrap();
        let in_terminal: Vec<&str> = (table.lines())
            .map(|line| {
                let name = line.strip_suffix('1').unwrap().trim_end();
                name.strip_suffix(" (control)")
                    .unwrap_or(name)
                    .strip_prefix(' ')
                    .unwrap()
            })
            .collect();
        let url = &server.ready["dashboard_url"];
        let used = Browser::start().ask(json!({"do": "use", "url": url, "steps": [
            {"click": "#list a[data-experiment=e]"},
            {"until": shown("e")},
            {"read": NAMES},
            {"click": ".back"},
            {"click": "#list a[data-experiment=f]"},
            {"until": shown("f")},
            {"read": "document.querySelector('#verdict .text').textContent"},
        ]}));
        // Spaces beside a name from right to left are those between words.
        let verdict = used["read"][1].as_str().unwrap();
        assert!(verdict.starts_with("שלום wins: "), "{verdict}");
        assert_eq!(used["read"][0], json!(in_terminal));
        for shown in [
            "␣",
            "␣a",
            "a␣␣b",
            "<U+202E>abc",
            "👩\u{200d}🚀",
            "👩<U+200D>",
            "می\u{200c}خواهم",
            "a<U+3000>b",
            "a<U+E0FFF>b",
        ] {
            assert!(in_terminal.contains(&shown), "{shown}");
        }
        let spelled = in_terminal
            .iter()
            .filter(|name| name.contains("<U+"))
            .count();
        assert_eq!((in_terminal.len(), spelled), (names.len(), 37));
        let json: Value = serde_json::from_str(&results(&["--json"])).unwrap();
        let variants = json["experiments"][0]["variants"].as_array().unwrap();
        let mut exact: Vec<&str> = variants
            .iter()
            .map(|one| one["variant"].as_str().unwrap())
            .collect();
        exact.sort_unstable();
        assert_eq!(exact, names);
        let csv = results(&["--csv"]);
        assert!(
            names
                .iter()
                .all(|name| csv.contains(&format!(",{name},1,")))
        );
    });
}
