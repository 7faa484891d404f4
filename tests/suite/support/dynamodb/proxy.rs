//! The HTTP server between a store and MiniStack.

use std::collections::{BTreeMap, HashSet};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::address;

type Reply = Response<Full<Bytes>>;

/// What befalls a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// Another transaction writes the same items. Only for transactions.
    Conflict,
    Throttled,
    /// A fault of the service, before anything was done.
    Internal,
    /// The credentials have expired.
    Expired,
    /// The connection ends, and nothing was done.
    CutBefore,
    /// It was done, and the connection ends.
    CutAfter,
    /// It was done, and no answer comes.
    LostReply,
    /// Nothing is done, and no answer comes.
    Silence,
    /// It is done, and the answer comes so much later.
    Late(Duration),
}

type Rule = Box<dyn FnMut(&str, &Value) -> Option<Trouble> + Send>;

/// What a test tells the proxy and reads from it.
#[derive(Default)]
pub struct State {
    rule: Option<Rule>,
    /// How many requests came, by operation.
    pub calls: BTreeMap<String, usize>,
    /// The write units of each transaction that was done.
    pub units: Vec<f64>,
    /// How long a transaction takes at least: one that writes the same item meanwhile is canceled.
    conflicts: Option<Duration>,
    pub conflicted: usize,
    written: HashSet<String>,
    /// To MiniStack. They are kept, as it closes none by itself.
    idle: Vec<Upstream>,
    /// The last request, as it came: its headers and its body.
    pub last: Option<(BTreeMap<String, String>, String)>,
}

/// Closes the connection without a reply.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

/// Ends with its last owner.
pub struct Proxy {
    state: Arc<Mutex<State>>,
    /// `127.0.0.1:PORT`
    pub address: String,
    _stop: oneshot::Sender<()>,
}

impl Proxy {
    /// Serves in a thread of its own.
    pub fn start() -> Self {
        Self::serve(None)
    }

    /// The same by TLS, with the server's certificate of `make_certificates`.
    pub fn start_with_tls(folder: &Path) -> Self {
        let certificates = CertificateDer::pem_file_iter(folder.join("server.crt")).unwrap();
        let certificates = certificates.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        Self::serve(Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn serve(tls: Option<TlsAcceptor>) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let shared = state.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, tls, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            state,
            address: own,
            _stop: stop,
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What befalls each request from now on.
    pub fn rule(&self, rule: impl FnMut(&str, &Value) -> Option<Trouble> + Send + 'static) {
        self.state().rule = Some(Box::new(rule));
    }

    /// Nothing befalls any from now on.
    pub fn calm(&self) {
        self.state().rule = None;
    }

    /// From now on transactions that overlap are canceled, as DynamoDB does; each takes so long at least.
    pub fn with_conflicts(self, each: Duration) -> Self {
        self.state().conflicts = Some(each);
        self
    }
}

async fn serve(
    listener: tokio::net::TcpListener,
    tls: Option<TlsAcceptor>,
    state: Arc<Mutex<State>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (state, tls) = (state.clone(), tls.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), request));
            let http = http1::Builder::new();
            // What a client thinks of it, it says itself.
            let _ = match tls {
                None => http.serve_connection(TokioIo::new(stream), service).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => return,
                },
            };
        });
    }
}

