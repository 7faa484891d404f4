//! `lamed snippet`

use serde_json::json;

use super::endpoint::{self, Endpoint};
use super::{CliError, Context};
use crate::assets::{SNIPPET, alephbet};
use crate::config::Config;
use crate::domain::{Better, Declared, Goal, Name, Unit};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, None)?;
    let html = html(&endpoint.track_url(), &config);
    if context.json {
        return context.printer.json(&json!({ "html": html }));
    }
    context.printer.data(&html)?;
    for left_out in config.experiments.iter().filter(|e| e.variants.is_empty()) {
        context.printer.warn(&format!(
            "experiment `{}` is not in the snippet: declare its `variants` in the config",
            left_out.name
        ));
    }
    if config.experiments.is_empty() {
        context
            .printer
            .talk("the config declares no experiments: change the example in the snippet");
    }
    Ok(())
}

/// The HTML to paste, for the experiments declared or for an example.
pub(super) fn html(track_url: &str, config: &Config) -> String {
    let experiments: Vec<String> = if config.experiments.is_empty() {
        vec![experiment(&example())]
    } else {
        let with_variants = config.experiments.iter().filter(|e| !e.variants.is_empty());
        with_variants.map(experiment).collect()
    };
    SNIPPET
        .replace("{{alephbet}}", alephbet::URL)
        .replace("{{integrity}}", alephbet::INTEGRITY)
        .replace("{{track_url}}", &js(track_url))
        .replace("{{namespace}}", &js(config.namespace.as_str()))
        .replace("{{experiments}}", &experiments.join("\n\n"))
}

fn example() -> Declared {
    let name = |text: &str| Name::stored(text.to_owned());
    Declared {
        name: name("button color"),
        control: None,
        variants: vec![(name("blue"), 50), (name("red"), 50)],
        goals: vec![Goal {
            name: name("button clicked"),
            unique: true,
            better: Better::default(),
        }],
        minimum_effect: None,
        unit: Unit::Visitor,
    }
}

fn experiment(declared: &Declared) -> String {
    let variants: Vec<String> = (declared.variants.iter())
        .map(|(variant, weight)| {
            format!(
                "\n      {}: {{weight: {weight}, activate: function () {{\n        \
                 // your code: show this variant\n      }}}}",
                property(variant.as_str())
            )
        })
        .collect();
    let goals: Vec<String> = (declared.goals.iter())
        .map(|goal| {
            let name = js(goal.name.as_str());
            if goal.unique {
                name
            } else {
                format!("{{name: {name}, unique: false}}")
            }
        })
        .collect();
    format!(
        "  run({{\n    name: {}, unit: \"{}\",\n    variants: {{{}\n    }},\n    goals: [{}]\n  }});",
        js(declared.name.as_str()),
        declared.unit,
        variants.join(","),
        goals.join(", ")
    )
}

/// A property's name. `__proto__` in quotes alone would set the prototype.
fn property(name: &str) -> String {
    if name == "__proto__" {
        format!("[{}]", js(name))
    } else {
        js(name)
    }
}

/// A JavaScript string that can stand inside HTML, in a page of any encoding, and is no placeholder.
fn js(text: &str) -> String {
    let mut literal = String::from("\"");
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(c @ ('"' | '\\')) => literal.extend(['\\', c]),
            Some(c @ ' '..='~') if !matches!(c, '<' | '>' | '&' | '{') => literal.push(c),
            _ => literal.push_str(&format!("\\u{unit:04x}")),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_string() {
        assert_eq!(
            js("</script><!-- {{\"\\' é 🦀\u{2028}"),
            r#""\u003c/script\u003e\u003c!-- \u007b\u007b\"\\' \u00e9 \ud83e\udd80\u2028""#
        );
        assert_eq!(property("__proto__"), "[\"__proto__\"]");
    }
}
