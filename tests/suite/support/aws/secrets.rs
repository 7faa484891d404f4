//! What commands send to AWS and are told by it, and may tell nobody.

use serde_json::Value;

use super::Call;

/// What a call carries: the variables of functions, and in lamed's own the password and the API key.
pub fn sent(call: &Call) -> Vec<String> {
    let Some(Value::Object(variables)) = call
        .json("Environment")
        .map(|mut environment| environment["Variables"].take())
    else {
        return Vec::new();
    };
    let mut secrets = Vec::new();
    for value in variables.values().filter_map(Value::as_str) {
        secrets.push(value.to_owned());
        let settings: Value = serde_json::from_str(value).unwrap_or_default();
        let inner = [&settings["password"], &settings["door"]["key"]];
        secrets.extend(
            inner
                .into_iter()
                .filter_map(Value::as_str)
                .map(str::to_owned),
        );
    }
    long(secrets)
}

/// What a reply tells: API keys.
pub fn told(call: &Call, reply: &[u8]) -> Vec<String> {
    if !["GetApiKeys", "CreateApiKey"].contains(&call.operation()) {
        return Vec::new();
    }
    let reply: Value = serde_json::from_slice(reply).unwrap_or_default();
    let keys = reply["item"]
        .as_array()
        .map_or(std::slice::from_ref(&reply), Vec::as_slice);
    let values = keys.iter().filter_map(|key| key["value"].as_str());
    long(values.map(str::to_owned).collect())
}

/// Shorter ones cannot be told from ordinary words.
fn long(mut secrets: Vec<String>) -> Vec<String> {
    secrets.retain(|secret| secret.len() >= 6);
    secrets
}
