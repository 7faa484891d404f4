//! What a server bears from its clients.

use std::time::Duration;

/// The limits of a server. None depends on what a client says.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections are open at once.
    pub connections: usize,
    /// How many of them one address may have. Addresses near this machine may have all.
    pub share: usize,
    /// How long a connection may wait for its client before it gives way to a new one, where there is no
    /// room for both. The same holds for bodies that are being read.
    pub grace: Duration,
    /// The largest head of a request in bytes, at least 8 KiB. Beyond it: 431.
    pub head: usize,
    /// How many bytes the bodies of all requests together may take. At least as many as the largest body
    /// that is read.
    pub bodies: usize,
    /// How many bytes the HTTP/2 requests of all connections may take, each from its head until its answer is sent.
    pub exchanges: usize,
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
            share: 5_000,
            // Longer than a head or a body of some KB takes on a bad network.
            grace: Duration::from_secs(1),
            head: 32 * 1024,
            // A thousand batches of a usual size.
            bodies: 16 * 1024 * 1024,
            // 1,000 requests at once, or 80 for the largest page that needs no key.
            exchanges: 8 * 1024 * 1024,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(30),
            // Longer than the 60 s for which nginx keeps a connection, so that it closes first.
            idle: Duration::from_secs(75),
            streams: 100,
            drain: Duration::from_secs(10),
        }
    }
}
