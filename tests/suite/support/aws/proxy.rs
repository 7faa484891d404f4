//! The HTTP server between the command under test and moto.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, client};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{Barrier, oneshot};

use super::fault::{Event, Rule};
use super::news::News;
use super::transitions::Transitions;
use super::{Call, Fault, Refusal, SECRET, moto, secrets};

type Reply = Response<Full<Bytes>>;

/// How long what a killed command began may go on.
const QUIET: Duration = Duration::from_secs(20);

/// What a test tells the proxy and reads from it.
#[derive(Default)]
pub struct State {
    pub account: String,
    pub calls: Vec<Call>,
    /// Those before the last reset, too, each once.
    pub all: BTreeSet<(String, String, String, String)>,
    /// What commands were given or told, and may not tell anybody.
    pub secrets: BTreeSet<String>,
    pub rules: Vec<Rule>,
    pub denied: Vec<String>,
    pub latency: Duration,
    pub transitions: Transitions,
    pub news: News,
    /// By the action: how many of its calls are under way now, and how many were at once.
    pub at_once: BTreeMap<String, (usize, usize)>,
    /// `127.0.0.1:PORT` of what answers in the place of the deployed API.
    pub api: Option<String>,
    /// What the deployed API answers to probes where nothing answers in its place: the last one stays.
    pub probed: Vec<(u16, String)>,
    /// The addresses of the probes so far.
    pub probes: Vec<String>,
    open: Open,
}

/// Every connection, and every call on its way to moto, holds a clone of the sender.
struct Open(Sender<()>, Receiver<()>);

impl Default for Open {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self(sender, receiver)
    }
}

/// Closes the connection without a reply.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

pub struct Proxy {
    state: Arc<Mutex<State>>,
    /// `127.0.0.1:PORT`
    pub address: String,
    /// The same account without record and without faults.
    pub plain: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Serves in a thread of its own: the tests' own may wait for processes.
    pub fn start(account: &str) -> Self {
        let state = Arc::new(Mutex::new(State {
            account: account.to_owned(),
            ..State::default()
        }));
        let [faulty, plain] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [address, plain_address] =
            [&faulty, &plain].map(|listener| listener.local_addr().unwrap().to_string());
        let (stop, stopped) = oneshot::channel();
        let (shared, own) = (state.clone(), account.to_owned());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let opened = shared.clone();
                let open = move || opened.lock().unwrap().open.0.clone();
                let faulty = serve(faulty, open, move |request| {
                    through(shared.clone(), request)
                });
                let plain = serve(plain, || (), move |request| straight(own.clone(), request));
                tokio::select! {
                    () = faulty => {}
                    () = plain => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            state,
            address,
            plain: plain_address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What nobody may be told, as far as commands were told it themselves.
    pub fn secrets(&self) -> impl Fn() -> Vec<String> + Send + 'static {
        let state = self.state.clone();
        move || {
            let secrets = state.lock().unwrap().secrets.clone();
            secrets.into_iter().chain([SECRET.to_owned()]).collect()
        }
    }

    /// Waits until all connections are closed and all that came over them is done.
    pub fn quiet(&self) {
        let Open(sender, done) = std::mem::take(&mut self.state().open);
        drop(sender);
        assert!(
            done.recv_timeout(QUIET)
                .is_err_and(|error| error == RecvTimeoutError::Disconnected)
        );
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        let end = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(end, Some(Ok(()))));
    }
}

async fn serve<F, G>(
    listener: TcpListener,
    open: impl Fn() -> G,
    answer: impl Fn(Request<Incoming>) -> F + Clone + 'static,
) where
    F: Future<Output = Result<Reply, Cut>> + 'static,
    G: 'static,
{
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let connections = tokio::task::LocalSet::new();
    let accepting = async {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(answer.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let open = open();
            tokio::task::spawn_local(async move {
                let _ = connection.await;
                drop(open);
            });
        }
    };
    connections.run_until(accepting).await;
}

