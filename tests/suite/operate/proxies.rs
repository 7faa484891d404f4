//! The proxies of `docs/self-hosting.md`, with the settings that stand there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::track;
use crate::support::{Server, free_port, is_skipped, make_certificates, within};

const HOST: &str = "ab.example.com";
const KEY: &str = "the-key-of-the-test";

/// How long all of it may take.
const LIMIT: Duration = Duration::from_mins(1);

/// A proxy, and the server behind it.
struct Site {
    folder: TempDir,
    /// Where the proxy listens.
    port: u16,
    /// Where lamed listens, again and again.
    behind: u16,
    proxy: Option<Child>,
}

/// What came back through a proxy.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_certificates(folder.path());
        Self {
            folder,
            port: free_port(),
            behind: free_port(),
            proxy: None,
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn start_lamed(&self) -> Server {
        let store = format!("embedded:{}", self.file("lamed.db"));
        let listen = format!("127.0.0.1:{}", self.behind);
        let key = ["--api-key", KEY, "--metrics", "127.0.0.1:0"];
        Server::start_at(&listen, &[&["--store", &store], &key[..]].concat())
    }

    /// Starts a proxy and waits until it says that it is ready.
    fn start_proxy(&mut self, program: &str, arguments: &[&str], ready: &str) {
        let mut child = Command::new(program)
            .args(arguments)
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}: `tests/run` gets it"));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let is_ready = lines.by_ref().map_while(Result::ok).any(|line| {
            said += &format!("{line}\n");
            line.contains(ready)
        });
        self.proxy = Some(child);
        assert!(is_ready, "{program} ended early:\n{said}");
        std::thread::spawn(move || lines.for_each(drop));
    }

    /// Asks by `curl` for a path on the public host, as somebody at this address.
    fn ask_from(&self, address: &str, arguments: &[&str], path: &str) -> Reply {
        let to = format!("{HOST}:{}:127.0.0.1", self.port);
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "30"])
            .args(["--cacert", &self.file("ca.crt"), "--resolve", &to])
            .args(["--interface", address])
            .args(arguments)
            .arg(format!("https://{HOST}:{}{path}", self.port))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        let (head, body) =
            (text.split_once("\r\n\r\n")).unwrap_or_else(|| panic!("{path}: {error}"));
        let status = head.split(' ').nth(1).unwrap();
        Reply {
            status: status.parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    fn ask(&self, arguments: &[&str], path: &str) -> Reply {
        self.ask_from("127.0.0.1", arguments, path)
    }

    fn signs_in(&self, address: &str, more: &[&str], key: &str) -> Reply {
        let body = json!({ "key": key }).to_string();
        let arguments = [more, &["--json", &body]].concat();
        self.ask_from(address, &arguments, "/dashboard/session")
    }

    /// The variants of the one experiment: how many participants.
    fn counted(&self) -> Value {
        let key = format!("x-api-key: {KEY}");
        let reply = self.ask(&["--header", &key], "/prod/experiments");
        let experiments: Value = serde_json::from_str(&reply.body).unwrap();
        experiments[1]["variants"].clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(proxy) = &mut self.proxy {
            // In order, so that its workers end, too.
            let pid = proxy.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
            let _ = proxy.wait();
        }
    }
}

/// The block in this language, with what differs here in its place: each pair has to be found.
fn settings(language: &str, changes: &[(&str, &str)]) -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/self-hosting.md");
    let page = fs::read_to_string(file).unwrap();
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    changes.iter().fold(block.to_owned(), |block, (from, to)| {
        assert!(block.contains(from), "no `{from}` in\n{block}");
        block.replace(from, to)
    })
}

