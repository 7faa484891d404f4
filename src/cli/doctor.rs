//! `lamed doctor`

use std::path::Path;
use std::time::{Duration, SystemTime};

use hyper::header::{CONTENT_SECURITY_POLICY, DATE};
use serde::Serialize;
use tokio::time::timeout;
use url::Url;

use super::checks::text;
use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::fetch::{Fetched, Fetcher};
use super::{CliError, Context, block_on, secrets, snippet};
use crate::config::Config;
use crate::doctor::{self, Answer, Answers, Home, Page, Target, api_checks};
use crate::domain::{Name, State};
use crate::http::STAGE;
use crate::http::wire::{Tracked, parameter::PROBE};
use crate::preflight::{Check, Status, failures};
use crate::report::{Failure, Found, Question, message, read};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Also check the page at this URL
    #[arg(value_name = "URL", value_parser = page)]
    page: Option<Url>,
    /// Wait at most this many seconds for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
    #[command(flatten)]
    key: endpoint::KeyArgs,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    page: Option<&'a str>,
    /// The base URL of the API; null where none could be found.
    api: Option<&'a str>,
    checks: &'a [Check],
}

/// The API that is asked.
struct Api<'a> {
    endpoint: Endpoint,
    home: Home,
    script: String,
    config: &'a Config,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, Some(&args.key));
    let api = match endpoint {
        Ok(endpoint) => Ok(Api::new(endpoint, &args.endpoint, &config)),
        Err(error @ CliError::Usage(_)) if !args.endpoint.is_deployed() => return Err(error),
        Err(error) => Err(Check::error("API", error)),
    };
    let key = api.as_ref().ok().and_then(|api| api.endpoint.key.as_ref());
    key.into_iter().for_each(secrets::know);
    let limit = Duration::from_secs(args.timeout);
    let fetcher = Fetcher::new(limit).map_err(CliError::failed)?;
    let (page, answers) = block_on(async {
        let (page, answers) = tokio::join!(
            read_page(&fetcher, args.page.as_ref(), api.as_ref().ok()),
            async {
                match &api {
                    Ok(api) => api.answers(&fetcher, limit).await.map(Some),
                    Err(_) => Ok(None),
                }
            }
        );
        Ok((page, answers?))
    })?;
    let mut checks = Vec::new();
    match page {
        Some(Ok((page, elsewhere))) => {
            checks.extend(page.checks(api.as_ref().ok().map(Api::target), elsewhere));
            checks.extend(answers.iter().flat_map(|api| api.names_checks(&page)));
        }
        Some(Err(check)) => checks.push(check),
        None => {}
    }
    checks.extend(answers.iter().flat_map(api_checks));
    let base = api.as_ref().ok().map(|api| api.endpoint.base.clone());
    drop(answers);
    checks.extend(api.err());
    say(context, args, base.as_deref(), &checks)
}

fn say(
    context: &Context,
    args: &Args,
    api: Option<&str>,
    checks: &[Check],
) -> Result<(), CliError> {
    let failures = failures(checks);
    if context.json {
        context.printer.json(&Document {
            ok: failures.is_none(),
            page: args.page.as_ref().map(Url::as_str),
            api,
            checks,
        })?;
    } else {
        let quiet = context.printer.is_quiet();
        let shown = |check: &&Check| !quiet || check.status == Status::Failed;
        (context.printer).data(&text(checks.iter().filter(shown)))?;
    }
    match failures {
        Some(failures) => Err(CliError::failed(format!("checks failed: {failures}"))),
        None => Ok(()),
    }
}

/// `shop.example.com/cart` is forgiven.
fn page(text: &str) -> Result<Url, String> {
    if text.starts_with("file:") || Path::new(text).is_file() {
        return Err(
            "lamed checks pages of a web server, not files: run `python3 -m http.server 8000` in the folder of the \
             page, and use its URL, for example http://localhost:8000/page.html"
                .to_owned(),
        );
    }
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false if text.starts_with("localhost") || text.starts_with("127.") => {
            format!("http://{text}")
        }
        false => format!("https://{text}"),
    };
    (Url::parse(&whole).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            "expected the URL of a page, for example https://shop.example.com/".to_owned()
        })
}

/// Whether a lamed API answers where a page sends its events, if that is not the API that was asked for.
type Elsewhere = Option<Result<(), String>>;

async fn read_page(
    fetcher: &Fetcher,
    url: Option<&Url>,
    api: Option<&Api<'_>>,
) -> Option<Result<(Page, Elsewhere), Check>> {
    Some(fetch_page(fetcher, url?, api).await)
}

