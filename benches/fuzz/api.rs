//! What clients send: queries, bodies, and the events that API Gateway makes of them.

use std::fmt::Debug;
use std::sync::Arc;

use lamed::domain::{Experiments, Name};
use lamed::http::gateway::{answer, request_from_event};
use lamed::http::{
    Api, COMMON_HEADERS, Details, Handler, Method, Parameters, Reply, Request, Rules,
};
use lamed::server::reply_from_proxy;
use lamed::store::{Counting, Location, SqliteStore};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::engine::Target;

const HANDLERS: [Handler; 4] = [
    Handler::Track,
    Handler::AllExperiments,
    Handler::OneExperiment,
    Handler::Delete,
];

/// An API over memory that is emptied now and then, with room for few counters.
struct Counted {
    runtime: Runtime,
    api: Api,
    inputs: u32,
}

impl Counted {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let api = Self::empty();
        Self {
            runtime,
            api,
            inputs: 0,
        }
    }

    fn empty() -> Api {
        let counting = Counting {
            max_counters: 40,
            max_namespaces: 3,
            max_variants: 5,
            ..Counting::default()
        };
        let store = SqliteStore::open(&Location::Memory, counting).unwrap();
        Api::new(
            Arc::new(store),
            Rules::new(Experiments::none(Name::stored("alephbet".to_owned()))),
        )
    }

    /// For the next input.
    fn next(&mut self) -> &Self {
        self.inputs += 1;
        if self.inputs.is_multiple_of(2000) {
            self.api = Self::empty();
        }
        self
    }

    /// What must hold of any reply at all.
    fn reply(&self, handler: Handler, request: &Request) -> Reply {
        let reply = self.runtime.block_on(self.api.handle(handler, request));
        assert!([200, 400, 429].contains(&reply.status), "{reply:?}");
        for (name, value) in COMMON_HEADERS {
            assert!(
                reply.headers.contains(&(name.into(), value.into())),
                "{reply:?}"
            );
        }
        let body = json(&reply);
        assert_eq!(
            body["message"].is_string(),
            reply.status != 200,
            "{reply:?}"
        );
        reply
    }
}

impl Counted {
    /// OFREP reads the same body, and has its own words.
    fn evaluate(&self, request: &Request) {
        let answer = self.api.handle(Handler::Evaluate, request);
        let reply = self.runtime.block_on(answer);
        let body = json(&reply);
        match reply.status {
            200 => assert_eq!(body["flags"], Value::Array(Vec::new()), "{reply:?}"),
            400 => assert!(body["errorCode"].is_string(), "{reply:?}"),
            _ => panic!("{reply:?}"),
        }
    }
}

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
}

/// A kind of answer: of errors the words, whatever their numbers; of results about how many.
fn kind(status: impl Debug, body: &str) -> String {
    if body.contains("message") {
        let words = body.replace(|character: char| character.is_ascii_digit(), "0");
        format!("{status:?} {}", &words[..words.floor_char_boundary(120)])
    } else {
        format!(
            "{status:?} {} {}",
            body.len().checked_ilog2().unwrap_or(0),
            body.contains("true")
        )
    }
}

/// `PATH?QUERY`.
pub struct Query(Counted);

impl Query {
    pub fn new() -> Self {
        Self(Counted::new())
    }
}

impl Target for Query {
    fn name(&self) -> &'static str {
        "query"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "track?",
            "experiments?",
            "experiment?",
            "delete?",
            "experiment=",
            "variant=",
            "event=",
            "uuid=",
            "namespace=",
            "scope=",
            "goal=",
            "days=1",
            "&experiment=",
            "&variant=",
            "&event=",
            "&uuid=",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        let (path, query) = text.split_once('?').unwrap_or(("track", &text));
        let by_path = HANDLERS.into_iter().find(|handler| handler.path() == path);
        let handler = by_path.unwrap_or(Handler::Track);
        let query = Parameters::decode(query);
        let pairs: Vec<(&str, &str)> = query.iter().collect();
        for (name, _) in &pairs {
            let last = pairs.iter().rev().find(|(other, _)| other == name);
            assert_eq!(query.get(name), last.map(|(_, value)| *value));
        }
        let written = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&pairs)
            .finish();
        assert_eq!(Parameters::decode(&written), query);
        let request = Request {
            method: handler.methods()[0],
            query,
            body: Vec::new(),
            encoding: None,
            user_agent: None,
            details: Details::default(),
        };
        let counted = self.0.next();
        let reply = counted.reply(handler, &request);
        if handler == Handler::Track && reply.status == 200 {
            assert_eq!(
                counted.reply(handler, &request).body,
                r#"{"counted":false}"#
            );
        }
        kind((handler, reply.status), &reply.body)
    }
}

/// The body of a POST.
pub struct Body(Counted);