#[test]
fn nginx() {
    if is_skipped("nginx", "nginx") {
        return;
    }
    within(LIMIT, || {
        let mut site = Site::new();
        let listen = format!("listen 127.0.0.1:{} ssl", site.port);
        let behind = format!("127.0.0.1:{}", site.behind);
        let block = settings(
            "nginx",
            &[
                ("listen 443 ssl", &listen),
                ("127.0.0.1:3000", &behind),
                (
                    "/etc/letsencrypt/live/ab.example.com/fullchain.pem",
                    &site.file("server.crt"),
                ),
                (
                    "/etc/letsencrypt/live/ab.example.com/privkey.pem",
                    &site.file("server.key"),
                ),
                // As the comment says.
                (
                    "    # With the dashboard: location ~ ^/(prod|dashboard) {\n    location ~ ^/prod/ {\n",
                    "    location ~ ^/(prod|dashboard) {\n",
                ),
            ],
        );
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", site.file(name)))
            .concat();
        let pid = site.file("nginx.pid");
        let file = site.file("nginx.conf");
        let text = format!(
            "daemon off;\npid {pid};\nerror_log stderr notice;\nevents {{}}\nhttp {{\n{temporary}{block}}}\n"
        );
        fs::write(&file, text).unwrap();
        let arguments = ["-e", "stderr", "-c", &file];
        site.start_proxy("nginx", &arguments, "start worker process ");
        story(&site, true);
    });
}

#[test]
fn caddy() {
    if is_skipped("caddy", "Caddy") {
        return;
    }
    within(LIMIT, || {
        let mut site = Site::new();
        let (certificate, key) = (site.file("server.crt"), site.file("server.key"));
        let port = site.port;
        let begin = format!("{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}\n");
        let behind = format!("127.0.0.1:{}", site.behind);
        let block = settings(
            "caddyfile",
            &[
                ("ab.example.com {\n", &begin),
                ("127.0.0.1:3000", &behind),
                // As the comment says.
                ("@lamed path /prod/*\n\t# With the dashboard: ", ""),
            ],
        );
        let storage = site.file("caddy");
        let global = format!(
            "{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {storage}\n}}\n"
        );
        let file = site.file("Caddyfile");
        fs::write(&file, global + &block).unwrap();
        let arguments = ["run", "--adapter", "caddyfile", "--config", &file];
        site.start_proxy("caddy", &arguments, "serving initial configuration");
        story(&site, false);
    });
}

/// What a site goes through. When lamed is away, the proxy says so at once or has its visitors wait.
fn story(site: &Site, says_so: bool) {
    let mut lamed = site.start_lamed();
    visitors(site);
    connections(&lamed);
    a_body_that_is_too_large(site);
    the_dashboard(site);
    guesses(site);

    lamed.terminate();
    lamed.wait();
    let event = track("blue", "while it was away");
    let (reply, _lamed) = if says_so {
        assert_eq!(site.ask(&[], &event).status, 502);
        // As the client does that kept it.
        let lamed = site.start_lamed();
        (site.ask(&[], &event), lamed)
    } else {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| site.ask(&[], &event));
            let lamed = site.start_lamed();
            (asked.join().unwrap(), lamed)
        })
    };
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, r#"{"counted":true}"#)
    );
    assert_eq!(site.counted(), json!([{"label": "blue", "trials": 2}]));
}

