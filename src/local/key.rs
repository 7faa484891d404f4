//! The API key.

use subtle::ConstantTimeEq;

use crate::domain::Secret;

/// The key that reading and deleting require.
#[derive(Clone, Debug)]
pub struct ApiKey(Secret);

impl ApiKey {
    /// The header that carries it.
    pub const HEADER: &str = "x-api-key";

    /// The key that was chosen.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// A fresh key of 40 letters and digits, as API Gateway makes them.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        Ok(Self(Secret::new(random_text(40)?)))
    }

    /// The key itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// Compares in a time that says nothing about where two keys differ.
    #[must_use]
    pub fn matches(&self, given: Option<&[u8]>) -> bool {
        given.is_some_and(|given| self.0.reveal().as_bytes().ct_eq(given).into())
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
