//! `lamed doctor`: pages of a web server on this machine, and a real `serve --local`.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::support::{Outcome, free_port, line};

const CONFIG: &str = r#"{"experiments": {
    "color": {"variants": {"red": 1, "blue": 1}, "goals": ["bought"]},
    "price": {"variants": {"old": 1, "new": 1}, "state": "draft"}
}}"#;

/// A web server of pages by path. It never answers at `/hangs`, and says when it was asked there.
struct Site {
    address: SocketAddr,
    asked: Receiver<()>,
}

impl Site {
    /// Each page is its headers, an empty line and its HTML, with `API` for the address of `server`.
    fn start(server: &str, pages: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = server.to_owned();
        let (ask, asked) = channel();
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = read_head(&mut stream);
                let path = head.split(' ').nth(1).unwrap();
                if path == "/hangs" {
                    let _ = ask.send(());
                    held.push(stream);
                    continue;
                }
                let page = pages.iter().find(|(known, _)| *known == path);
                let (_, page) = page.unwrap_or(&("", "404\n\n"));
                let page = page.replace("API", &server);
                let (head, body) = page.split_once("\n\n").unwrap();
                let head = head.replace('\n', "\r\n");
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        Self { address, asked }
    }
}

fn server(config: &str) -> Server {
    let home = home();
    fs::write(home.path().join("config.json"), config).unwrap();
    Server::start_in(home, "127.0.0.1:0", &["--local", "--store", "embedded"])
}

/// The output, with names in the place of addresses.
fn doctor(server: &Server, site: &Site, arguments: &[&str]) -> Outcome {
    let line = line(&server.home, &[&["doctor", "--local"], arguments].concat());
    let mut outcome = line.run();
    let site = site.address.to_string();
    for text in [&mut outcome.stdout, &mut outcome.stderr] {
        assert!(!text.contains(&server.key), "{text}");
        // As long as what it stands for: tables stay as they are.
        let name = |address: &str, name: &str| format!("{name:~<width$}", width = address.len());
        *text = text
            .replace(&server.address, &name(&server.address, "API"))
            .replace(&site, &name(&site, "SITE"));
    }
    outcome
}

const PAGES: &[(&str, &str)] = &[
    (
        "/good",
        "200\ncontent-type: text/html\n\n<!doctype html><title>Shop</title>\
         <script src=http://API/prod/lamed.js></script><script>lamed.run('color', {})</script>",
    ),
    (
        "/allowed",
        "200\ncontent-type: text/html\ncontent-security-policy: default-src 'self'; script-src http://API \
         'nonce-1'; connect-src http://API\n\n\
         <script src=http://API/prod/lamed.js></script><script nonce=1>lamed.run('color', {})</script>",
    ),
    (
        "/misspelled",
        "200\ncontent-type: text/html\n\n<script src=http://API/prod/lamed.js></script>\
         <script>lamed.run('colour', {})</script><button data-lamed-goal=bougth>",
    ),
    (
        "/draft",
        "200\ncontent-type: text/html\n\n<script src=http://API/prod/lamed.js></script>\
         <h1 data-lamed=price data-lamed-variant=new hidden></h1>",
    ),
    ("/bare", "200\ncontent-type: text/html\n\n<p>Nothing here"),
    (
        "/late",
        "200\ncontent-type: text/html\n\n<body><script async src='http://API/prod/lamed.js'></script>",
    ),
    (
        "/elsewhere",
        "200\ncontent-type: text/html\n\n<script src=/prod/lamed.js></script>",
    ),
    (
        "/script",
        "200\ncontent-type: text/html\ncontent-security-policy: script-src 'self'\n\n\
         <script src=http://API/prod/lamed.js></script>",
    ),
    (
        "/events",
        "200\ncontent-type: text/html\n\n\
         <meta http-equiv=Content-Security-Policy content=\"connect-src 'self'\">\
         <script src=http://API/prod/lamed.js></script>",
    ),
    ("/moved", "302\nlocation: /good\n\n"),
    ("/loop", "302\nlocation: /loop\n\n"),
    ("/picture", "200\ncontent-type: image/png\n\nPNG"),
];

#[tokio::test]
async fn each_page_is_told_what_is_wrong_with_it() {
    let server = server(CONFIG);
    count(&server, &[("color", "participate", "red", 2)]).await;
    let site = Site::start(&server.address, PAGES);
    let mut told = String::new();
    for path in [
        "good",
        "allowed",
        "misspelled",
        "draft",
        "bare",
        "late",
        "elsewhere",
        "script",
        "events",
        "moved",
        "loop",
        "picture",
        "gone",
    ] {
        let url = format!("http://{}/{path}", site.address);
        let Outcome {
            code,
            stdout,
            stderr,
        } = doctor(&server, &site, &[&url]);
        let (page, api) = stdout.split_at(stdout.find(" ✓  API").unwrap());
        assert!(api.starts_with(" ✓  API"), "{api}");
        told.push_str(&format!("--- {path}: {}\n{page}{stderr}", code.unwrap()));
    }
    assert_eq!(told, TOLD, "{told}");
}

