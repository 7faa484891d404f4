//! What a server bears from its clients.

use std::time::Duration;

/// The limits of a server. None depends on what a client says.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections are open at once; more wait until one ends.
    pub connections: usize,
    /// The largest head of a request in bytes, at least 8 KiB. Beyond it: 431.
    pub head: usize,
    /// The largest body of a request in bytes. Beyond it: 413.
    pub body: usize,
    /// How long the head of the first request may take, from the connection's start.
    pub head_time: Duration,
    /// How long the body of a request may take. Beyond it: 408.
    pub body_time: Duration,
    /// How long a client may take to read an answer and send the head of its next request.
    pub idle: Duration,
    /// How many requests of one HTTP/2 connection are answered at once.
    pub streams: u32,
    /// How long what was accepted may take to end once the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head: 32 * 1024,
            // API Gateway's limit, kept by both edges.
            body: 10 * 1024 * 1024,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(30),
            // Longer than the 60 s for which nginx keeps a connection, so that it closes first.
            idle: Duration::from_secs(75),
            streams: 100,
            drain: Duration::from_secs(10),
        }
    }
}
