//! The API key.

use std::net::IpAddr;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::guesses::{Guesses, Judgement};
use crate::domain::Secret;

/// The key that reading and deleting require. Clones count guesses at it together.
#[derive(Clone, Debug)]
pub struct ApiKey {
    secret: Secret,
    guesses: Arc<Guesses>,
}

impl ApiKey {
    /// The header that carries it.
    pub const HEADER: &str = "x-api-key";

    /// The key that was chosen.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            guesses: Arc::default(),
        }
    }

    /// A fresh key of 40 letters and digits, as API Gateway makes them.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        Ok(Self::new(Secret::new(random_text(40)?)))
    }

    /// The key itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether somebody at this address may come in with this key.
    pub(super) fn judge(&self, asker: IpAddr, given: &[u8]) -> Judgement {
        self.guesses.judge(asker, || self.matches(Some(given)))
    }

    /// Compares in a time that says nothing about where two keys differ.
    #[must_use]
    pub fn matches(&self, given: Option<&[u8]>) -> bool {
        given.is_some_and(|given| self.secret.reveal().as_bytes().ct_eq(given).into())
    }
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