impl Body {
    pub fn new() -> Self {
        Self(Counted::new())
    }
}

impl Target for Body {
    fn name(&self) -> &'static str {
        "body"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            r#""experiment":"#,
            r#""variant":"#,
            r#""event":"#,
            r#""uuid":"#,
            r#""namespace":"#,
            r#""user":"#,
            r#"{"context":{"targetingKey":"#,
            r#""a""#,
            "},{",
            r#"{"experiment":"e","variant":"v","event":"g","uuid":"1"},"#,
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let request = Request {
            method: Method::Post,
            query: Parameters::default(),
            body: input.to_vec(),
            encoding: None,
            user_agent: None,
            details: Details::default(),
        };
        let counted = self.0.next();
        counted.evaluate(&request);
        let reply = counted.reply(Handler::Track, &request);
        // Somebody else's reading, which keeps all of it.
        if let Ok(body) = serde_json::from_slice::<Value>(input) {
            let events = match &body {
                Value::Array(events) => events.as_slice(),
                one => std::slice::from_ref(one),
            };
            let fine = events.len() <= 100 && (events.is_empty() || events.iter().any(is_event));
            assert_eq!(fine, reply.status != 400, "{reply:?}");
            if reply.status == 200 {
                let said = json(&reply);
                let refused: Vec<u64> = (said["refused"].as_array().into_iter().flatten())
                    .map(|refused| refused["index"].as_u64().unwrap())
                    .collect();
                let odd: Vec<u64> = (0..)
                    .zip(events)
                    .filter(|(_, event)| !is_event(event))
                    .map(|(index, _)| index)
                    .collect();
                assert_eq!(refused, odd);
                let sum = said["counted"].as_u64().unwrap() + said["duplicates"].as_u64().unwrap();
                assert_eq!(sum, (events.len() - odd.len()) as u64);
            }
        }
        if reply.status == 200 {
            let again = counted.reply(Handler::Track, &request);
            assert_eq!(json(&again)["counted"], 0);
        }
        kind(reply.status, &reply.body)
    }
}

fn is_event(event: &Value) -> bool {
    let fits = |name: &str, most: usize| match &event[name] {
        Value::Null => None,
        Value::String(text) => {
            Some(!text.is_empty() && text.len() <= most && !text.contains(char::is_control))
        }
        _ => Some(false),
    };
    let names = ["experiment", "variant", "event"];
    names.iter().all(|name| fits(name, 200) == Some(true))
        && fits("uuid", 128) == Some(true)
        && fits("namespace", 200) != Some(false)
        // No experiment for users is declared.
        && event["user"].is_null()
}

/// What a function may be invoked with.
pub struct Event(Counted);

impl Event {
    pub fn new() -> Self {
        Self(Counted::new())
    }
}

impl Target for Event {
    fn name(&self) -> &'static str {
        "event"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            r#""httpMethod":"#,
            r#""GET""#,
            r#""POST""#,
            r#""DELETE""#,
            r#""OPTIONS""#,
            r#""body":"#,
            r#""isBase64Encoded":true"#,
            r#""queryStringParameters":"#,
            r#""multiValueQueryStringParameters":"#,
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let Ok(event) = serde_json::from_slice::<Value>(input) else {
            return "no JSON".to_owned();
        };
        let read = request_from_event(&event).map(|request| request.method);
        let mut kinds = format!("{read:?}");
        let counted = self.0.next();
        for handler in HANDLERS {
            let answer = counted
                .runtime
                .block_on(answer(&counted.api, handler, &event));
            let said = match &answer {
                Ok(reply) if event.get("httpMethod").is_some() => {
                    let read = reply_from_proxy(reply).expect("a reply that the gateway takes");
                    assert!([200, 400, 429].contains(&read.status), "{read:?}");
                    kind(read.status, &read.body)
                }
                Ok(reply) => kind("flat", &reply.to_string()),
                Err(error) => kind("error message", &error.to_string()),
            };
            kinds.push_str(&said);
        }
        kinds
    }
}

/// What a function may answer the gateway with.
pub struct ProxyReply;

impl Target for ProxyReply {
    fn name(&self) -> &'static str {
        "reply"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            r#""statusCode":"#,
            r#""headers":"#,
            r#""multiValueHeaders":"#,
            r#""body":"#,
            r#""isBase64Encoded":"#,
            "200",
            r#""200""#,
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let Ok(value) = serde_json::from_slice::<Value>(input) else {
            return "no JSON".to_owned();
        };
        let Some(reply) = reply_from_proxy(&value) else {
            return "malformed".to_owned();
        };
        assert!((100..=599).contains(&reply.status));
        let has_type = |(name, _): &lamed::http::Header| name.eq_ignore_ascii_case("content-type");
        assert!(reply.headers.iter().any(has_type));
        format!("{} {}", reply.status, reply.headers.len())
    }
}
