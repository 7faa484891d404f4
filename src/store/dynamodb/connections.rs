//! Connections to one address, which are kept and used again.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::failure::Failure;

/// How many requests are under way at once; more wait.
const MOST: usize = 64;

/// How long a connection waits for its next request. AWS ends idle connections after a while, and a firewall between
/// may forget them without a word.
const IDLE: Duration = Duration::from_secs(20);

type Sender = SendRequest<Full<Bytes>>;

/// The connections to one address.
pub(super) struct Connections {
    host: String,
    port: u16,
    tls: bool,
    /// What the certificate must be signed by: read with the first connection, as it takes a while.
    config: OnceLock<Arc<ClientConfig>>,
    idle: Mutex<Vec<(Sender, Instant)>>,
    places: Semaphore,
}

impl Connections {
    /// Those to `http://host:port` or `https://host`; none for another text.
    pub(super) fn to(url: &Uri) -> Option<Self> {
        let tls = match url.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return None,
        };
        let host = url.host()?;
        // An address of IPv6 stands in brackets.
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        Some(Self {
            host: bare.unwrap_or(host).to_owned(),
            port: url.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            config: OnceLock::new(),
            idle: Mutex::default(),
            places: Semaphore::new(MOST),
        })
    }

    /// Sends a request and waits for all of its answer.
    pub(super) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(u16, Bytes), Failure> {
        // It is never closed.
        let _place = self.places.acquire().await;
        loop {
            let (mut sender, is_new) = match self.take() {
                Some(sender) => (sender, false),
                None => (self.connect().await.map_err(Failure::Unsent)?, true),
            };
            if sender.ready().await.is_err() && !is_new {
                continue;
            }
            // One that the other side closed meanwhile gives the request back.
            match sender.try_send_request(request).await {
                Ok(response) => return self.receive(sender, response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    Some(_) => return Err(Failure::Unsent(chain(error.error()))),
                    None => return Err(Failure::Unclear(chain(error.error()))),
                },
            }
        }
    }

    async fn receive(
        &self,
        sender: Sender,
        response: Response<hyper::body::Incoming>,
    ) -> Result<(u16, Bytes), Failure> {
        let (head, body) = response.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| Failure::Unclear(chain(&error)))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((sender, Instant::now()));
        Ok((head.status.as_u16(), body.to_bytes()))
    }

    /// The connection that was used last.
    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(sender, since)| !sender.is_closed() && since.elapsed() < IDLE);
        idle.pop().map(|(sender, _)| sender)
    }

    /// Gives up the idle connections: one of them did not answer, so others may be dead, too.
    pub(super) fn distrust(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.clear();
    }

    async fn connect(&self) -> Result<Sender, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| format!("cannot connect: {error}"))?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        if !self.tls {
            return shake_hands(Box::new(stream)).await;
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(self.config()?);
        let stream = connector.connect(name, stream).await;
        shake_hands(Box::new(stream.map_err(|error| format!("TLS: {error}"))?)).await
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for certificate in found.certs {
            // One that cannot be read is trusted by nobody.
            let _ = roots.add(certificate);
        }
        if roots.is_empty() {
            return Err("this system has no certificates of authorities".to_owned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }
}

/// With TLS or without: behind a pointer, as two kinds would take twice the room in the function.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn shake_hands(stream: Box<dyn Stream>) -> Result<Sender, String> {
    let hands = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = hands.map_err(|error| chain(&error))?;
    tokio::spawn(connection);
    Ok(sender)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}
