//! The limits of API Gateway and of Lambda, at a handler that breaks.

use serde_json::json;

use super::*;
use crate::domain::{
    DayCount, DaySums, Event, ExperimentCounts, Experiments, Name, Outcome, Selection,
};
use crate::http::{RouteMatch, Rules};
use crate::store::{CountLimits, Store, StoreError};

/// A store that never answers, panics, or has far too much to say.
enum Broken {
    Hanging,
    Panicking,
    Huge,
}

#[async_trait]
impl Store for Broken {
    async fn track(&self, _: &[Event]) -> Result<Vec<Outcome>, StoreError> {
        self.fail().await
    }

    async fn counts(
        &self,
        _: &Name,
        _: Option<&[Name]>,
    ) -> Result<Vec<ExperimentCounts>, StoreError> {
        if matches!(self, Self::Huge) {
            let name = Name::stored("x".repeat(7 * 1024 * 1024));
            return Ok(vec![ExperimentCounts::new(name, [])]);
        }
        self.fail().await
    }

    async fn days(&self, _: &Name, _: &[Name]) -> Result<Vec<Vec<DayCount>>, StoreError> {
        self.fail().await
    }

    async fn sums(&self, _: &Name, _: &[Name]) -> Result<Vec<Vec<DaySums>>, StoreError> {
        self.fail().await
    }

    async fn delete(&self, _: &Selection) -> Result<u64, StoreError> {
        self.fail().await
    }

    async fn limit(&self, _: CountLimits) -> Result<(), StoreError> {
        self.fail().await
    }

    async fn keep_copy(&self, _: &Name, _: &Name, _: &str, _: bool) -> Result<String, StoreError> {
        self.fail().await
    }

    async fn copies(&self, _: &Name, _: &[Name]) -> Result<Vec<Option<String>>, StoreError> {
        self.fail().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.fail().await
    }
}

impl Broken {
    async fn fail<T>(&self) -> Result<T, StoreError> {
        match self {
            Self::Panicking => panic!("on purpose"),
            _ => std::future::pending().await,
        }
    }
}

const QUERY: [(&str, &str); 4] = [
    ("experiment", "e"),
    ("variant", "v"),
    ("event", "g"),
    ("uuid", "1"),
];

/// What a request to a route over a broken store gets, and after how many seconds.
async fn outcome(store: Broken, method: &str, path: &str) -> (u16, String, u64) {
    let namespace = Name::stored("alephbet".to_owned());
    let api: Arc<dyn Invoke> = {
        let rules = Rules::new(Experiments::none(namespace));
        Arc::new(Api::new(Arc::new(store), rules))
    };
    let routes = Routes::new([]);
    let RouteMatch::Route(route) = routes.find(method, path) else {
        panic!("no route {path}");
    };
    let query: serde_json::Map<_, _> = (QUERY.iter())
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let event = json!({"httpMethod": method, "queryStringParameters": query});
    let start = Instant::now();
    let reply = invoke(&api, route, event).await;
    let reply = reply.unwrap_or_else(Refusal::reply);
    (reply.status, reply.body, start.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_function_may_take_its_own_time_or_29_seconds() {
    let internal = r#"{"message": "Internal server error"}"#.to_owned();
    let timed_out = r#"{"message": "Endpoint request timed out"}"#.to_owned();
    assert_eq!(
        outcome(Broken::Hanging, "GET", "/track").await,
        (502, internal, 10)
    );
    for (method, path) in [("GET", "/experiments"), ("DELETE", "/delete")] {
        assert_eq!(
            outcome(Broken::Hanging, method, path).await,
            (504, timed_out.clone(), 29)
        );
    }
}

#[tokio::test]
async fn a_function_that_panics_or_would_say_too_much_is_an_error() {
    let internal = (502, r#"{"message": "Internal server error"}"#.to_owned(), 0);
    assert_eq!(outcome(Broken::Panicking, "GET", "/track").await, internal);
    let (status, body, _) = outcome(Broken::Huge, "GET", "/experiments").await;
    assert_eq!(status, 400);
    assert!(body.contains("6 MB") && body.contains("`scope`"), "{body}");
}
