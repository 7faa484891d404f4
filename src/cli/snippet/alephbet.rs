//! The snippet for pages that run AlephBet.

use super::{js, property};
use crate::assets::{SNIPPET, alephbet};
use crate::config::Config;
use crate::domain::Declared;

/// The HTML to paste, for the experiments declared or for an example.
pub(in crate::cli) fn html(track_url: &str, config: &Config) -> String {
    let experiments: Vec<String> = if config.experiments.is_empty() {
        vec![experiment(&Declared::example())]
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
