//! The Redis container of `serve --store docker` and `--store auto`: with the daemon, with one that
//! fails, and without.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Server, is_skipped, lamed, line, within};

const IMAGE: &str = "redis:7-alpine";
const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn the_container_counts_and_goes_with_its_server() {
    if is_skipped("docker", "Docker") {
        return;
    }
    within(LIMIT, || {
        for store in ["docker", "auto"] {
            let mut server = Server::start(&["--quiet", "--store", store]);
            let port = (server.ready["store"].as_str())
                .and_then(|store| store.strip_prefix("docker:redis://"))
                .and_then(|rest| rest.strip_suffix("/0"))
                .and_then(|address| address.rsplit_once(':'))
                .map(|(_, port)| port)
                .unwrap_or_else(|| panic!("{}", server.ready));
            let ours = [&format!("publish={port}"), &format!("ancestor={IMAGE}")];
            let [container] = &containers(ours)[..] else {
                panic!("{:?}", containers(ours));
            };
            // For this machine only, and in any case with a password.
            let published = Command::new("docker").args(["port", container]).output();
            let published = String::from_utf8(published.unwrap().stdout).unwrap();
            let loopback = format!("6379/tcp -> 127.0.0.1:{port}\n");
            let in_a_container = Path::new("/.dockerenv").exists();
            assert!(published == loopback || in_a_container, "{published}");
            assert_locked(port);

            Runtime::new().unwrap().block_on(count(&server));

            server.terminate();
            let (status, rest) = server.wait();
            assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
            assert!(containers([&format!("id={container}")]).is_empty());
        }
    });
}

/// Without its password the container's Redis answers nothing.
fn assert_locked(port: &str) {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let error = (client.get_connection())
        .and_then(|mut connection| redis::cmd("DBSIZE").exec(&mut connection))
        .unwrap_err();
    assert_eq!(error.code(), Some("NOAUTH"), "{error}");
}

async fn count(server: &Server) {
    let mut client = server.client();
    let path = "/prod/track?experiment=e&variant=v&event=participate&uuid=";
    for (uuid, counted) in [(1, true), (1, false), (2, true)] {
        let reply = client.get(&format!("{path}{uuid}")).await;
        assert_eq!(reply.json(), json!({"counted": counted}));
    }
    let variants = json!([{"label": "v", "trials": 2}]);
    assert_eq!(
        server.experiments().await,
        [json!({"experiment": "e", "goals": [], "variants": variants})]
    );
}

#[test]
fn a_server_stopped_while_its_container_starts_leaves_none() {
    if is_skipped("docker", "Docker") {
        return;
    }
    within(LIMIT, || {
        let home = tempfile::tempdir().unwrap();
        let (host, listener) = socket(home.path());
        let server = serve(home.path(), "docker", &host);
        let pid = server.id();
        let (created, container) = std::sync::mpsc::channel();
        thread::spawn(move || {
            forward_to_the_daemon(&listener, move |container| {
                terminate(pid);
                created.send(container.to_owned()).unwrap();
            });
        });
        let container = container.recv().expect("no container is started");
        assert_eq!(
            said(server.wait_with_output().unwrap()),
            (Some(0), String::new(), String::new())
        );
        assert!(containers([&format!("id={container}")]).is_empty());
    });
}

#[test]
fn docker_without_a_daemon_fails_soon() {
    within(LIMIT, || {
        for_each_lack_of_a_daemon(|host, home| {
            line(
                home,
                &["serve", "--listen", "127.0.0.1:0", "--store", "docker"],
            )
            .env("DOCKER_HOST", host)
            .gives(
                1,
                "",
                "error: cannot reach a Docker daemon: start Docker, or use `--store embedded`\n",
            );
        });
    });
}

#[test]
fn auto_without_a_daemon_soon_counts_in_memory() {
    within(LIMIT, || {
        for_each_lack_of_a_daemon(|host, home| {
            let (ready, said) = ready_and_stopped(serve(home, "auto", host));
            assert_eq!(ready["store"], "embedded");
            assert_eq!(said, (Some(0), String::new(), String::new()));
        });
    });
}

