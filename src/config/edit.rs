//! Changing single values of a config file: all else stays as its author wrote it, byte for byte.

use std::ops::Range;

use serde_json::Value;

/// The text of a JSON object. It may hold a password: there is no `Debug`.
pub struct Document(String);

/// A key of an object, and where in the text it and its value stand.
struct Member {
    key: String,
    start: usize,
    value: Range<usize>,
}

/// Where an object's braces stand, and what is between them.
struct Object {
    open: usize,
    close: usize,
    members: Vec<Member>,
}

impl Document {
    /// `None` where the text is no JSON object.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let document = Self(text.to_owned());
        document.value().is_object().then_some(document)
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the text says; null where it is no JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        // Some editors put a byte order mark first.
        let text = self.0.strip_prefix('\u{feff}').unwrap_or(&self.0);
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Puts a value at the place of the one that is there, or behind the last of its object.
    pub fn set(&mut self, path: &[&str], value: &Value) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let mut start = self.root();
        for parent in parents {
            start = self.child(start, parent);
        }
        self.put(start, last, &value.to_string());
    }

    /// Takes a key out, if it is there.
    pub fn remove(&mut self, path: &[&str]) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let mut start = self.root();
        for parent in parents {
            match self.object(start).member(parent) {
                Some(member) if self.is_object(&member.value) => start = member.value.start,
                _ => return,
            }
        }
        while self.take(start, last) {}
    }

    fn root(&self) -> usize {
        self.0.find('{').unwrap_or_default()
    }

    fn is_object(&self, value: &Range<usize>) -> bool {
        self.0[value.clone()].starts_with('{')
    }

    /// Where the object under a key starts; made, if there is none.
    fn child(&mut self, start: usize, key: &str) -> usize {
        let existing = self.object(start).member(key).map(|found| found.value);
        match existing {
            Some(value) if self.is_object(&value) => return value.start,
            _ => self.put(start, key, "{}"),
        }
        let made = self.object(start).member(key);
        made.map_or(start, |made| made.value.start)
    }

    fn put(&mut self, start: usize, key: &str, value: &str) {
        let object = self.object(start);
        if let Some(member) = object.member(key) {
            self.0.replace_range(member.value, value);
            return;
        }
        let key = Value::from(key);
        match object.members.last() {
            Some(last) => {
                // As the ones before it: on a line of its own, or not.
                let before = match object.members.len() {
                    1 => object.open + 1,
                    more => self.after_comma(object.members[more - 2].value.end),
                };
                let space = self.0[before..last.start].to_owned();
                let space = if space.is_empty() { " " } else { &space };
                self.0
                    .insert_str(last.value.end, &format!(",{space}{key}: {value}"));
            }
            None => {
                let indent = self.indent(start);
                let inside = format!("{{\n{indent}  {key}: {value}\n{indent}}}");
                self.0.replace_range(object.open..=object.close, &inside);
            }
        }
    }

    /// Says whether there was one to take.
    fn take(&mut self, start: usize, key: &str) -> bool {
        let object = self.object(start);
        let Some(position) = object.members.iter().position(|member| member.key == key) else {
            return false;
        };
        let member = &object.members[position];
        let range = match (position, object.members.get(position + 1)) {
            (_, Some(next)) => member.start..next.start,
            (0, None) => object.open + 1..object.close,
            (_, None) => object.members[position - 1].value.end..member.value.end,
        };
        self.0.replace_range(range, "");
        true
    }

    /// The white space at the start of the line.
    fn indent(&self, at: usize) -> String {
        let line = self.0[..at].rfind('\n').map_or(0, |end| end + 1);
        let blank = |character: &char| matches!(character, ' ' | '\t');
        self.0[line..at].chars().take_while(blank).collect()
    }

    fn after_comma(&self, from: usize) -> usize {
        let comma = self.0[from..].find(',');
        comma.map_or(from, |comma| from + comma + 1)
    }

    /// Reads the object whose `{` stands at `open`. The text is known to be JSON.
    fn object(&self, open: usize) -> Object {
        let mut at = open + 1;
        let mut members = Vec::new();
        loop {
            at = self.skip(at, |byte| byte.is_ascii_whitespace() || byte == b',');
            if self.byte(at) != Some(b'"') {
                let close = at;
                return Object {
                    open,
                    close,
                    members,
                };
            }
            let key = at..self.end_of_string(at);
            let start = self.skip(key.end, |byte| byte.is_ascii_whitespace() || byte == b':');
            let value = start..self.end_of_value(start);
            at = value.end;
            members.push(Member {
                key: serde_json::from_str(&self.0[key.clone()]).unwrap_or_default(),
                start: key.start,
                value,
            });
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.0.as_bytes().get(at).copied()
    }

    fn skip(&self, from: usize, skipped: impl Fn(u8) -> bool) -> usize {
        let rest = self.0.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| skipped(**byte)).count()
    }

    fn end_of_string(&self, start: usize) -> usize {
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                Some(b'\\') => at += 2,
                Some(b'"') => return at + 1,
                Some(_) => at += 1,
                None => return self.0.len(),
            }
        }
    }

    fn end_of_value(&self, start: usize) -> usize {
        let mut depth = 0_u32;
        let mut at = start;
        loop {
            match self.byte(at) {
                Some(b'"') => at = self.end_of_string(at),
                Some(b'{' | b'[') => {
                    depth += 1;
                    at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    at += 1;
                }
                Some(b',') if depth > 0 => {
                    at += 1;
                    continue;
                }
                Some(byte) if depth > 0 && (byte.is_ascii_whitespace() || byte == b':') => {
                    at += 1;
                    continue;
                }
                Some(_) => {
                    // A number or a word.
                    let ends = |byte: u8| b",]}:".contains(&byte) || byte.is_ascii_whitespace();
                    at = self.skip(at, |byte| !ends(byte));
                }
                None => return at,
            }
            if depth == 0 {
                return at;
            }
        }
    }
}

