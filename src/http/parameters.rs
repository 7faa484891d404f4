//! The parameters of a request.

/// Decoded query parameters. Of a repeated name the last counts, as in API Gateway's event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes a query string as a form: `+` is a space.
    #[must_use]
    pub fn decode(query: &str) -> Self {
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The last value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().rev().filter(|(key, _)| key == name);
        values.next().map(|(_, value)| value.as_str())
    }

    /// All pairs, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (self.0.iter()).map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}