/// With record and faults.
async fn through(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Reply, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let request = Request::from_parts(head.clone(), body.clone());
    if let Some(path) = invocation(head.uri.path()) {
        return invoke(state, request, path).await;
    }
    // The zip of a function, which AWS has elsewhere.
    if head.uri.path().starts_with("/_code/") {
        let account = state.lock().unwrap().account.clone();
        let reply = forward(request, moto::address(&account), None).await?;
        return Ok(reply.map(Full::from));
    }
    let call = match Call::read(&head, &body) {
        Ok(call) => call,
        Err(unknown) => return Ok(text(501, format!("unknown to the proxy: {unknown}"))),
    };
    let (index, latency, verdict) = {
        let mut state = state.lock().unwrap();
        let index = state.calls.len();
        state.calls.push(call.clone());
        state.all.insert((
            call.action.clone(),
            call.method.clone(),
            call.path.clone(),
            call.body.clone(),
        ));
        let secrets = secrets::sent(&call);
        state.secrets.extend(secrets);
        let (now, most) = state.at_once.entry(call.action.clone()).or_default();
        *now += 1;
        *most = (*most).max(*now);
        (index, state.latency, state.judge(&call))
    };
    tokio::time::sleep(latency).await;
    if let Some((now, _)) = state.lock().unwrap().at_once.get_mut(&call.action) {
        *now -= 1;
    }
    let reply = match verdict {
        Verdict::Reply(reply) => reply,
        Verdict::Meet(other) => {
            other.wait().await;
            pass(&state, call, request).await?
        }
        Verdict::Cut { done: false } => return Err(Cut),
        Verdict::Cut { done: true } => {
            pass(&state, call, request).await?;
            return Err(Cut);
        }
        Verdict::Hang { done, told } => {
            if done {
                pass(&state, call, request).await?;
            }
            // Nobody listens any more where another one hangs, too.
            let _ = told.send(Event::Hangs);
            return std::future::pending().await;
        }
        Verdict::Forward => pass(&state, call, request).await?,
    };
    // The test may have reset the record meanwhile.
    if let Some(recorded) = state.lock().unwrap().calls.get_mut(index) {
        recorded.status = Some(reply.status().as_u16());
    }
    let (head, body) = reply.into_parts();
    Ok(Response::from_parts(head, Full::from(body)))
}

/// To moto and back, even if the caller goes away meanwhile.
async fn pass(
    state: &Arc<Mutex<State>>,
    call: Call,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Cut> {
    let (state, open) = (state.clone(), state.lock().unwrap().open.0.clone());
    let passing = tokio::task::spawn_local(async move {
        let account = state.lock().unwrap().account.clone();
        let reply = forward(request, moto::address(&account), Some(&account)).await?;
        drop(open);
        Ok(state.lock().unwrap().passed(&call, reply))
    });
    passing.await.map_err(|_| Cut)?
}

/// Without them.
async fn straight(account: String, request: Request<Incoming>) -> Result<Reply, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let request = Request::from_parts(head, body);
    let reply = forward(request, moto::address(&account), Some(&account)).await?;
    Ok(reply.map(Full::from))
}

enum Verdict {
    Forward,
    Reply(Response<Bytes>),
    Meet(Arc<Barrier>),
    Cut { done: bool },
    Hang { done: bool, told: Sender<Event> },
}

impl State {
    fn judge(&mut self, call: &Call) -> Verdict {
        // Every rule counts every call.
        let struck: Vec<Fault> = (self.rules.iter_mut())
            .filter_map(|rule| rule.strikes(call))
            .collect();
        let refusal = match struck.first() {
            Some(Fault::CutBefore) => return Verdict::Cut { done: false },
            Some(Fault::Meet(other)) => return Verdict::Meet(other.clone()),
            Some(Fault::CutAfter) => return Verdict::Cut { done: true },
            Some(Fault::HangBefore(told) | Fault::HangAfter(told)) => {
                let done = matches!(struck[0], Fault::HangAfter(_));
                let told = told.clone();
                return Verdict::Hang { done, told };
            }
            Some(fault) => Refusal::of(fault, call.service()),
            None if self.denied.contains(&call.permission()) => {
                Some(Refusal::denied(call, &self.account))
            }
            None => {
                (self.news.refusal(call)).or_else(|| self.transitions.refusal(call, &self.account))
            }
        };
        match refusal {
            Some(refusal) => Verdict::Reply(refusal.reply(call.service())),
            None if call.operation() == "SimulatePrincipalPolicy" => {
                Verdict::Reply(self.simulate(call))
            }
            None => Verdict::Forward,
        }
    }

