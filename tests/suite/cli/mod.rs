//! The command line, through the real binary: what goes in, and all that comes out.

mod backup;
mod configure;
mod delete;
mod doctor;
mod help;
mod logs;
mod manners;
mod mistakes;
mod plan;
mod preflight;
mod results;
mod serve;
mod snippet;
mod tls;
mod values;
mod verbs;
mod widths;
mod wizard;

use std::fs::{self, Permissions};
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::Server;

/// How long a reply may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// For its user alone, as many systems make them.
pub fn home() -> TempDir {
    let only_mine = Permissions::from_mode(0o700);
    (tempfile::Builder::new().permissions(only_mine))
        .tempdir()
        .unwrap()
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Counts so many different events.
pub async fn count(server: &Server, counts: &[(&str, &str, &str, usize)]) {
    let mut client = server.client();
    for (experiment, event, variant, times) in counts {
        let events: Vec<Value> = (0..*times)
            .map(|uuid| {
                json!({"experiment": experiment, "event": event, "variant": variant,
                    "uuid": uuid.to_string()})
            })
            .collect();
        for events in events.chunks(100) {
            let body = Value::from(events).to_string();
            let reply = timeout(LIMIT, client.post("/prod/track", &body))
                .await
                .unwrap();
            let counted = json!({"counted": events.len(), "duplicates": 0});
            assert_eq!(reply.json(), counted);
        }
    }
}

pub fn read_head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
    String::from_utf8(text).unwrap()
}