impl Object {
    /// Of several with the same key the last counts.
    fn member(&self, key: &str) -> Option<Member> {
        let found = self.members.iter().rfind(|member| member.key == key)?;
        Some(Member {
            key: found.key.clone(),
            start: found.start,
            value: found.value.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_changed_and_nothing_else() {
        let text = "\u{feff}{\n\t\"a }\\\" [\" : [{\"host\": 1}, \"}\"],\n\t\"redis\":{ \"host\":\"x\",  \"port\" : 1 },\n\n\t\"z\": -1.5e3}\n";
        let mut document = Document::new(text).unwrap();
        document.set(&["redis", "host"], &json!("y\"z"));
        document.set(&["redis", "ssl"], &json!(true));
        document.remove(&["redis", "port"]);
        document.remove(&["redis", "gone"]);
        document.remove(&["z", "host"]);
        document.set(&["z"], &json!(null));
        document.set(&["n", "m"], &json!([1]));
        assert_eq!(
            document.text(),
            "\u{feff}{\n\t\"a }\\\" [\" : [{\"host\": 1}, \"}\"],\n\t\"redis\":{ \"host\":\"y\\\"z\",  \"ssl\": true },\n\n\t\"z\": null,\n\n\t\"n\": {\n\t  \"m\": [1]\n\t}}\n"
        );
    }

    #[test]
    fn objects_are_filled_emptied_and_made() {
        for (text, expected) in [
            ("{}", "{\n  \"redis\": {\n    \"host\": \"h\"\n  }\n}"),
            (
                r#"{"redis": null, "a": 1}"#,
                "{\"redis\": {\n  \"host\": \"h\"\n}, \"a\": 1}",
            ),
            (
                r#"{"redis": {"url": "u"}}"#,
                "{\"redis\": {\n  \"host\": \"h\"\n}}",
            ),
            (
                r#"{"redis": {"db": 0, "url": "u", "url": "u"}}"#,
                r#"{"redis": {"db": 0, "host": "h"}}"#,
            ),
        ] {
            let mut document = Document::new(text).unwrap();
            document.remove(&["redis", "url"]);
            document.set(&["redis", "host"], &json!("h"));
            assert_eq!(document.text(), expected, "{text}");
        }
        for text in ["", "[]", "{", "5"] {
            assert!(Document::new(text).is_none(), "{text}");
        }
    }
}
