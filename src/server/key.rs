//! The API key.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::HeaderMap;

use super::guesses::{Guesses, Judgement, asker};
use crate::domain::Secret;
use crate::http::door::{KEY_HEADER, is_key};

/// From this length on a key may be too long to be found by trying.
const LONG: usize = 24;

/// Of a long key so many characters differ: it is not one word again and again.
const DIFFERENT: usize = 10;

/// The key that reading and deleting require. Clones count guesses at it together.
#[derive(Clone, Debug)]
pub struct ApiKey {
    secret: Secret,
    /// Counts guesses where the key can be guessed.
    guesses: Option<Arc<Guesses>>,
    proxies: Option<usize>,
}

impl ApiKey {
    /// The header that carries it.
    pub const HEADER: &str = KEY_HEADER;

    /// The key that was chosen.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            guesses: can_be_guessed(secret.reveal()).then(Arc::default),
            secret,
            proxies: None,
        }
    }

    /// A fresh key of 40 letters and digits, as API Gateway makes them.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        Ok(Self::new(Secret::new(random_text(40)?)))
    }

    /// The key of a server behind so many proxies that append to `X-Forwarded-For`. Without a number a proxy
    /// on this machine or in its network is believed.
    #[must_use]
    pub fn behind(self, proxies: Option<usize>) -> Self {
        Self { proxies, ..self }
    }

    /// The key itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether somebody may come in with this key.
    pub(super) async fn judge(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
        given: &[u8],
    ) -> Judgement {
        let is_right = || self.matches(Some(given));
        match &self.guesses {
            Some(guesses) => {
                let asker = asker(peer, headers, self.proxies);
                guesses.judge(asker, is_right).await
            }
            None if is_right() => Judgement::Right,
            None => Judgement::Wrong,
        }
    }

    /// Compares in a time that says nothing about where two keys differ.
    #[must_use]
    pub fn matches(&self, given: Option<&[u8]>) -> bool {
        given.is_some_and(|given| is_key(&self.secret, given))
    }
}

/// Whether trying keys may find this one. 24 random letters and digits have more than 100 bits, as hexadecimal
/// digits 96: a million tries a second would take longer than the universe is old.
fn can_be_guessed(key: &str) -> bool {
    let different: HashSet<char> = key.chars().collect();
    key.chars().count() < LONG || different.len() < DIFFERENT
}

/// Random letters and digits.
pub(super) fn random_text(length: usize) -> Result<String, getrandom::Error> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)?;
    // 32 divides 256: every letter is equally likely.
    Ok((bytes.iter())
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_random_key_cannot_be_guessed() {
        for (key, expected) in [
            ("", true),
            ("hunter2", true),
            ("a-long-random-text", true),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true),
            ("secretsecretsecretsecret", true),
            ("7c3f9a1e5b20d846fa97c3", true),
            ("7c3f9a1e5b20d846fa97c3e1", false),
            ("kM4wq9ZtL2xv7RbNc8Hs3PdY", false),
        ] {
            assert_eq!(can_be_guessed(key), expected, "{key}");
        }
        let own = random_text(40).unwrap();
        assert!(!can_be_guessed(&own), "{own}");
    }
}