/// What a page does, and what it may not.
fn visitors(site: &Site) {
    let page = ["--header", "Origin: https://shop.example"];
    for counted in [true, false] {
        let reply = site.ask(&page, &track("blue", "1"));
        let expected = format!(r#"{{"counted":{counted}}}"#);
        assert_eq!((reply.status, reply.body), (200, expected));
        assert!(reply.head.starts_with("http/2 "), "{}", reply.head);
        assert!(
            reply.head.contains("access-control-allow-origin: *"),
            "{}",
            reply.head
        );
    }
    let asks = [
        "--request",
        "OPTIONS",
        "--header",
        "Access-Control-Request-Method: DELETE",
    ];
    let reply = site.ask(&[&page[..], &asks].concat(), "/prod/delete");
    let allowed = "access-control-allow-methods: delete,options";
    assert!(
        reply.status == 200 && reply.head.contains(allowed),
        "{}",
        reply.head
    );
    let crawler = ["--user-agent", "Googlebot/2.1"];
    let reply = site.ask(&crawler, &track("blue", "2"));
    assert_eq!(reply.body, r#"{"counted":false}"#);
    assert_eq!(site.ask(&[], "/prod/experiments").status, 403);
    assert_eq!(site.counted(), json!([{"label": "blue", "trials": 1}]));
    for path in ["/healthz", "/readyz", "/metrics", "/"] {
        assert_eq!(site.ask(&[], path).status, 404, "{path}");
    }
}

/// More than lamed takes.
fn a_body_that_is_too_large(site: &Site) {
    let large = site.file("large");
    fs::write(&large, " ".repeat(11 << 20)).unwrap();
    let body = format!("@{large}");
    let reply = site.ask(
        &["--http1.1", "--header", "Expect:", "--data-binary", &body],
        "/prod/track",
    );
    // Caddy may see the connection closed before it sees why.
    assert!([413, 502].contains(&reply.status), "{}", reply.head);
}

/// However many visitors came, the proxy kept its one connection.
fn connections(lamed: &Server) {
    let output = Command::new("curl")
        .args(["--silent", lamed.ready["metrics_url"].as_str().unwrap()])
        .output();
    let metrics = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(
        metrics.contains("\nlamed_open_connections 1\n"),
        "{metrics}"
    );
}

/// At its public name, by the key.
fn the_dashboard(site: &Site) {
    let page = site.ask(&[], "/dashboard");
    assert!(
        page.status == 200
            && page
                .head
                .contains("content-security-policy: default-src 'none'")
    );
    let reply = site.signs_in("127.0.0.1", &[], KEY);
    let reply: Value = serde_json::from_str(&reply.body).unwrap();
    let session = reply["session"].as_str().unwrap();
    let header = format!("Authorization: Bearer {session}");
    let reply = site.ask(&["--header", &header], "/dashboard/experiments");
    let overview: Value = serde_json::from_str(&reply.body).unwrap();
    // Not where lamed listens.
    assert_eq!(overview["api"], json!("/prod"));
    assert_eq!(
        overview["experiments"][0]["participants"],
        json!(1),
        "{overview}"
    );
}

/// Who guesses is known by his address, whatever he says, and keeps nobody out but himself.
fn guesses(site: &Site) {
    const SAID: [&str; 2] = ["--header", "X-Forwarded-For: 192.0.2.1"];
    let to = format!("{HOST}:{}:127.0.0.1", site.port);
    let mut guesser = Command::new("curl")
        .args([
            "--silent",
            "--parallel",
            "--parallel-immediate",
            "--parallel-max",
            "50",
        ])
        .args(["--cacert", &site.file("ca.crt"), "--resolve", &to])
        .args(["--interface", "127.0.0.2", "--json", r#"{"key":"wrong"}"#])
        .args(SAID)
        .args(["--output", "/dev/null", "--write-out", "%{http_code}\n"])
        .arg(format!(
            "https://{HOST}:{}/dashboard/session?[1-100000]",
            site.port
        ))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut statuses = BufReader::new(guesser.stdout.take().unwrap()).lines();
    let is_full = statuses
        .by_ref()
        .map_while(Result::ok)
        .any(|status| status == "429");
    let reader = std::thread::spawn(move || statuses.map_while(Result::ok).count());
    // But one in a thousand, whose place is the guesser's.
    let others = ["127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"];
    let let_in = others.map(|other| site.signs_in(other, &SAID, KEY).status == 200);
    let ended = guesser.try_wait().unwrap();
    let _ = guesser.kill();
    let _ = guesser.wait();
    let _ = reader.join();
    assert!(is_full && ended.is_none(), "the guesser ended: {ended:?}");
    assert!(
        let_in.into_iter().filter(|is| *is).count() >= 3,
        "{let_in:?}"
    );
}
