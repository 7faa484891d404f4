use serde_json::{Value, json};

fn lamed(path: &str, body: &Value) -> Result<Value, ureq::Error> {
    let url = format!("http://127.0.0.1:3000{path}");
    ureq::post(&url).send_json(body)?.body_mut().read_json()
}

fn main() -> Result<(), ureq::Error> {
    let question = json!({"context": {"targetingKey": "42"}});
    let reply = lamed("/prod/ofrep/v1/evaluate/flags/button%20color", &question);
    let value = reply.ok().and_then(|reply| Some(reply["value"].as_str()?.to_owned()));
    println!("{}", value.unwrap_or("blue".to_owned()));

    for event in ["participate", "bought"] {
        lamed("/prod/track", &json!({"experiment": "button color", "event": event, "user": "42"}))?;
    }
    Ok(())
}
