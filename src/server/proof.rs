//! A proof that this is the server whose secret somebody knows, without telling the secret.
//!
//! `serve --local` leaves its address and its API key in a file for the commands beside it. When it is killed the
//! file stays, and anybody may take its port. So a command first asks for a proof, and gives the key to a server
//! that knows the secret in the file only.
//!
//! | request | reply |
//! |---|---|
//! | `GET /proof?nonce=…` (32 letters and digits) | 200 and what follows from the secret and the nonce |
//!
//! The secret is random and is for nothing else: from a proof by the API key, which people choose, one could try
//! keys without asking the server.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::{Method, Request};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::exchange::response;
use super::health::text;
use super::key::random_text;
use super::{Answering, Body, Edge};
use crate::domain::Secret;

/// Where a proof is asked for.
const PATH: &str = "/proof";

/// How long nonces and secrets are, in letters and digits: 160 random bits.
const LENGTH: usize = 32;

/// What a server proves that it knows.
#[derive(Clone, Debug)]
pub struct Proof(Secret);

impl Proof {
    /// A fresh secret.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        random_text(LENGTH).map(|secret| Self(Secret::new(secret)))
    }

    /// By a secret that is known.
    #[must_use]
    pub fn of(secret: Secret) -> Self {
        Self(secret)
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// What to ask a server for, and what only one that knows the secret answers.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn question(&self) -> Result<(String, Expected), getrandom::Error> {
        let nonce = random_text(LENGTH)?;
        let expected = Expected(self.answer(&nonce));
        Ok((format!("{PATH}?nonce={nonce}"), expected))
    }

    /// A hash of a hash, as in HMAC: no answer leads to the answer for another nonce.
    fn answer(&self, nonce: &str) -> String {
        let secret = self.0.reveal();
        let inner = Sha256::new().chain_update(secret).chain_update(nonce);
        let outer = Sha256::new()
            .chain_update(secret)
            .chain_update(inner.finalize());
        BASE64_URL_SAFE_NO_PAD.encode(outer.finalize())
    }
}

/// The right answer.
pub struct Expected(String);

impl Expected {
    /// Whether this is it.
    #[must_use]
    pub fn is(&self, answer: &str) -> bool {
        self.0.as_bytes().ct_eq(answer.as_bytes()).into()
    }
}

/// Proofs before another edge, which gets all other requests.
pub struct WithProof {
    pub proof: Proof,
    pub rest: Arc<dyn Edge>,
}

impl Edge for WithProof {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answering<'_> {
        let uri = request.uri();
        if uri.path() != PATH || request.method() != Method::GET {
            return self.rest.answer(request, peer);
        }
        let nonce = uri.query().and_then(|query| query.strip_prefix("nonce="));
        let is_nonce = |nonce: &&str| {
            nonce.len() == LENGTH && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let reply = match nonce.filter(is_nonce) {
            Some(nonce) => text(200, &self.proof.answer(nonce)),
            None => text(400, "`nonce` must be 32 letters and digits"),
        };
        Box::pin(ready(response(reply)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_gives_the_same_answer() {
        let proof = Proof::random().unwrap();
        let (path, expected) = proof.question().unwrap();
        let (_, nonce) = path.split_once("/proof?nonce=").unwrap();
        let same = Proof::of(proof.secret().clone());
        assert!(expected.is(&same.answer(nonce)));
        let other = Proof::random().unwrap();
        for wrong in [&other.answer(nonce), &same.answer("another"), nonce, ""] {
            assert!(!expected.is(wrong), "{wrong}");
        }
        let (again, _) = proof.question().unwrap();
        assert_ne!(path, again);
    }
}
