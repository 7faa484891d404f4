//! The JSON of requests, written as text: trees of values would take three times the room in the function.

use std::fmt::{Display, Write as _};

use super::items::Key;

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An item that is put: its key and its attributes.
pub(super) struct Item(String);

impl Item {
    pub(super) fn new(key: &Key) -> Self {
        let (pk, sk) = (quoted(&key.pk), quoted(&key.sk));
        Self(format!(r#""pk":{{"S":{pk}}},"sk":{{"S":{sk}}}"#))
    }

    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.0, r#","{name}":{{"S":{}}}"#, quoted(value));
        self
    }

    pub(super) fn number(mut self, name: &str, value: &dyn Display) -> Self {
        let _ = write!(self.0, r#","{name}":{{"N":"{value}"}}"#);
        self
    }

    pub(super) fn numbers(mut self, name: &str, values: &[(String, u64)]) -> Self {
        let mut all = String::new();
        for (name, value) in values {
            add(
                &mut all,
                &quoted(name),
                &format_args!(r#"{{"N":"{value}"}}"#),
            );
        }
        let _ = write!(self.0, r#","{name}":{{"M":{{{all}}}}}"#);
        self
    }

    fn end(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// An item's key.
pub(super) fn key(key: &Key) -> String {
    Item::new(key).end()
}

/// One action on the table: an operation of its own, or a part of a transaction.
pub(super) struct Action {
    kind: &'static str,
    fields: String,
    names: String,
    values: String,
}

impl Action {
    fn new(kind: &'static str, field: &str, json: &str) -> Self {
        Self {
            kind,
            fields: format!(r#""{field}":{json}"#),
            names: String::new(),
            values: String::new(),
        }
    }

    pub(super) fn put(item: Item) -> Self {
        Self::new("Put", "Item", &item.end())
    }

    pub(super) fn update(at: &Key, expression: &str) -> Self {
        let update = Self::new("Update", "Key", &key(at));
        update.field("UpdateExpression", expression)
    }

    pub(super) fn delete(at: &Key) -> Self {
        Self::new("Delete", "Key", &key(at))
    }

    pub(super) fn check(at: &Key) -> Self {
        Self::new("ConditionCheck", "Key", &key(at))
    }

    fn field(mut self, name: &str, text: &str) -> Self {
        add(
            &mut self.fields,
            &format_args!(r#""{name}""#),
            &quoted(text),
        );
        self
    }

    /// What must hold.
    pub(super) fn when(self, condition: &str) -> Self {
        self.field("ConditionExpression", condition)
    }

    /// What `#name` stands for in expressions.
    pub(super) fn name(mut self, name: &str, attribute: &str) -> Self {
        add(
            &mut self.names,
            &format_args!(r##""#{name}""##),
            &quoted(attribute),
        );
        self
    }

    /// What `:name` stands for: a number.
    pub(super) fn number(mut self, name: &str, value: &dyn Display) -> Self {
        let value = format_args!(r#"{{"N":"{value}"}}"#);
        add(&mut self.values, &format_args!(r#"":{name}""#), &value);
        self
    }

    /// What `:name` stands for: a set of one text.
    pub(super) fn set(mut self, name: &str, text: &str) -> Self {
        let text = quoted(text);
        let value = format_args!(r#"{{"SS":[{text}]}}"#);
        add(&mut self.values, &format_args!(r#"":{name}""#), &value);
        self
    }

    /// The JSON of the operation.
    pub(super) fn json(&self, table: &str) -> String {
        let mut json = format!(r#"{{"TableName":"{table}",{}"#, self.fields);
        for (field, all) in [("Names", &self.names), ("Values", &self.values)] {
            if !all.is_empty() {
                let _ = write!(json, r#","ExpressionAttribute{field}":{{{all}}}"#);
            }
        }
        json.push('}');
        json
    }
}

/// A transaction of these actions; the token makes it one, however often it is sent.
pub(super) fn transaction(table: &str, actions: &[Action], token: &str) -> String {
    let actions: Vec<String> = (actions.iter())
        .map(|action| format!(r#"{{"{}":{}}}"#, action.kind, action.json(table)))
        .collect();
    let actions = actions.join(",");
    format!(r#"{{"TransactItems":[{actions}],"ClientRequestToken":"{token}"}}"#)
}

fn add(all: &mut String, name: &dyn Display, value: &dyn Display) {
    let comma = if all.is_empty() { "" } else { "," };
    let _ = write!(all, "{comma}{name}:{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_json_whatever_is_in_the_names() {
        let odd = "a\"b\\c:ä\u{7}";
        let at = Key {
            pk: odd.to_owned(),
            sk: "x".to_owned(),
        };
        let variants = [(odd.to_owned(), 1), ("b".to_owned(), 2)];
        let item = Item::new(&at)
            .text("event", odd)
            .number("id", &7)
            .numbers("variants", &variants);
        let put = Action::put(item).when("attribute_not_exists(pk)");
        let update = Action::update(&at, "ADD #n :one, #names :set")
            .name("n", "1s")
            .name("names", "names")
            .number("one", &1)
            .set("set", odd);
        let json = transaction(
            "table",
            &[put, update, Action::delete(&at), Action::check(&at)],
            "token",
        );
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let key = serde_json::json!({"pk": {"S": odd}, "sk": {"S": "x"}});
        assert_eq!(
            json,
            serde_json::json!({
                "ClientRequestToken": "token",
                "TransactItems": [
                    {"Put": {
                        "TableName": "table",
                        "Item": {
                            "pk": {"S": odd}, "sk": {"S": "x"}, "event": {"S": odd}, "id": {"N": "7"},
                            "variants": {"M": {odd: {"N": "1"}, "b": {"N": "2"}}},
                        },
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }},
                    {"Update": {
                        "TableName": "table",
                        "Key": key,
                        "UpdateExpression": "ADD #n :one, #names :set",
                        "ExpressionAttributeNames": {"#n": "1s", "#names": "names"},
                        "ExpressionAttributeValues": {":one": {"N": "1"}, ":set": {"SS": [odd]}},
                    }},
                    {"Delete": {"TableName": "table", "Key": key}},
                    {"ConditionCheck": {"TableName": "table", "Key": key}},
                ],
            })
        );
    }
}
