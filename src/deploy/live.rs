//! Whether a deployment answers: one request through its front door, which counts nothing, shows that the gateway, its
//! permission, the function and the store work together.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::aws::Aws;

/// How long news of an API, a deployment or a permission may take to come through.
const SPREADING: Duration = Duration::from_secs(30);

/// How long what a function answers may be an error: by then it is known everywhere.
const STARTING: Duration = Duration::from_secs(10);

/// How long both may take together.
const IN_ALL: Duration = Duration::from_secs(60);

/// How long an emulator may take, where no news has to spread.
const EMULATED: Duration = Duration::from_secs(2);

/// How long one reply may take: more than the function for events may.
const REPLY: Duration = Duration::from_secs(15);

/// The pauses between requests: each twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Why requests do not get to the store, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {cure}")]
pub struct NotLive {
    what: String,
    cure: &'static str,
    limit: Limit,
}

/// How long it may be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Starting,
    Spreading,
}

/// Asks for this address until it answers as it should, and gives up when it takes longer than it may. `waits` is told
/// once, before the first pause.
///
/// # Errors
/// What stands in the way.
pub async fn check(aws: &Aws, url: &str, waits: impl FnOnce()) -> Result<(), NotLive> {
    let ask = async || match timeout(REPLY, aws.get(url)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no reply within {} seconds", REPLY.as_secs())),
    };
    let longest = if aws.is_emulated() { EMULATED } else { IN_ALL };
    wait(url, longest, ask, waits).await
}

