//! Any address by HTTP: whoever answers may be a stranger, so time, size and redirects are limited.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, USER_AGENT};
use hyper::{Request, Response, body::Incoming};
use tokio::time::timeout;
use url::Url;

use super::client::{Http, http, root};

/// The largest answer, in bytes.
const LARGEST: usize = 5 * 1024 * 1024;

/// As browsers have it, or fewer.
const MOST_REDIRECTS: usize = 10;

const NAME: &str = concat!("lamed-doctor/", env!("CARGO_PKG_VERSION"));

/// Fetches addresses, without any key.
pub(super) struct Fetcher {
    http: Http,
    limit: Duration,
}

/// What came at last.
pub(super) struct Fetched {
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Fetched {
    /// The values of a header that are text.
    pub(super) fn header(&self, name: &HeaderName) -> impl Iterator<Item = String> {
        let values = self.headers.get_all(name).iter();
        values.filter_map(|value| Some(value.to_str().ok()?.to_owned()))
    }

    pub(super) fn content_type(&self) -> Option<String> {
        self.header(&CONTENT_TYPE).next()
    }
}

impl Fetcher {
    /// `limit` is for one address with all its redirects. Without certificates on this machine, only addresses with
    /// TLS fail, each by itself.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub(super) fn new(limit: Duration) -> Result<Self, String> {
        let http = http(false).map_err(|error| error.to_string())?;
        Ok(Self { http, limit })
    }

    /// Fetches an address.
    ///
    /// # Errors
    /// When nothing comes in time, or too much: why, for people.
    pub(super) async fn get(&self, url: &Url) -> Result<Fetched, String> {
        let limit = self.limit.as_secs();
        let unit = if limit == 1 { "second" } else { "seconds" };
        (timeout(self.limit, self.follow(url.clone())).await)
            .unwrap_or_else(|_| Err(format!("no answer within {limit} {unit}")))
    }

    async fn follow(&self, mut url: Url) -> Result<Fetched, String> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(&url).await?;
            let location = response.headers().get(LOCATION);
            let location = location.and_then(|location| location.to_str().ok());
            match location.filter(|_| response.status().is_redirection()) {
                Some(location) => {
                    let next = (url.join(location).ok())
                        .filter(|next| matches!(next.scheme(), "http" | "https"));
                    url = next.ok_or_else(|| format!("redirected to `{location}`"))?;
                }
                None => return whole(url, response).await,
            }
        }
        Err(format!("more than {MOST_REDIRECTS} redirects"))
    }

    async fn ask(&self, url: &Url) -> Result<Response<Incoming>, String> {
        let mut address = url.clone();
        address.set_fragment(None);
        let request = Request::get(address.as_str())
            .header(USER_AGENT, NAME)
            .header(ACCEPT, "text/html, */*;q=0.5")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let response = self.http.request(request).await;
        response.map_err(|error| root(&error))
    }
}

async fn whole(url: Url, response: Response<Incoming>) -> Result<Fetched, String> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => format!("it is larger than {} MiB", LARGEST >> 20),
        false => root(&*error),
    })?;
    Ok(Fetched {
        url,
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    })
}
