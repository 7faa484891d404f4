//! Whether the API knows the experiments, variants and goals that a page names.

use serde::Deserialize;

use super::html::Document;
use super::tag::string_at;
use crate::config::nearest;
use crate::domain::Name;
use crate::preflight::Check;

const CHECK: &str = "names";

/// What the script of an API is made of, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Client {
    pub namespace: String,
    pub experiments: Vec<Served>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Served {
    pub name: String,
    /// Each is a list that begins with the name.
    #[serde(default)]
    variants: Vec<Vec<serde_json::Value>>,
    #[serde(default)]
    goals: Vec<Goal>,
}

#[derive(Debug, Deserialize)]
struct Goal {
    name: String,
}

/// A name in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mention {
    Experiment(String),
    /// With its experiment.
    Variant(String, String),
    Goal(String),
}

/// What the HTML of a page names: in attributes, and in calls with a text in its own scripts.
pub(super) fn mentions(document: &Document) -> Vec<Mention> {
    let mut mentions = document.mentions.clone();
    for script in document.scripts.iter().filter(|one| one.src.is_none()) {
        for (call, mention) in [
            ("lamed.run(", Mention::Experiment as fn(String) -> Mention),
            ("lamed.variant(", Mention::Experiment),
            ("lamed.complete(", Mention::Goal),
        ] {
            let calls = script.text.match_indices(call);
            let names =
                calls.filter_map(|(at, _)| string_at(script.text[at + call.len()..].trim_start()));
            mentions.extend(names.map(mention));
        }
    }
    mentions
}

/// Compares what a page names with what is served. `drafts` are experiments that are not served yet. None where the
/// page names nothing, and has `other_code` that may do so.
pub(super) fn check(
    mentions: &[Mention],
    client: &Client,
    drafts: &[&Name],
    other_code: bool,
) -> Option<Check> {
    if client.experiments.is_empty() {
        return None; // The check of lamed.js says so.
    }
    if mentions.is_empty() {
        return (!other_code).then(|| {
            Check::warning(
                CHECK,
                "the page uses no experiment: it counts nothing",
                "add the code that `lamed snippet` prints, for example `lamed.run(…)` or `data-lamed`",
            )
        });
    }
    let is_draft = |name: &str| drafts.iter().any(|draft| draft.as_str() == name);
    for mention in mentions {
        match mention {
            Mention::Experiment(name) | Mention::Variant(name, _) if is_draft(name) => {
                return Some(Check::warning(
                    CHECK,
                    format!("`{name}` is a draft: visitors see the control and are not counted"),
                    format!(
                        "look at a variant with `?lamed.{name}=VARIANT` in the URL; start the experiment with `lamed start`"
                    ),
                ));
            }
            _ => {}
        }
    }
    let mut unknown: Vec<String> = (mentions.iter())
        .filter_map(|mention| client.misses(mention))
        .collect();
    unknown.dedup();
    let Some(first) = unknown.first() else {
        return Some(Check::ok(CHECK, "the page uses only declared names"));
    };
    let more = match unknown.len() {
        1 => String::new(),
        number => format!(" ({} more like this)", number - 1),
    };
    Some(Check::warning(
        CHECK,
        format!("{first}{more}"),
        "correct the name on the page, or declare it in the config",
    ))
}

impl Client {
    /// What is wrong with a name.
    fn misses(&self, mention: &Mention) -> Option<String> {
        let of = |name: &str| self.experiments.iter().find(|one| one.name == name);
        let (kind, name, known): (_, _, Vec<&str>) = match mention {
            Mention::Experiment(name) => (
                "experiment",
                name,
                (self.experiments.iter())
                    .map(|one| one.name.as_str())
                    .collect(),
            ),
            Mention::Variant(experiment, variant) => {
                ("variant", variant, of(experiment)?.variants().collect())
            }
            Mention::Goal(goal) => (
                "goal",
                goal,
                (self.experiments.iter())
                    .flat_map(|one| &one.goals)
                    .map(|goal| goal.name.as_str())
                    .collect(),
            ),
        };
        if known.contains(&name.as_str()) {
            return None;
        }
        let meant = nearest(name, known)
            .map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
        Some(format!(
            "the page uses the {kind} `{name}`, which is not declared{meant}"
        ))
    }
}

impl Served {
    fn variants(&self) -> impl Iterator<Item = &str> {
        (self.variants.iter()).filter_map(|variant| variant.first()?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Status;

    const CLIENT: &str = r#"{"namespace": "n", "experiments": [
        {"name": "color", "variants": [["red", 1], ["blue", 1]], "goals": [{"name": "bought"}]}
    ]}"#;

    #[test]
    fn names_that_the_api_does_not_know_are_found() {
        let client: Client = serde_json::from_str(CLIENT).unwrap();
        let draft = Name::stored("price".to_owned());
        for (html, other_code, expected) in [
            (
                "<h1 data-lamed=color data-lamed-variant=red></h1><a data-lamed-goal=bought></a>\
                 <script>lamed.run( \"color\", {}); lamed.complete('bought'); lamed.variant(`color`); lamed.run(name)</script>",
                false,
                Some((Status::Ok, "the page uses only declared names")),
            ),
            (
                "<p>",
                false,
                Some((
                    Status::Warning,
                    "the page uses no experiment: it counts nothing",
                )),
            ),
            ("<p>", true, None),
            (
                "<script>lamed.run('colour', {})</script>",
                true,
                Some((
                    Status::Warning,
                    "the page uses the experiment `colour`, which is not declared: did you mean `color`?",
                )),
            ),
            (
                "<h1 data-lamed=color data-lamed-variant=redd></h1><a data-lamed-goal=x></a>",
                false,
                Some((
                    Status::Warning,
                    "the page uses the variant `redd`, which is not declared: did you mean `red`? (1 more like this)",
                )),
            ),
            (
                "<script>lamed.complete('bougth')</script>",
                false,
                Some((
                    Status::Warning,
                    "the page uses the goal `bougth`, which is not declared: did you mean `bought`?",
                )),
            ),
            (
                "<script>lamed.run('price', {})</script>",
                false,
                Some((
                    Status::Warning,
                    "`price` is a draft: visitors see the control and are not counted",
                )),
            ),
            // Not there yet, or no call of ours.
            (
                "<template><a data-lamed-goal=x></a></template><!-- <a data-lamed-goal=x> --><script src=a.js>lamed.run('x')</script>",
                true,
                None,
            ),
        ] {
            let found = check(
                &mentions(&Document::read(html)),
                &client,
                &[&draft],
                other_code,
            );
            let found = found
                .as_ref()
                .map(|check| (check.status, check.found.as_str()));
            assert_eq!(found, expected, "{html}");
        }
    }
}
