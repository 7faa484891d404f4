//! The HTTP API, from `docs/openapi.json`.

use serde_json::Value;

use super::{cell, table};

/// What to paste for each operation, and what it prints. The tests run them in this order, on one server.
const EXAMPLES: [(&str, &str); 11] = [
    (
        "track",
        r#"$ curl "http://127.0.0.1:3000/prod/track?experiment=button+color&variant=red&event=participate&uuid=1"
{"counted":true}"#,
    ),
    (
        "trackEvents",
        r#"$ curl http://127.0.0.1:3000/prod/track --data '[
    {"experiment": "button color", "variant": "red", "event": "participate", "uuid": "1"},
    {"experiment": "button color", "variant": "red", "event": "button clicked", "uuid": "2"}]'
{"counted":1,"duplicates":1}
$ curl http://127.0.0.1:3000/prod/track --data '{"experiment": "checkout", "event": "participate", "user": "42"}'
{"counted":1,"duplicates":0}"#,
    ),
    (
        "experiments",
        r#"$ curl --header "x-api-key: $LAMED_API_KEY" "http://127.0.0.1:3000/prod/experiments?scope=button+color"
[{"meta":{"scope":"button color",…}},{"experiment":"button color","goals":[{"goal":"button clicked","results":[{"label":"red","successes":1,"trials":1}]}],"variants":[{"label":"red","trials":1}]}]"#,
    ),
    (
        "experiment",
        r#"$ curl --header "x-api-key: $LAMED_API_KEY" "http://127.0.0.1:3000/prod/experiment?experiment=button+color"
[{"goal":"button clicked","results":[{"label":"red","successes":1,"trials":1}]}]"#,
    ),
    (
        "delete",
        r#"$ curl --request DELETE --header "x-api-key: $LAMED_API_KEY" "http://127.0.0.1:3000/prod/delete?experiment=button+color"
{"deleted":2}"#,
    ),
    (
        "lamedScript",
        r#"$ curl "http://127.0.0.1:3000/prod/lamed.js?json"
{"namespace":"alephbet","window":2592000,"experiments":[{"name":"button color",…}]}"#,
    ),
    (
        "lamedModule",
        r#"$ curl http://127.0.0.1:3000/prod/lamed.mjs
…export…"#,
    ),
    (
        "evaluate",
        r#"$ curl http://127.0.0.1:3000/prod/ofrep/v1/evaluate/flags/checkout --data '{"context": {"targetingKey": "42"}}'
{"key":"checkout","value":"short","reason":"SPLIT","variant":"short"}"#,
    ),
    (
        "evaluateAll",
        r#"$ curl http://127.0.0.1:3000/prod/ofrep/v1/evaluate/flags --data '{"context": {"targetingKey": "42"}}'
{"flags":[{"key":"checkout","value":"short","reason":"SPLIT","variant":"short"}]}"#,
    ),
    (
        "readyz",
        r#"$ curl http://127.0.0.1:3000/readyz
{"status":"ready","store":"memory","durability":"none","promise":"a crash or restart loses all counts"}"#,
    ),
    (
        "healthz",
        r"$ curl http://127.0.0.1:3000/healthz
ok",
    ),
];

/// A method of a path.
struct Operation<'a> {
    method: String,
    path: &'a str,
    about: &'a Value,
}

impl Operation<'_> {
    fn heading(&self) -> String {
        format!("`{} {}`", self.method, self.path)
    }

    fn anchor(&self) -> String {
        let heading = self.heading().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    }
}

pub fn chapter() -> String {
    let api: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            let method = method.to_uppercase();
            operations.push(Operation {
                method,
                path,
                about,
            });
        }
    }
    operations.sort_by_key(place);
    let rows: Vec<_> = operations.iter().map(overview).collect();
    let mut chapter = include_str!("http-api.md").to_owned();
    chapter += "\n## All requests\n\n";
    chapter += &table(["request", "what it does", "key"], &rows);
    for operation in &operations {
        chapter += &section(&api, operation);
    }
    chapter + &objects(&api)
}

/// Operations come in the order of their examples, and what has none at the end.
fn place(operation: &Operation) -> usize {
    let id = operation.about["operationId"].as_str().unwrap();
    let place = EXAMPLES.iter().position(|(known, _)| *known == id);
    place.unwrap_or(EXAMPLES.len())
}

fn overview(operation: &Operation) -> [String; 3] {
    let key = if operation.about.get("security").is_some() {
        "yes"
    } else {
        ""
    };
    [
        format!("[{}](#{})", operation.heading(), operation.anchor()),
        text(&operation.about["summary"]),
        key.to_owned(),
    ]
}