const TOLD: &str = r#"--- good: 0
 ✓  page         http://SITE~~~~~~~~~~~/good
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 ✓  position     in the `<head>`, before the page is shown
 ✓  CSP, script  the page has no policy
 ✓  names        the API knows all names that the page uses
--- allowed: 0
 ✓  page         http://SITE~~~~~~~~~~~/allowed
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 ✓  position     in the `<head>`, before the page is shown
 ✓  CSP, script  the policy of the page lets the script run
 ✓  CSP, events  the policy of the page lets events pass
 ✓  names        the API knows all names that the page uses
--- misspelled: 0
 ✓  page         http://SITE~~~~~~~~~~~/misspelled
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 ✓  position     in the `<head>`, before the page is shown
 ✓  CSP, script  the page has no policy
 !  names        the page uses the goal `bougth`, which is not declared: did you mean `bought`?
                 → correct the name on the page, or add it to `goals` in the config
 !  names        the page uses the experiment `colour`, which is not declared: did you mean
                 `color`?
                 → correct the name on the page, or declare it with `lamed new`
--- draft: 0
 ✓  page         http://SITE~~~~~~~~~~~/draft
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 ✓  position     in the `<head>`, before the page is shown
 ✓  CSP, script  the page has no policy
 !  names        `price` is a draft: visitors see the control and are not counted
                 → look at a variant with `?lamed.price=VARIANT` in the URL; start the experiment
                 with `lamed start`
--- bare: 1
 ✓  page         http://SITE~~~~~~~~~~~/bare
 ✗  tag          the HTML of the page has no lamed tag
                 → put `<script src="http://API~~~~~~~~~~~~/prod/lamed.js"></script>` into the
                 `<head>`; lamed cannot see a tag that a script or a tag manager adds
error: checks failed: tag
--- late: 0
 ✓  page         http://SITE~~~~~~~~~~~/late
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 !  position     the tag is `async`: visitors may see the control before their variant
                 → put the tag into the `<head>`, without `async`, `defer` or `type="module"`
 ✓  CSP, script  the page has no policy
 !  names        the page uses no experiment: it counts nothing
                 → add the code that `lamed snippet` prints, for example `lamed.run(…)` or
                 `data-lamed`
--- elsewhere: 1
 ✓  page         http://SITE~~~~~~~~~~~/elsewhere
 ✓  tag          http://SITE~~~~~~~~~~~/prod/lamed.js
 ✗  address      the page sends events to http://SITE~~~~~~~~~~~/prod, but no lamed API answers at
                 this address: it answered 404
                 → use the tag that `lamed snippet` prints: `<script
                 src="http://API~~~~~~~~~~~~/prod/lamed.js"></script>`
 ✓  position     in the `<head>`, before the page is shown
 ✓  CSP, script  the page has no policy
 !  names        the page uses no experiment: it counts nothing
                 → add the code that `lamed snippet` prints, for example `lamed.run(…)` or
                 `data-lamed`
error: checks failed: address
--- script: 1
 ✓  page         http://SITE~~~~~~~~~~~/script
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 ✓  position     in the `<head>`, before the page is shown
 ✗  CSP, script  the browser blocks the tag: `script-src 'self'` in the `Content-Security-Policy`
                 header
                 → add `http://API~~~~~~~~~~~~` to `script-src`
 ✓  CSP, events  the policy of the page lets events pass
 !  names        the page uses no experiment: it counts nothing
                 → add the code that `lamed snippet` prints, for example `lamed.run(…)` or
                 `data-lamed`
error: checks failed: CSP, script
--- events: 1
 ✓  page         http://SITE~~~~~~~~~~~/events
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 ✓  position     in the `<head>`, before the page is shown
 ✓  CSP, script  the policy of the page lets the script run
 ✗  CSP, events  the browser sends no events to http://API~~~~~~~~~~~~: `connect-src 'self'` in the
                 `<meta>` of the page
                 → add `http://API~~~~~~~~~~~~` to `connect-src`
 !  names        the page uses no experiment: it counts nothing
                 → add the code that `lamed snippet` prints, for example `lamed.run(…)` or
                 `data-lamed`
