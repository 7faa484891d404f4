//! The keys of the config file, from its schema.

use serde_json::{Map, Value};

/// A key of the config file, and what is to be said of it.
pub struct Key {
    /// From the top: `experiments.NAME.goals[].name`.
    pub path: String,
    /// What a value has to be, in words.
    pub kind: String,
    pub text: String,
    pub is_required: bool,
    pub default: Option<Value>,
}

/// All keys, each followed by those inside it.
pub fn keys(schema: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    of_object(&mut keys, "", schema);
    keys
}

/// What redis-py knows and lamed ignores.
pub fn ignored(schema: &Value) -> Vec<&str> {
    (properties(&schema["properties"]["redis"]))
        .filter(|(_, schema)| is_ignored(schema))
        .map(|(key, _)| key.as_str())
        .collect()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn is_ignored(schema: &Value) -> bool {
    schema["deprecated"] == true
}

fn of_object(keys: &mut Vec<Key>, path: &str, schema: &Value) {
    let required: Vec<&Value> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    for (key, schema) in properties(schema).filter(|(_, schema)| !is_ignored(schema)) {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        let mut text = schema["description"].as_str().unwrap().to_owned();
        for value in schema["oneOf"].as_array().into_iter().flatten() {
            // What is no constant stands in the description of the key.
            if let Some(constant) = value.get("const") {
                let meaning = value["description"].as_str().unwrap();
                text.push_str(&format!(" {constant}: {meaning}"));
            }
        }
        // Nothing in it is the same as nothing at all.
        let default =
            (schema.get("default")).filter(|value| !value.is_array() && !value.is_object());
        keys.push(Key {
            path: path.clone(),
            kind: kind(schema),
            text,
            is_required: required.contains(&&Value::from(key.as_str())),
            default: default.cloned(),
        });
        inside(keys, &path, schema);
    }
}

/// The keys of what stands under a key.
fn inside(keys: &mut Vec<Key>, path: &str, schema: &Value) {
    of_object(keys, path, schema);
    let none = Map::new();
    for named in schema["patternProperties"]
        .as_object()
        .unwrap_or(&none)
        .values()
    {
        inside(keys, &format!("{path}.NAME"), named);
    }
    if let Some(items) = schema.get("items") {
        inside(keys, &format!("{path}[]"), items);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        inside(keys, path, choice);
    }
}

/// What a value has to be, in words.
fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter(|value| !value.is_null());
        return values.map(Value::to_string).collect::<Vec<_>>().join(", ");
    }
    for choices in ["oneOf", "anyOf"] {
        let choices = schema[choices].as_array().into_iter().flatten();
        let constants: Vec<String> = (choices.clone())
            .filter_map(|choice| Some(choice.get("const")?.to_string()))
            .collect();
        if !constants.is_empty() {
            return constants.join(", ");
        }
        if let Some(first) = choices.clone().next() {
            return kind(first);
        }
    }
    let types = match &schema["type"] {
        Value::Array(types) => &types[0],
        one => one,
    };
    match types.as_str().unwrap() {
        "object" => "object".to_owned(),
        "array" => "list".to_owned(),
        "boolean" => "true or false".to_owned(),
        "string" => "string".to_owned(),
        "integer" => match (schema.get("minimum"), schema.get("maximum")) {
            (Some(first), Some(last)) => {
                format!("whole number from {} to {}", grouped(first), grouped(last))
            }
            _ => "whole number".to_owned(),
        },
        "number" => match (
            schema.get("exclusiveMinimum"),
            schema.get("exclusiveMaximum"),
        ) {
            (Some(above), Some(below)) => format!("number above {above} and below {below}"),
            (Some(above), None) => format!("number above {above}"),
            _ => "number".to_owned(),
        },
        other => panic!("no word for {other}"),
    }
}

/// A whole number with commas between its thousands.
fn grouped(number: &Value) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
