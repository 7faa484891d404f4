//! Who may see the data.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::HeaderMap;
use subtle::ConstantTimeEq;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::server::ApiKey;
use crate::server::guesses::Judgement;
use crate::server::key::random_text;

/// A session ends when it was not used for so long.
const IDLE: Duration = Duration::from_hours(24);

/// How many there may be; a new one ends the one that was not used for the longest time.
const MOST: usize = 256;

/// The sessions of a dashboard. They end with the process.
pub struct Sessions {
    /// Opens one. Without a key nobody can sign in.
    key: Option<ApiKey>,
    /// The one of the address that is printed and opened.
    first: Option<String>,
    open: Mutex<Vec<Session>>,
    used: Notify,
}

struct Session {
    token: String,
    used: Instant,
}

impl Session {
    fn new(token: String) -> Self {
        let used = Instant::now();
        Self { token, used }
    }
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSession {
    /// The dashboard takes no key.
    NoKey,
    WrongKey,
    TooManyKeys,
    NoRandomness,
}

impl Sessions {
    /// Sessions for those who know the key.
    #[must_use]
    pub fn by_key(key: ApiKey) -> Self {
        Self {
            key: Some(key),
            first: None,
            open: Mutex::default(),
            used: Notify::new(),
        }
    }

    /// A session for those who were given the address, and more for those who know the key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn by_address(key: Option<ApiKey>) -> Result<Self, getrandom::Error> {
        let token = random_text(32)?;
        Ok(Self {
            key,
            open: Mutex::new(vec![Session::new(token.clone())]),
            first: Some(token),
            used: Notify::new(),
        })
    }

    /// What follows the page's address, so that it opens signed in: browsers do not send it.
    #[must_use]
    pub fn fragment(&self) -> String {
        (self.first.as_ref()).map_or_else(String::new, |session| format!("#session={session}"))
    }

    /// Waits until a session was used.
    pub async fn used(&self) {
        self.used.notified().await;
    }

    /// A new session for the API key.
    pub(super) async fn open(
        &self,
        key: &str,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Result<String, NoSession> {
        let known = self.key.as_ref().ok_or(NoSession::NoKey)?;
        match known.judge(peer, headers, key.as_bytes()).await {
            Judgement::Right => {}
            Judgement::Wrong => return Err(NoSession::WrongKey),
            Judgement::TooMany => return Err(NoSession::TooManyKeys),
        }
        let token = random_text(32).map_err(|_| NoSession::NoRandomness)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() == MOST {
            let idlest = (0..MOST).min_by_key(|place| open[*place].used);
            open.remove(idlest.unwrap_or(0));
        }
        open.push(Session::new(token.clone()));
        Ok(token)
    }

    pub(super) fn knows(&self, token: &str) -> bool {
        let now = Instant::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|session| now.duration_since(session.used) <= IDLE);
        // All are compared, each in constant time.
        let mut known = false;
        for session in open.iter_mut() {
            let same: bool = session.token.as_bytes().ct_eq(token.as_bytes()).into();
            if same {
                session.used = now;
            }
            known |= same;
        }
        if known {
            self.used.notify_one();
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;

    async fn open(sessions: &Sessions, key: &str) -> Result<String, NoSession> {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        sessions.open(key, peer, &HeaderMap::new()).await
    }

    #[tokio::test]
    async fn a_session_takes_the_key_or_the_address() {
        let key = ApiKey::new(Secret::new("key"));
        let by_key = Sessions::by_key(key.clone());
        assert_eq!(
            (open(&by_key, "other").await, by_key.fragment()),
            (Err(NoSession::WrongKey), String::new())
        );
        let session = open(&by_key, "key").await.unwrap();
        assert!(by_key.knows(&session));
        assert!(!by_key.knows("") && !by_key.knows("key") && !by_key.knows(&session[1..]));

        let by_address = Sessions::by_address(None).unwrap();
        let fragment = by_address.fragment();
        assert!(by_address.knows(fragment.strip_prefix("#session=").unwrap()));
        assert_eq!(open(&by_address, "key").await, Err(NoSession::NoKey));
        assert!(!by_address.knows(&session));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_it_was_idle_for_a_day() {
        let sessions = Sessions::by_address(Some(ApiKey::new(Secret::new("key")))).unwrap();
        let fragment = sessions.fragment();
        let printed = fragment.strip_prefix("#session=").unwrap();
        let signed_in = open(&sessions, "key").await.unwrap();
        for _ in 0..3 {
            tokio::time::advance(IDLE).await;
            assert!(sessions.knows(&signed_in), "it is used");
        }
        assert!(!sessions.knows(printed), "also the one that was printed");
        tokio::time::advance(IDLE + Duration::from_secs(1)).await;
        assert!(!sessions.knows(&signed_in));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_session_ends_the_idlest_when_there_are_too_many() {
        let sessions = Sessions::by_key(ApiKey::new(Secret::new("key")));
        let mut all = Vec::new();
        for _ in 0..MOST {
            all.push(open(&sessions, "key").await.unwrap());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(sessions.knows(&all[0]));
        all.push(open(&sessions, "key").await.unwrap());
        let ended: Vec<usize> = (0..=MOST)
            .filter(|place| !sessions.knows(&all[*place]))
            .collect();
        assert_eq!(ended, [1]);
    }
}
