//! Questions to a server on this machine, answered by one plain `GET`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The largest answer that is read, in bytes.
const LARGEST: usize = 16 * 1024;

/// What was answered.
pub(super) struct Answer {
    pub status: u16,
    /// Without white space at its ends.
    pub body: String,
}

/// Asks for a path. Whoever answers may be a stranger: the time and the size of the answer are limited.
///
/// # Errors
/// When nobody answers within the limit, or not by HTTP.
pub(super) fn get(address: SocketAddr, path: &str, limit: Duration) -> io::Result<Answer> {
    let end = Instant::now() + limit;
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_write_timeout(Some(limit))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut reply = Vec::new();
    let mut chunk = [0; 1024];
    while reply.len() < LARGEST {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => reply.extend_from_slice(&chunk[..length]),
            // So Unix says that the time is up.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    read(&reply).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn read(reply: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(reply).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    Some(Answer {
        status: status.parse().ok()?,
        body: body.trim().to_owned(),
    })
}

/// A server that listens on all addresses is reached by this machine's own.
pub(super) fn here(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) if address.ip().is_unspecified() => {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        SocketAddr::V6(_) if address.ip().is_unspecified() => {
            address.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        _ => {}
    }
    address
}
