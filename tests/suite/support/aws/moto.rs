//! The AWS behind the proxy: moto's server, which all tests share; two of them, since each keeps but
//! one processor busy.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{scripts, tools};

const SERVERS: u64 = 2;

/// Where the server of an account listens. It starts with the first test that asks and ends with the
/// tests' process, because then its standard input does.
pub fn address(account: &str) -> &'static str {
    static MOTOS: [OnceLock<(Child, String)>; SERVERS as usize] =
        [const { OnceLock::new() }; SERVERS as usize];
    let number: u64 = account.parse().unwrap();
    let (_, address) = MOTOS[(number % SERVERS) as usize].get_or_init(|| {
        let mut child = Command::new(tools().join("venv/bin/python"))
            .arg("-B")
            .arg(scripts().join("server.py"))
            .arg("3") // a page of a list: small, so that lists of a few things have several
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`tests/run` installs what this needs");
        let mut port = String::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        stdout.read_line(&mut port).unwrap();
        assert!(!port.is_empty(), "moto ended early");
        let address = format!("127.0.0.1:{}", port.trim());
        (child, address)
    });
    address
}

/// The number of an account that is nobody else's.
pub fn account() -> String {
    static ACCOUNTS: AtomicU64 = AtomicU64::new(111_111_111_111);
    ACCOUNTS.fetch_add(1, Ordering::Relaxed).to_string()
}
