//! The page about the config file, from its schema.

use clap_mangen::roff::{Roff, bold, italic, roman};
use serde_json::Value;

use super::page::{NO_DATE, finished, see_also};
use super::schema::{ignored, keys};

const ABOUT: &str = "lamed-config - the config file of lamed";

const PLACES: &str = "lamed reads the first of these files: the file given with --config, \
    $LAMED_CONFIG, ./config.json, ~/.lamed/config.json. `lamed configure` creates a file that only you \
    can read, because it may contain a password.";

const SHAPE: &str = "The file is a JSON object. Every config file of Python lamed works unchanged. All \
    keys are optional, unless they are marked as required. Unknown keys are an error. You can write \
    whole numbers in double quotes, except the weights of variants.";

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
    for key in keys(schema) {
        page.control("TP", []);
        page.text([bold(&key.path), roman(" "), italic(key.kind)]);
        let mut text = key.text;
        if key.is_required {
            text.push_str(" Required.");
        }
        if let Some(default) = key.default {
            text.push_str(&format!(" Default: {default}."));
        }
        page.text([roman(text)]);
    }
    page.control("SH", ["OPTIONS OF REDIS-PY"]);
    page.text([roman(
        "lamed accepts these keys under redis, but ignores them with a warning:",
    )]);
    page.control("PP", []);
    page.text([roman(ignored(schema).join(", "))]);
    see_also(&mut page, "lamed(1), lamed-configure(1)");
    finished(&page.render())
}
