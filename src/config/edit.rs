//! Changing single values of a config file. All else stays as its author wrote it; an object on one
//! line that gets a new key is spread over several.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use serde_json::Value;

/// The mark that some editors put before the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a JSON object. It may hold a password: there is no `Debug`.
pub struct Document(String);

impl Document {
    /// `None` if the text is not a JSON object.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let document = Self(text.to_owned());
        document.value().is_object().then_some(document)
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The parsed text; null if it is not JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        let text = self.0.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.0);
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Replaces a value, or appends it to its object. Missing objects on the way are made.
    pub fn set(&mut self, path: &[&str], value: &Value) {
        self.edit(|root| {
            let Some((last, parents)) = path.split_last() else {
                return;
            };
            let object = parents.iter().fold(root, |object, key| child(&object, key));
            match property(&object, last) {
                Some(found) => found.set_value(input(value)),
                None => drop(object.append(last, input(value))),
            }
        });
    }

    /// Removes a key if it exists.
    pub fn remove(&mut self, path: &[&str]) {
        self.edit(|root| {
            let Some((last, parents)) = path.split_last() else {
                return;
            };
            let object = (parents.iter()).try_fold(root, |object, key| {
                property(&object, key).and_then(|found| found.object_value())
            });
            while let Some(found) = object.as_ref().and_then(|object| property(object, last)) {
                found.remove();
            }
        });
    }

    fn edit(&mut self, change: impl FnOnce(CstObject)) {
        let mark = self.0.starts_with(BYTE_ORDER_MARK);
        let text = self.0.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.0);
        // `new` let nothing else in than an object.
        let Ok(root) = CstRootNode::parse(text, &ParseOptions::default()) else {
            return;
        };
        change(root.object_value_or_set());
        let start = if mark { "\u{feff}" } else { "" };
        self.0 = format!("{start}{root}");
    }
}

/// Of several properties with the same key the last counts, as for every reader of JSON.
fn property(object: &CstObject, key: &str) -> Option<CstObjectProp> {
    let mut properties = object.properties().into_iter();
    properties.rfind(|property| property.decoded_name().as_deref() == Some(key))
}

/// The object under a key; anything else there is replaced.
fn child(object: &CstObject, key: &str) -> CstObject {
    let empty = || CstInputValue::Object(Vec::new());
    let found = property(object, key).unwrap_or_else(|| object.append(key, empty()));
    if !matches!(found.value(), Some(CstNode::Container(node)) if node.is_object()) {
        found.set_value(empty());
    }
    found.object_value_or_set()
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input).collect()),
        Value::Object(members) => CstInputValue::Object(
            (members.iter())
                .map(|(key, value)| (key.clone(), input(value)))
                .collect(),
        ),
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
            "\u{feff}{\n\t\"a }\\\" [\" : [{\"host\": 1}, \"}\"],\n\t\"redis\":{\n\t\t\"host\":\"y\\\"z\",\n\t\t\"ssl\": true\n\t},\n\n\t\"z\": null,\n\t\"n\": {\n\t\t\"m\": [1]\n\t}}\n"
        );
    }

    #[test]
    fn objects_are_filled_emptied_and_made() {
        for (text, expected) in [
            ("{}", "{\n  \"redis\": {\n    \"host\": \"h\"\n  }\n}"),
            (
                r#"{"redis": null, "a": 1}"#,
                "{\"redis\": {\n    \"host\": \"h\"\n  }, \"a\": 1}",
            ),
            (
                r#"{"redis": {"url": "u"}}"#,
                "{\"redis\": {\n    \"host\": \"h\"\n  }}",
            ),
            (
                r#"{"redis": {"db": 0, "url": "u", "url": "u"}}"#,
                "{\"redis\": {\n    \"db\": 0,\n    \"host\": \"h\"\n  }}",
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
