//! The parameters of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Decoded query parameters. Of a repeated name the last counts, as in API Gateway's event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// All names and values, one after the other: each event has some, and one text is made faster than ten.
    text: String,
    /// Where in the text each name ends, and its value.
    ends: Vec<(usize, usize)>,
}

impl Parameters {
    /// Decodes a query string as a form: `+` is a space.
    #[must_use]
    pub fn decode(query: &str) -> Self {
        let mut parameters = Self {
            text: String::with_capacity(query.len()),
            ends: Vec::new(),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push(&decode(name), &decode(value));
        }
        parameters
    }

    fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let end = self.text.len();
        self.text.push_str(value);
        self.ends.push((end, self.text.len()));
    }

    /// The last value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let values = self.iter().filter(|(key, _)| *key == name);
        values.last().map(|(_, value)| value)
    }

    /// All pairs, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(name, value)| {
            let pair = (&self.text[start..name], &self.text[name..value]);
            start = value;
            pair
        })
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut parameters = Self::default();
        for (name, value) in pairs {
            parameters.push(&name, &value);
        }
        parameters
    }
}

/// Most texts need no decoding, and then it costs nothing.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8_lossy();
    Cow::Owned(decoded.into_owned())
}