    /// The next answer to a probe.
    fn probed(&mut self) -> Reply {
        let (status, body) = match &self.probed[..] {
            [] => (200, r#"{"counted":false}"#.to_owned()),
            [last] => last.clone(),
            _ => self.probed.remove(0),
        };
        text(status, body)
    }

    /// moto lacks this one.
    fn simulate(&self, call: &Call) -> Response<Bytes> {
        let asked = form_urlencoded::parse(call.body.as_bytes());
        let members: String = asked
            .filter(|(name, _)| name.starts_with("ActionNames.member."))
            .map(|(_, action)| {
                let denied = self.denied.iter().any(|denied| *denied == action);
                let decision = if denied { "implicitDeny" } else { "allowed" };
                format!(
                    "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>\
                     <EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues/></member>"
                )
            })
            .collect();
        let body = format!(
            "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
             <SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>\
             <EvaluationResults>{members}</EvaluationResults></SimulatePrincipalPolicyResult>\
             <ResponseMetadata><RequestId>of-the-proxy</RequestId></ResponseMetadata>\
             </SimulatePrincipalPolicyResponse>"
        );
        Response::builder()
            .header("content-type", "text/xml")
            .body(Bytes::from(body))
            .unwrap()
    }

    /// A call that came through to moto.
    fn passed(&mut self, call: &Call, reply: Response<Bytes>) -> Response<Bytes> {
        if !reply.status().is_success() {
            return reply;
        }
        self.news.passed(call);
        self.secrets.extend(secrets::told(call, reply.body()));
        let (head, body) = reply.into_parts();
        let mut document: Value = serde_json::from_slice(&body).unwrap_or_default();
        let before = document.clone();
        self.transitions.passed(call, &mut document);
        let body = match document == before {
            true => body,
            false => Bytes::from(document.to_string()),
        };
        Response::from_parts(head, body)
    }
}

/// What LocalStack's form of an invocation asks of the API: `/restapis/{id}/prod/_user_request_/{path}`; or what the URL
/// of a function leads to: `/lambda-url/{id}/{path}`, where the stage is optional.
fn invocation(path: &str) -> Option<String> {
    if let Some(url) = path.strip_prefix("/lambda-url/") {
        let (_, path) = url.split_once('/')?;
        return Some(format!("/prod/{}", path.trim_start_matches("prod/")));
    }
    let (api, path) = path.split_once("/_user_request_")?;
    let stage = api.strip_prefix("/restapis/")?.split_once('/')?.1;
    Some(format!("/{stage}{path}"))
}

async fn invoke(
    state: Arc<Mutex<State>>,
    mut request: Request<Bytes>,
    path: String,
) -> Result<Reply, Cut> {
    let is_probe = request.uri().query() == Some("probe=1");
    let api = {
        let mut state = state.lock().unwrap();
        if is_probe {
            state.probes.push(request.uri().to_string());
        }
        match (state.api.clone(), is_probe) {
            (Some(api), _) => api,
            (None, true) => return Ok(state.probed()),
            (None, false) => return Ok(text(502, "no API was given to the proxy".to_owned())),
        }
    };
    let query = request.uri().query().map(|query| format!("?{query}"));
    *request.uri_mut() = format!("{path}{}", query.unwrap_or_default())
        .parse()
        .unwrap();
    let host = HeaderValue::from_str(&api).unwrap();
    request.headers_mut().insert(HOST, host);
    Ok(forward(request, &api, None).await?.map(Full::from))
}

async fn forward(
    mut request: Request<Bytes>,
    address: &str,
    account: Option<&str>,
) -> Result<Response<Bytes>, Cut> {
    // It may be asked as the proxy of a network: the whole URL stands in the request then.
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = path.into();
    }
    if let Some(account) = account {
        let account = HeaderValue::from_str(account).unwrap();
        request.headers_mut().insert("x-moto-account-id", account);
    }
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::task::spawn_local(connection);
    let reply = sender.send_request(request.map(Full::<Bytes>::from)).await;
    let (mut head, body) = reply.unwrap().into_parts();
    for header in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(header);
    }
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    Ok(Response::from_parts(head, body))
}

fn text(status: u16, text: String) -> Reply {
    let reply = Response::builder().status(status);
    reply.body(Full::from(text)).unwrap()
}