async fn wait(
    url: &str,
    longest: Duration,
    ask: impl AsyncFn() -> Result<(u16, String), String>,
    waits: impl FnOnce(),
) -> Result<(), NotLive> {
    let start = Instant::now();
    let mut since = (start, Limit::Spreading);
    let mut pause = FIRST_PAUSE;
    let mut waits = Some(waits);
    loop {
        let answer = ask().await;
        let Some(trouble) = trouble(url, &answer) else {
            return Ok(());
        };
        tracing::info!(%trouble, "not live yet");
        let limit = match trouble.limit {
            Limit::Starting => STARTING,
            Limit::Spreading => SPREADING,
        };
        if trouble.limit != since.1 {
            since = (Instant::now(), trouble.limit);
        }
        if since.0.elapsed() + pause > limit || start.elapsed() + pause > longest {
            return Err(trouble);
        }
        if let Some(waits) = waits.take() {
            waits();
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What an answer means. Releases from before there was a probe answer 400: they are reached, too.
///
/// Source of the words: API Gateway, as LocalStack's recordings of it have them; "Control access to Lambda function
/// URLs", AWS documentation.
fn trouble(url: &str, answer: &Result<(u16, String), String>) -> Option<NotLive> {
    use Limit::{Spreading, Starting};
    let address = url.split('?').next().unwrap_or(url);
    let (status, body) = match answer {
        Ok(answer) => answer,
        Err(why) => {
            return Some(NotLive {
                what: format!("cannot reach {address}: {why}"),
                cure: "check the network and the DNS of this machine; if other machines reach it, it works",
                limit: Spreading,
            });
        }
    };
    let said = message(body);
    let says = |text: &str| said.contains(text);
    let (limit, why, cure) = match status {
        200 | 400 => return None,
        403 if says("Missing Authentication Token") => (
            Spreading,
            "the stage has no such path",
            "look at the deployments of the stage `prod` in API Gateway",
        ),
        403 if says("Function URL") => (
            Spreading,
            "the function URL lacks a permission",
            "run `lamed deploy` again, which gives both (`lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`); check that no policy of \
             the organisation forbids open function URLs",
        ),
        403 => (
            Spreading,
            "the API refuses requests",
            "look in API Gateway for a disabled default endpoint, a resource policy or a firewall (WAF)",
        ),
        404 => (
            Spreading,
            "nothing is there",
            "check that the API was not deleted, and that an emulator serves it at this address",
        ),
        429 => (
            Spreading,
            "too many requests",
            "raise `aws.throttle` (REST API), `aws.reserved_concurrency` (function URL), or the limits of the account",
        ),
        500 if says("the store failed") => (
            Starting,
            "the store refuses to count",
            "`lamed logs` shows the reason",
        ),
        500 => (
            Spreading,
            "API Gateway cannot call the function",
            "run `lamed deploy` again; check that the account has Lambda concurrency left",
        ),
        502 => (
            Starting,
            "the function does not start, or it fails",
            "`lamed logs` shows the reason",
        ),
        503 if says("the store cannot be reached") => (
            Starting,
            "the function cannot reach its store",
            "`lamed logs` shows the reason; check the address, the password and the network of the store",
        ),
        503 | 504 => (
            Starting,
            "the function does not answer in time",
            "`lamed logs` shows the reason",
        ),
        _ => (
            Spreading,
            "this is not an answer of lamed",
            "check what else serves this address",
        ),
    };
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(" `{said}`")
    };
    Some(NotLive {
        what: format!("{address} answers {status}{said}: {why}"),
        cure,
        limit,
    })
}

/// What a reply says in JSON: the gateway writes `message`, function URLs write `Message`.
fn message(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let message = body["message"].as_str().or(body["Message"].as_str());
    let message: Vec<&str> = message.unwrap_or_default().split_whitespace().collect();
    message.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const URL: &str = "https://abc.execute-api.eu-west-1.amazonaws.com/prod/track?probe=1";

    type Answer = Result<(u16, &'static str), &'static str>;

    /// What comes of these answers, of which the last one stays; how long it took, and how often somebody was told.
    async fn after(answers: &[Answer]) -> (Result<(), String>, Duration, u32) {
        let left = RefCell::new(answers.iter());
        let last = Cell::new(answers[answers.len() - 1]);
        let told = Cell::new(0);
        let ask = async || {
            let next = left.borrow_mut().next().copied();
            let answer = next.unwrap_or(last.get());
            answer
                .map(|(status, body)| (status, body.to_owned()))
                .map_err(str::to_owned)
        };
        let since = Instant::now();
        let waits = || told.set(told.get() + 1);
        let end = wait(URL, IN_ALL, ask, waits).await;
        let end = end.map_err(|trouble| trouble.to_string());
        (end, since.elapsed(), told.get())
    }

    const COUNTED: Answer = Ok((200, r#"{"counted":false}"#));
    const NO_PERMISSION: Answer = Ok((500, r#"{"message": "Internal server error"}"#));

    #[tokio::test(start_paused = true)]
    async fn what_passes_by_itself_is_waited_for() {
        assert_eq!(after(&[COUNTED]).await, (Ok(()), Duration::ZERO, 0));
        // A release from before there was a probe.
        let old = Ok((400, r#"{"message":"`experiment` is missing"}"#));
        assert_eq!(after(&[old]).await, (Ok(()), Duration::ZERO, 0));
        let news = [
            Err("failed to lookup address information"),
            Ok((403, r#"{"message":"Missing Authentication Token"}"#)),
            Ok((403, r#"{"message":"Forbidden"}"#)),
            Ok((404, "")),
            NO_PERMISSION,
            Ok((502, r#"{"message": "Internal server error"}"#)),
            Ok((
                503,
                r#"{"message":"the store cannot be reached: try again"}"#,
            )),
            COUNTED,
        ];
        let (end, took, told) = after(&news).await;
        assert_eq!((end, told), (Ok(()), 1));
        assert!(took > STARTING && took < SPREADING, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_is_named_with_its_cure() {
        for (answer, limit, words) in [
            (
                Err("failed to lookup address information"),
                SPREADING,
                "cannot reach https://abc.execute-api.eu-west-1.amazonaws.com/prod/track: failed to lookup address \
                 information: check the network and the DNS",
            ),
            (
                Ok((403, r#"{"message":"Missing Authentication Token"}"#)),
                SPREADING,
                "the stage has no such path",
            ),
            (
                Ok((403, r#"{"message":"Forbidden"}"#)),
                SPREADING,
                "a disabled default endpoint",
            ),
            (
                Ok((
                    403,
                    r#"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: x"}"#,
                )),
                SPREADING,
                "the function URL lacks a permission: run `lamed deploy` again, which gives both",
            ),
            (
                Ok((404, "<html>")),
                SPREADING,
                "answers 404: nothing is there",
            ),
            (
                Ok((429, r#"{"message":"Too Many Requests"}"#)),
                SPREADING,
                "raise `aws.throttle`",
            ),
            (NO_PERMISSION, SPREADING, "cannot call the function"),
            (
                Ok((
                    500,
                    r#"{"message":"the store failed: the log has the reason"}"#,
                )),
                STARTING,
                "the store refuses to count: `lamed logs`",
            ),
            (
                Ok((502, r#"{"message": "Internal server error"}"#)),
                STARTING,
                "answers 502 `Internal server error`: the function does not start, or it fails: `lamed logs`",
            ),
            (
                Ok((
                    503,
                    r#"{"message":"the store cannot be reached: try again"}"#,
                )),
                STARTING,
                "the function cannot reach its store",
            ),
            (
                Ok((504, r#"{"message": "Endpoint request timed out"}"#)),
                STARTING,
                "the function does not answer in time",
            ),
            (Ok((301, "")), SPREADING, "not an answer of lamed"),
        ] {
            let (end, took, told) = after(&[answer]).await;
            let said = end.unwrap_err();
            assert!(said.contains(words) && !said.contains('\n'), "{said}");
            assert!(took <= limit && took * 2 > limit, "{said}: {took:?}");
            assert_eq!(told, 1);
        }
    }
}
