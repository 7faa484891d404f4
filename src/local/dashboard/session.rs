//! Who may see the data.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;

use crate::local::ApiKey;
use crate::local::guesses::Judgement;
use crate::local::key::random_text;

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How many there may be; a new one ends the oldest.
const MOST: usize = 256;

/// The sessions of a dashboard. They end with the process.
pub struct Sessions {
    /// Opens one; where there is none, nobody can sign in.
    key: Option<ApiKey>,
    /// One that does not end, for the address that is printed and opened.
    standing: Option<String>,
    open: Mutex<VecDeque<(Instant, String)>>,
}

impl Sessions {
    /// Sessions for those who know the key.
    #[must_use]
    pub fn by_key(key: ApiKey) -> Self {
        Self {
            key: Some(key),
            standing: None,
            open: Mutex::default(),
        }
    }

    /// One session, for those who were given the address.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn by_address(key: Option<ApiKey>) -> Result<Self, getrandom::Error> {
        Ok(Self {
            key,
            standing: Some(random_text(32)?),
            open: Mutex::default(),
        })
    }

    /// What follows the page's address, so that it opens signed in: browsers do not send it.
    #[must_use]
    pub fn fragment(&self) -> String {
        (self.standing.as_ref()).map_or_else(String::new, |session| format!("#session={session}"))
    }

    /// A new session for the API key; else what is to be said of the text that was given.
    pub(super) fn open(&self, key: &str, asker: IpAddr) -> Result<String, Judgement> {
        let known = self.key.as_ref().ok_or(Judgement::Wrong)?;
        match known.judge(asker, key.as_bytes()) {
            Judgement::Right => {}
            judgement => return Err(judgement),
        }
        let session = random_text(32).map_err(|_| Judgement::Wrong)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() == MOST {
            open.pop_front();
        }
        open.push_back((Instant::now(), session.clone()));
        Ok(session)
    }

    pub(super) fn knows(&self, token: &str) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while open
            .front()
            .is_some_and(|(since, _)| since.elapsed() > LIFETIME)
        {
            open.pop_front();
        }
        let all = open
            .iter()
            .map(|(_, session)| session)
            .chain(&self.standing);
        // All are compared, each in constant time.
        all.fold(false, |known, session| {
            let same: bool = session.as_bytes().ct_eq(token.as_bytes()).into();
            known | same
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;

    const ASKER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_session_takes_the_key_or_the_address() {
        let key = ApiKey::new(Secret::new("key"));
        let by_key = Sessions::by_key(key.clone());
        assert_eq!(
            (by_key.open("other", ASKER), by_key.fragment()),
            (Err(Judgement::Wrong), String::new())
        );
        let session = by_key.open("key", ASKER).unwrap();
        assert!(by_key.knows(&session));
        assert!(!by_key.knows("") && !by_key.knows("key") && !by_key.knows(&session[1..]));

        let by_address = Sessions::by_address(None).unwrap();
        let fragment = by_address.fragment();
        assert!(by_address.knows(fragment.strip_prefix("#session=").unwrap()));
        assert_eq!(by_address.open("key", ASKER), Err(Judgement::Wrong));
        assert!(!by_address.knows(&session));
    }

    #[test]
    fn a_new_session_ends_the_oldest_when_there_are_too_many() {
        let sessions = Sessions::by_key(ApiKey::new(Secret::new("key")));
        let all: Vec<String> = (0..=MOST)
            .map(|_| sessions.open("key", ASKER).unwrap())
            .collect();
        assert!(!sessions.knows(&all[0]));
        assert!(all[1..].iter().all(|session| sessions.knows(session)));
    }
}
