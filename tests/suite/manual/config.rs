//! The page about the config file, from its schema.

use clap_mangen::roff::{Roff, bold, italic, roman};
use serde_json::{Map, Value};

use super::page::{NO_DATE, finished, see_also};

const ABOUT: &str = "lamed-config - the config file of lamed";

const PLACES: &str = "lamed reads the first of these files: the file given with --config, \
    $LAMED_CONFIG, ./config.json, ~/.lamed/config.json. `lamed configure` creates a file that only you \
    can read, because it may contain a password.";

const SHAPE: &str = "The file is a JSON object. Every config file of Python lamed works unchanged. All \
    keys are optional, unless they are marked as required. Unknown keys are an error. You can write \
    whole numbers in double quotes.";

pub fn page(schema: &Value) -> String {
    let mut page = Roff::default();
    page.control(
        "TH",
        ["lamed-config", "5", NO_DATE, "lamed", "lamed manual"],
    );
    page.control("SH", ["NAME"]);
    page.text([roman(ABOUT)]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(PLACES)]);
    page.control("PP", []);
    page.text([roman(SHAPE)]);
    page.control("SH", ["KEYS"]);
    keys(&mut page, "", schema);
    page.control("SH", ["OPTIONS OF REDIS-PY"]);
    page.text([roman(
        "lamed accepts these keys under redis, but ignores them with a warning:",
    )]);
    page.control("PP", []);
    let ignored: Vec<&str> = (properties(&schema["properties"]["redis"]))
        .filter(|(_, schema)| is_ignored(schema))
        .map(|(key, _)| key.as_str())
        .collect();
    page.text([roman(ignored.join(", "))]);
    see_also(&mut page, "lamed(1), lamed-configure(1)");
    finished(&page.render())
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn is_ignored(schema: &Value) -> bool {
    schema["deprecated"] == true
}

/// All keys of an object, each followed by those inside it.
fn keys(page: &mut Roff, path: &str, schema: &Value) {
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
        page.control("TP", []);
        page.text([bold(&path), roman(" "), italic(kind(schema))]);
        let mut text = schema["description"].as_str().unwrap().to_owned();
        for value in schema["oneOf"].as_array().into_iter().flatten() {
            let meaning = value["description"].as_str().unwrap();
            text.push_str(&format!(" {}: {meaning}", value["const"]));
        }
        if required.contains(&&Value::from(key.as_str())) {
            text.push_str(" Required.");
        }
        match schema.get("default") {
            None => {}
            // Nothing in it is the same as nothing at all.
            Some(Value::Array(_) | Value::Object(_)) => {}
            Some(default) => text.push_str(&format!(" Default: {default}.")),
        }
        page.text([roman(text)]);
        inside(page, &path, schema);
    }
}

/// The keys of what stands under a key.
fn inside(page: &mut Roff, path: &str, schema: &Value) {
    keys(page, path, schema);
    let none = Map::new();
    for named in schema["patternProperties"]
        .as_object()
        .unwrap_or(&none)
        .values()
    {
        inside(page, &format!("{path}.NAME"), named);
    }
    if let Some(items) = schema.get("items") {
        inside(page, &format!("{path}[]"), items);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        inside(page, path, choice);
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
            (Some(first), Some(last)) => format!("whole number from {first} to {last}"),
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