type Upstream = SendRequest<Full<Bytes>>;

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Reply, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned();
    let operation = text(&head.headers["x-amz-target"]);
    let operation = operation.rsplit('.').next().unwrap().to_owned();
    let mut json: Value = serde_json::from_slice(&body).unwrap();
    let writes = operation == "TransactWriteItems";
    let trouble = {
        let mut state = state.lock().unwrap();
        *state.calls.entry(operation.clone()).or_default() += 1;
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)));
        state.last = Some((headers.collect(), String::from_utf8(body.to_vec()).unwrap()));
        state.rule.as_mut().and_then(|rule| rule(&operation, &json))
    };
    match trouble {
        Some(Trouble::Conflict) if writes => return Ok(conflict(&json, |_| true)),
        Some(Trouble::Throttled) => return Ok(error(400, "ThrottlingException")),
        Some(Trouble::Expired) => return Ok(error(400, "ExpiredTokenException")),
        Some(Trouble::Internal) => return Ok(error(500, "InternalServerError")),
        Some(Trouble::CutBefore) => return Err(Cut),
        Some(Trouble::Silence) => std::future::pending().await,
        _ => {}
    }
    let keys: Vec<String> = if writes { keys(&json) } else { Vec::new() };
    let each = {
        let mut state = state.lock().unwrap();
        if let Some(each) = state.conflicts {
            let written = &state.written;
            if keys.iter().any(|key| written.contains(key)) {
                let reply = conflict(&json, |key| written.contains(key));
                state.conflicted += 1;
                return Ok(reply);
            }
            state.written.extend(keys.iter().cloned());
            Some(each)
        } else {
            None
        }
    };
    if writes {
        json["ReturnConsumedCapacity"] = "TOTAL".into();
    }
    // It is done also where the client hangs up meanwhile.
    let done = tokio::spawn(async move {
        let pause = sleep(each.unwrap_or_default());
        let (reply, ()) = tokio::join!(forward(&state, &head.headers, &json), pause);
        let mut state = state.lock().unwrap();
        for key in &keys {
            state.written.remove(key);
        }
        if writes && reply.0 == 200 {
            let answer: Value = serde_json::from_slice(&reply.1).unwrap();
            let units = answer["ConsumedCapacity"][0]["CapacityUnits"].as_f64();
            state.units.extend(units);
        }
        reply
    });
    let (status, body) = done.await.unwrap();
    match trouble {
        Some(Trouble::CutAfter) => return Err(Cut),
        Some(Trouble::LostReply) => std::future::pending().await,
        Some(Trouble::Late(delay)) => sleep(delay).await,
        _ => {}
    }
    Ok(reply(status, body))
}

async fn forward(state: &Mutex<State>, headers: &HeaderMap, body: &Value) -> (u16, Bytes) {
    loop {
        let idle = state.lock().unwrap().idle.pop();
        let mut sender = match idle {
            Some(sender) => sender,
            None => connect().await,
        };
        let mut request = Request::post("/").header("host", address());
        for name in [
            "content-type",
            "x-amz-target",
            "authorization",
            "x-amz-date",
        ] {
            request = request.header(name, &headers[name]);
        }
        let request = request.body(Full::from(body.to_string())).unwrap();
        // MiniStack ends a connection now and then.
        let Ok(response) = sender.send_request(request).await else {
            continue;
        };
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        if sender.ready().await.is_ok() {
            state.lock().unwrap().idle.push(sender);
        }
        return (status, body);
    }
}

async fn connect() -> Upstream {
    let stream = TcpStream::connect(address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// The items that a transaction writes.
fn keys(transaction: &Value) -> Vec<String> {
    let actions = transaction["TransactItems"].as_array().unwrap();
    actions.iter().map(key).collect()
}

fn key(action: &Value) -> String {
    let (_, action) = action.as_object().unwrap().iter().next().unwrap();
    let key = action.get("Key").unwrap_or(&action["Item"]);
    format!("{} {} {}", action["TableName"], key["pk"], key["sk"])
}

fn conflict(transaction: &Value, conflicts: impl Fn(&str) -> bool) -> Reply {
    let reasons: Vec<Value> = keys(transaction)
        .iter()
        .map(|key| match conflicts(key) {
            true => json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}),
            false => json!({"Code": "None"}),
        })
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    reply(400, body.to_string().into())
}

fn error(status: u16, code: &str) -> Reply {
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
        "message": "made by the test",
    });
    reply(status, body.to_string().into())
}

fn reply(status: u16, body: Bytes) -> Reply {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Full::new(body))
        .unwrap()
}