error: checks failed: CSP, events
--- moved: 0
 ✓  page         http://SITE~~~~~~~~~~~/moved (redirected to http://SITE~~~~~~~~~~~/good)
 ✓  tag          http://API~~~~~~~~~~~~/prod/lamed.js
 ✓  address      the page sends events to http://API~~~~~~~~~~~~/prod
 ✓  position     in the `<head>`, before the page is shown
 ✓  CSP, script  the page has no policy
 ✓  names        the API knows all names that the page uses
--- loop: 1
 ✗  page         cannot load http://SITE~~~~~~~~~~~/loop: more than 10 redirects
                 → check the URL, and that the web server runs
error: checks failed: page
--- picture: 1
 ✗  page         http://SITE~~~~~~~~~~~/picture is `image/png`, not HTML
                 → use the URL of a page
error: checks failed: page
--- gone: 1
 ✗  page         http://SITE~~~~~~~~~~~/gone answered 404
                 → check the URL, and that the web server runs
error: checks failed: page
"#;

#[tokio::test]
async fn the_api_is_told_what_it_lacks() {
    let server = server(CONFIG);
    let site = Site::start(&server.address, PAGES);
    let empty = doctor(&server, &site, &[]);
    let mut told = empty.to_string();
    let today = lamed::domain::Day::new(
        i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap() / 86_400,
    );
    for (experiment, events) in [("colour", 1), ("color", 1_200)] {
        count(&server, &[(experiment, "participate", "red", events)]).await;
        let counted = doctor(&server, &site, &[]).to_string();
        told.push_str(&counted.replace(&today.to_string(), "TODAY"));
    }
    // What the server does not follow.
    let changed = CONFIG.replace(r#""red": 1"#, r#""red": 3"#);
    fs::write(server.home.path().join("config.json"), changed).unwrap();
    let refused = doctor(&server, &site, &[]);
    assert!(refused.stdout.contains(REFUSED), "{refused}");
    // Only what fails.
    let bare = format!("http://{}/bare", site.address);
    told.push_str(&doctor(&server, &site, &["-q", &bare]).to_string());
    told.push_str(&doctor(&server, &site, &["--api-key", "another"]).to_string());
    assert_eq!(told, API_TOLD, "{told}");
    // Nothing of it was counted.
    let experiments = server.experiments().await;
    let trials: Vec<&Value> = (experiments.iter())
        .flat_map(|one| one["variants"].as_array().unwrap())
        .map(|variant| &variant["trials"])
        .collect();
    assert_eq!(trials, [&json!(1_200), &json!(1)]);
}

const REFUSED: &str = "
 !  experiments  your config changes `color`, which has events: the API refuses the change (the
                 variants changed from {red: 1, blue: 1} to {red: 3, blue: 1})
                 → undo the change, or start a new run with `lamed restart`
";

const API_TOLD: &str = r#"exit 0
--- stdout
 ✓  API       http://API~~~~~~~~~~~~/prod answers
 ✓  store     the store can count
 ✓  clock     the API and this machine agree
 ✓  lamed.js  served with `color`
 ✓  API key   the key opens the results
 !  events    no participant is counted yet
              → open your page in a private window: lamed counts each browser once
--- stderr
---
exit 0
--- stdout
 ✓  API          http://API~~~~~~~~~~~~/prod answers
 ✓  store        the store can count
 ✓  clock        the API and this machine agree
 ✓  lamed.js     served with `color`
 ✓  API key      the key opens the results
 ✓  events       1 participant, the last event on TODAY (UTC)
 !  experiments  running, but without participants: `color`
                 → check the name in `lamed.run` or `data-lamed`, and `paths` in the config
 !  experiments  events come for `colour`, which the config does not declare
                 → correct the name on the page, or declare it with `lamed new`
--- stderr
---
exit 0
--- stdout
 ✓  API          http://API~~~~~~~~~~~~/prod answers
 ✓  store        the store can count
 ✓  clock        the API and this machine agree
 ✓  lamed.js     served with `color`
 ✓  API key      the key opens the results
 ✓  events       1,201 participants, the last event on TODAY (UTC)
 !  experiments  events come for `colour`, which the config does not declare
                 → correct the name on the page, or declare it with `lamed new`
--- stderr
---
exit 1
--- stdout
 ✗  tag  the HTML of the page has no lamed tag
         → put `<script src="http://API~~~~~~~~~~~~/prod/lamed.js"></script>` into the `<head>`;
         lamed cannot see a tag that a script or a tag manager adds
--- stderr
error: checks failed: tag
---
exit 1
--- stdout
 ✓  API       http://API~~~~~~~~~~~~/prod answers
 ✓  store     the store can count
 ✓  clock     the API and this machine agree
 ✓  lamed.js  served with `color`
 ✗  API key   the API refuses the key: it answered 403
              → use the key with which the server was started
--- stderr
error: checks failed: API key
---
"#;

#[test]
fn where_nothing_counts_since_all_are_drafts_that_is_said() {
    let server = server(
        r#"{"experiments": {"price": {"variants": {"old": 1, "new": 1}, "state": "draft"}}}"#,
    );
    line(&server.home, &["results", "--local"]).gives(
        0,
        "",
        "no events yet\nhint: your experiments are drafts: use `lamed start` to start one\n",
    );
    let outcome = line(&server.home, &["doctor", "--local"]).run();
    let advice = "→ start an experiment with `lamed start`: lamed does not count drafts\n";
    assert!(outcome.stdout.contains(advice), "{outcome}");
}

#[test]
fn the_checks_are_one_json_document() {
    let server = server(CONFIG);
    let site = Site::start(&server.address, PAGES);
    let url = format!("http://{}/bare", site.address);
    let outcome = line(&server.home, &["doctor", "--local", "--json", &url]).run();
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (
            outcome.code,
            &document["ok"],
            &document["page"],
            &document["api"]
        ),
        (
            Some(1),
            &json!(false),
            &json!(url),
            &json!(format!("http://{}/prod", server.address))
        )
    );
    let checks: Vec<(&str, &str)> = (document["checks"].as_array().unwrap().iter())
        .map(|check| {
            (
                check["check"].as_str().unwrap(),
                check["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        checks,
        [
            ("page", "ok"),
            ("tag", "failed"),
            ("API", "ok"),
            ("store", "ok"),
            ("clock", "ok"),
            ("lamed.js", "ok"),
            ("API key", "ok"),
            ("events", "warning"),
        ]
    );
    assert!(!outcome.stdout.contains(&server.key));
}

#[test]
fn who_does_not_answer_is_not_waited_for() {
    let home = home();
    let dead = free_port();
    let url = format!("http://127.0.0.1:{dead}/prod");
    let refused = TcpStream::connect(("127.0.0.1", dead)).unwrap_err();
    line(&home, &["doctor", "--url", &url]).gives(
        1,
        &format!(
            " ✗  API  cannot reach {url}: {refused}\n         → check the URL, and that the server runs\n"
        ),
        "error: checks failed: API\n",
    );
    let site = Site::start("", PAGES);
    let hangs = format!("http://{}/hangs", site.address);
    let line = line(&home, &["doctor", "--timeout", "1", "--url", &url, &hangs]);
    let mut running = line.start();
    site.asked.recv_timeout(LIMIT).unwrap();
    let outcome = running.end();
    let waited = format!(" ✗  page  cannot load {hangs}: no answer within 1 second\n");
    assert!(outcome.stdout.starts_with(&waited), "{outcome}");
    assert_eq!(outcome.stderr, "error: checks failed: page, API\n");
}

/// A page is looked at all the same.
#[test]
fn an_api_that_is_not_found_has_a_line_of_its_own() {
    let server = server(CONFIG);
    let site = Site::start(&server.address, PAGES);
    let url = format!("http://{}/good", site.address);
    let outcome = line(&server.home, &["doctor", &url]).run();
    let words: Vec<&str> = outcome.stdout.split_whitespace().collect();
    let told = words.join(" ");
    let expected = format!(
        "✓ page {url} ✓ tag http://{0}/prod/lamed.js ✓ address the page sends events to http://{0}/prod ✓ position in \
         the `<head>`, before the page is shown ✓ CSP, script the page has no policy ✗ API use `--local` for \
         your server on this machine, http://{0}/prod; without it, lamed asks AWS: no AWS region is set: use \
         `--region`, set `AWS_REGION`, or run `aws configure`",
        server.address
    );
    assert_eq!(told, expected);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(1), "error: checks failed: API\n")
    );
}

#[test]
fn a_page_is_named_as_a_browser_names_it() {
    let home = home();
    fs::write(home.path().join("page.html"), "").unwrap();
    for (page, error) in [
        ("ftp://a.example/", "expected the URL of a page"),
        ("http://", "expected the URL of a page"),
        (
            "file:///srv/page.html",
            "not files: run `python3 -m http.server",
        ),
        ("page.html", "not files: run `python3 -m http.server"),
    ] {
        let outcome = line(&home, &["doctor", page]).run();
        let told = outcome.code == Some(2) && outcome.stderr.contains(error);
        assert!(told, "{outcome}");
    }
    let outcome = line(&home, &["doctor", "--url", "nonsense"]).run();
    assert_eq!(outcome.code, Some(2), "{outcome}");
    let api = ["--url", "http://127.0.0.1:9/prod"];
    let outcome = line(&home, &[&["doctor", "localhost:9/cart"], &api[..]].concat()).run();
    assert!(
        outcome
            .stdout
            .contains("cannot load http://localhost:9/cart"),
        "{outcome}"
    );
}