/// No socket, and one that takes connections and never answers.
fn for_each_lack_of_a_daemon(check: impl Fn(&str, &Path)) {
    let home = tempfile::tempdir().unwrap();
    let (silent, _listener) = socket(home.path());
    for host in ["unix:///nonexistent.sock", &silent] {
        let start = Instant::now();
        check(host, home.path());
        // 2 s of patience, and what a busy machine adds.
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_secs(30), "{host}: {elapsed:?}");
    }
}

#[test]
fn auto_counts_in_memory_when_the_daemon_gives_no_container() {
    within(LIMIT, || {
        let home = tempfile::tempdir().unwrap();
        let (host, listener) = socket(home.path());
        thread::spawn(move || refuse_all_but_pings(&listener));
        let (ready, said) = ready_and_stopped(serve(home.path(), "auto", &host));
        assert_eq!(ready["store"], "embedded");
        let talk = "Docker is running: starting a Redis container from `redis:7-alpine`\n\
            warning: cannot start `redis:7-alpine` in Docker: failed to create a container: Docker responded \
            with status code 500: out of order; counting in memory instead\n";
        assert_eq!(said, (Some(0), String::new(), talk.into()));
    });
}

/// The ids of the containers, running or not, that fit the filters.
fn containers<const N: usize>(filters: [&String; N]) -> Vec<String> {
    let mut ps = Command::new("docker");
    ps.args(["ps", "--all", "--quiet", "--no-trunc"]);
    for filter in filters {
        ps.args(["--filter", filter]);
    }
    let (status, ids, errors) = said(ps.output().unwrap());
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    ids.lines().map(str::to_owned).collect()
}

fn serve(home: &Path, store: &str, docker_host: &str) -> Child {
    lamed(home)
        .args([
            "serve",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--store",
            store,
        ])
        .env("DOCKER_HOST", docker_host)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn terminate(pid: u32) {
    let status = Command::new("kill")
        .args(["-TERM", &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// The exit code, stdout and stderr.
fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The ready line, and what was said beside it until the server was stopped.
fn ready_and_stopped(mut server: Child) -> (Value, (Option<i32>, String, String)) {
    let mut line = String::new();
    let stdout = server.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    terminate(server.id());
    let said = said(server.wait_with_output().unwrap());
    let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    (ready, said)
}

/// A socket to be taken for a daemon's, and the `DOCKER_HOST` that leads there.
fn socket(folder: &Path) -> (String, UnixListener) {
    let path = folder.join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    (format!("unix://{}", path.display()), listener)
}

/// A daemon that is there and can do nothing.
fn refuse_all_but_pings(listener: &UnixListener) {
    for connection in listener.incoming() {
        let mut connection = BufReader::new(connection.unwrap());
        let mut lines = connection.by_ref().lines().map(Result::unwrap);
        let request = lines.next().unwrap_or_default();
        let length = lines.take_while(|line| !line.is_empty()).find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        connection.read_exact(&mut body).unwrap();
        let status = if request.contains("/_ping ") {
            "200 OK"
        } else {
            "500 Internal Server Error"
        };
        let reply = r#"{"message":"out of order"}"#;
        let length = reply.len();
        let _ = write!(
            connection.get_mut(),
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{reply}"
        );
    }
}

/// The real daemon behind a socket of ours. `before_start` is given a container's id just before
/// the daemon is told to start it.
fn forward_to_the_daemon(
    listener: &UnixListener,
    before_start: impl Fn(&str) + Clone + Send + 'static,
) {
    let host = std::env::var("DOCKER_HOST").unwrap_or("unix:///var/run/docker.sock".to_owned());
    let daemon = host
        .strip_prefix("unix://")
        .expect("a daemon behind a unix socket");
    for client in listener.incoming() {
        let mut client = client.unwrap();
        let mut daemon = UnixStream::connect(daemon).unwrap();
        let (mut replies, mut to_client) =
            (daemon.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut replies, &mut to_client));
        let before_start = before_start.clone();
        thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(length @ 1..) = client.read(&mut buffer) {
                let request = String::from_utf8_lossy(&buffer[..length]);
                if let Some((path, _)) = request.split_once("/start HTTP/1.1") {
                    before_start(path.rsplit('/').next().unwrap());
                }
                daemon.write_all(&buffer[..length]).unwrap();
            }
        });
    }
}