async fn fetch_page(
    fetcher: &Fetcher,
    asked: &Url,
    api: Option<&Api<'_>>,
) -> Result<(Page, Elsewhere), Check> {
    let fetched = fetcher.get(asked).await.map_err(|why| {
        Check::failed(
            "page",
            format!("cannot load {asked}: {why}"),
            "check the URL, and that the web server runs",
        )
    })?;
    let page = Page::read(doctor::Fetched {
        asked: asked.clone(),
        status: fetched.status,
        content_type: fetched.content_type(),
        policies: fetched.header(&CONTENT_SECURITY_POLICY).collect(),
        url: fetched.url,
        body: fetched.body,
    })?;
    let target = api.map(Api::target);
    let elsewhere = match (page.track(target), target) {
        (Some(track), Some(target)) if !page.names(target) => Some(answers(fetcher, track).await),
        _ => None,
    };
    Ok((page, elsewhere))
}

/// Whether a lamed API takes events at this address; else why not.
async fn answers(fetcher: &Fetcher, mut track: Url) -> Result<(), String> {
    track.set_query(Some(&format!("{PROBE}=1")));
    let answer = fetcher.get(&track).await?;
    let is_lamed = match answer.status {
        200 => serde_json::from_str::<Tracked>(&answer.body).is_ok(),
        // From before there was a probe.
        400 => message(&answer.body).is_some(),
        _ => false,
    };
    is_lamed
        .then_some(())
        .ok_or_else(|| format!("it answered {}", answer.status))
}

impl<'a> Api<'a> {
    fn new(endpoint: Endpoint, args: &endpoint::ApiArgs, config: &'a Config) -> Self {
        Self {
            home: match (args.is_local(), args.is_deployed()) {
                (true, _) => Home::Local,
                (_, true) => Home::Deployed,
                _ => Home::Elsewhere,
            },
            script: snippet::script_url(&endpoint, config),
            endpoint,
            config,
        }
    }

    fn target(&self) -> Target<'_> {
        Target {
            base: &self.endpoint.base,
            script: &self.script,
        }
    }

    /// The base URL that was meant, where only the stage is missing.
    async fn meant(&self, fetcher: &Fetcher, probe: &Result<Answer, String>) -> Option<String> {
        let base = &self.endpoint.base;
        let answer = probe.as_ref().ok()?;
        let is_lamed = serde_json::from_str::<Tracked>(&answer.body).is_ok();
        let may_be = matches!(answer.status, 200 | 403 | 404) && !is_lamed;
        if !may_be || base.ends_with(&format!("/{STAGE}")) {
            return None;
        }
        let meant = format!("{base}/{STAGE}");
        let track = Url::parse(&format!("{meant}/track")).ok()?;
        answers(fetcher, track).await.ok()?;
        Some(meant)
    }

    async fn answers(&self, fetcher: &Fetcher, limit: Duration) -> Result<Answers<'_>, CliError> {
        let ask = async |url: String| {
            let url = Url::parse(&url).map_err(|error| error.to_string())?;
            fetcher.get(&url).await.map(answer)
        };
        let client = match &self.endpoint.key {
            Some(_) => Some(Client::new(self.endpoint.clone())?),
            None => None,
        };
        let (probe, script, counted) = tokio::join!(
            ask(self.endpoint.probe_url()),
            ask(format!("{}?json=1", self.script)),
            async {
                match &client {
                    Some(client) => Some(counted(client, &self.config.namespace, limit).await),
                    None => None,
                }
            }
        );
        let meant = self.meant(fetcher, &probe).await;
        let (drafts, others): (Vec<_>, Vec<_>) =
            (self.config.experiments.iter()).partition(|declared| declared.state == State::Draft);
        let served = others.into_iter().filter(|one| !one.variants.is_empty());
        Ok(Answers {
            base: &self.endpoint.base,
            home: self.home,
            probe,
            meant,
            script,
            counted,
            namespace: &self.config.namespace,
            wanted: served.map(|declared| &declared.name).collect(),
            drafts: drafts.into_iter().map(|one| &one.name).collect(),
            declared: &self.config.experiments,
            now: SystemTime::now(),
        })
    }
}

fn answer(fetched: Fetched) -> Answer {
    let date = fetched.header(&DATE).next();
    Answer {
        status: fetched.status,
        date: date.and_then(|date| httpdate::parse_http_date(&date).ok()),
        body: fetched.body,
    }
}

async fn counted(client: &Client, namespace: &Name, limit: Duration) -> Result<Found, Failure> {
    let question = Question {
        namespace,
        experiment: None,
        days: true,
    };
    (timeout(limit, read(client, question)).await).unwrap_or_else(|_| {
        Err(Failure::gateway(format!(
            "no answer within {} seconds",
            limit.as_secs()
        )))
    })
}