fn section(api: &Value, operation: &Operation) -> String {
    let about = operation.about;
    let mut section = format!("## {}\n\n{}.", operation.heading(), text(&about["summary"]));
    if about.get("security").is_some() {
        section += " Needs the API key.";
    }
    if let Some(description) = about["description"].as_str() {
        section += &format!(" {description}");
    }
    section += "\n\n";
    let id = about["operationId"].as_str().unwrap();
    if let Some((_, example)) = EXAMPLES.iter().find(|(known, _)| *known == id) {
        section += &format!("```console\n{example}\n```\n\n");
    } else {
        assert_eq!(id, "openapi", "`{id}` has no example");
    }
    let parameters = about["parameters"].as_array().into_iter().flatten();
    let rows: Vec<_> = parameters
        .map(|parameter| row_of_parameter(api, parameter))
        .collect();
    section += &table(["parameter", "where", "what"], &rows);
    let body = &about["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        let shape = shape(api, body);
        let article = if shape.starts_with("[E") { "an" } else { "a" };
        section += &format!("The body is JSON: {article} {shape}.\n\n");
    }
    let replies = about["responses"].as_object().unwrap().iter();
    let rows: Vec<_> = replies
        .map(|(status, reply)| row_of_reply(api, status, reply))
        .collect();
    section + &table(["reply", "what it means", "body"], &rows)
}

fn row_of_parameter(api: &Value, parameter: &Value) -> [String; 3] {
    let parameter = resolved(api, parameter);
    let required = if parameter["required"] == true {
        " Required."
    } else {
        ""
    };
    let what = match parameter["name"].as_str().unwrap() {
        "If-None-Match" => {
            "The `ETag` of an earlier reply: the reply is 304 if nothing has changed.".to_owned()
        }
        _ => text(&parameter["description"]),
    };
    [
        format!("`{}`", text(&parameter["name"])),
        text(&parameter["in"]),
        what + required,
    ]
}

fn row_of_reply(api: &Value, status: &str, reply: &Value) -> [String; 3] {
    let reply = resolved(api, reply);
    let content = reply["content"].as_object().into_iter().flatten();
    let body: Vec<_> = content
        .map(|(kind, content)| match &kind[..] {
            "application/json" => shape(api, &content["schema"]),
            kind => kind.to_owned(),
        })
        .collect();
    [
        status.to_owned(),
        text(&reply["description"]),
        body.join(", or "),
    ]
}

/// What a JSON value is, in words. A part that has a section of its own is a link.
fn shape(api: &Value, schema: &Value) -> String {
    if let Some(choices) = schema["anyOf"].as_array() {
        let each: Vec<_> = choices.iter().map(|choice| shape(api, choice)).collect();
        let has_list = choices.iter().any(|choice| choice["type"] == "array");
        return each.join(if has_list { ", or a " } else { " or " });
    }
    if let Some(path) = schema["$ref"].as_str() {
        let name = path.rsplit('/').next().unwrap();
        return match has_section(resolved(api, schema)) {
            true => format!("[{name}](#{})", name.to_lowercase()),
            false => shape(api, resolved(api, schema)),
        };
    }
    if let Some(constants) = schema["enum"].as_array() {
        let each: Vec<_> = constants.iter().map(|value| format!("`{value}`")).collect();
        return each.join(" or ");
    }
    if let Some(constant) = schema.get("const") {
        return format!("`{constant}`");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let each: Vec<_> = types
        .into_iter()
        .map(|one| match one {
            "array" if schema["items"].is_object() => {
                format!("list of {}", shape(api, &schema["items"]))
            }
            "array" => "list".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "true or false".to_owned(),
            "string" => "text".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    each.join(" or ")
}

/// Whether a part of the description is explained under its own heading.
fn has_section(schema: &Value) -> bool {
    schema["properties"].is_object() || schema["prefixItems"].is_array()
}

/// The parts that requests and replies are made of.
fn objects(api: &Value) -> String {
    let mut objects =
        "## Objects\n\nThe bodies of requests and replies consist of these objects.\n\n".to_owned();
    let schemas = api["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas.iter().filter(|(_, schema)| has_section(schema)) {
        objects += &format!("### {name}\n\n");
        if let Some(description) = schema["description"].as_str() {
            objects += &format!("{description}\n\n");
        }
        if let Some(first) = schema["prefixItems"].as_array() {
            let each: Vec<_> = first
                .iter()
                .chain([&schema["items"]])
                .map(|item| shape(api, item))
                .collect();
            objects += &format!("A list: {}, …\n\n", each.join(", "));
        }
        let mut rows = Vec::new();
        fields(api, &mut rows, "", schema);
        objects += &table(["key", "value", "what"], &rows);
    }
    objects
}

/// The keys of an object, each followed by those inside it.
fn fields(api: &Value, rows: &mut Vec<[String; 3]>, path: &str, schema: &Value) {
    let required: Vec<&Value> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    for (key, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{key}");
        let what = match field["description"].as_str() {
            Some(own) => cell(own),
            None if field["$ref"].is_string() && !has_section(resolved(api, field)) => {
                text(&resolved(api, field)["description"])
            }
            None => String::new(),
        };
        let is_said = ["Required for", "Leave it out."]
            .iter()
            .any(|words| what.contains(words));
        let optional = if is_said || required.contains(&&Value::from(key.as_str())) {
            ""
        } else {
            " Optional."
        };
        rows.push([
            format!("`{path}`"),
            shape(api, field),
            (what + optional).trim_start().to_owned(),
        ]);
        fields(api, rows, &format!("{path}."), field);
        fields(api, rows, &format!("{path}[]."), &field["items"]);
    }
}

fn resolved<'a>(api: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(path) => api.pointer(path.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn text(value: &Value) -> String {
    cell(value.as_str().unwrap_or_default())
}
