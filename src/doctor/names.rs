//! Whether the API knows the experiments, variants and goals that a page names.

use serde::Deserialize;

use super::html::Document;
use super::tag::string_at;
use crate::config::nearest;
use crate::domain::Name;
use crate::preflight::Check;

const CHECK: &str = "names";

/// Wrong names that are shown; the others are a number.
const SHOWN: usize = 5;

/// What the script of an API is made of, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Client {
    pub namespace: String,
    pub experiments: Vec<Served>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Served {
    pub name: String,
    /// `running`, `stopped`, `shipped`, or `archived` after that.
    #[serde(default)]
    state: String,
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
        let of = |call: &'static str| {
            let calls = script.text.match_indices(call);
            calls.filter_map(move |(at, _)| string_at(script.text[at + call.len()..].trim_start()))
        };
        for (name, rest) in of("lamed.run(") {
            let variants = keys_at(rest).into_iter();
            let variant = |variant| Mention::Variant(name.clone(), variant);
            mentions.extend(variants.map(variant));
            mentions.push(Mention::Experiment(name));
        }
        mentions.extend(of("lamed.variant(").map(|(name, _)| Mention::Experiment(name)));
        mentions.extend(of("lamed.complete(").map(|(name, _)| Mention::Goal(name)));
    }
    mentions
}

/// The keys of the object that is the next argument, as far as code without a parser shows them: texts and plain
/// words before a colon or, for a method, a parenthesis.
fn keys_at(rest: &str) -> Vec<String> {
    let argument = rest.trim_start().strip_prefix(',').map(str::trim_start);
    let Some(mut code) = argument.and_then(|argument| argument.strip_prefix('{')) else {
        return Vec::new();
    };
    let mut keys = Vec::new();
    let (mut depth, mut is_key) = (0_usize, true);
    while let Some(character) = code.chars().next() {
        if let Some((text, rest)) = string_at(code) {
            if depth == 0 && is_key && rest.trim_start().starts_with([':', '(']) {
                keys.push(text);
            }
            (code, is_key) = (rest, false);
            continue;
        }
        let is_word = |character: char| character.is_alphanumeric() || "_$".contains(character);
        let word = code
            .find(|character| !is_word(character))
            .unwrap_or(code.len());
        if word > 0 {
            let (text, rest) = code.split_at(word);
            if depth == 0 && is_key && text != "async" {
                if rest.trim_start().starts_with([':', '(']) {
                    keys.push(text.to_owned());
                }
                is_key = false;
            }
            code = rest;
            continue;
        }
        match character {
            '{' | '(' | '[' => depth += 1,
            '}' if depth == 0 => break,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => is_key = true,
            _ => {}
        }
        code = &code[character.len_utf8()..];
    }
    keys
}

/// Compares what a page names with what is served: a check for each wrong name, or one. `drafts` are experiments that
/// are not served yet. Empty where the page names nothing, and has `other_code` that may do so.
pub(super) fn check(
    mentions: &[Mention],
    client: &Client,
    drafts: &[&Name],
    other_code: bool,
) -> Vec<Check> {
    let is_served = !client.experiments.is_empty();
    if mentions.is_empty() && is_served {
        let nothing = Check::warning(
            CHECK,
            "the page uses no experiment: it counts nothing",
            "add the code that `lamed snippet` prints, for example `lamed.run(…)` or `data-lamed`",
        );
        return (!other_code).then_some(nothing).into_iter().collect();
    }
    let is_draft = |name: &str| drafts.iter().any(|draft| draft.as_str() == name);
    for mention in mentions {
        match mention {
            Mention::Experiment(name) | Mention::Variant(name, _) if is_draft(name) => {
                return vec![Check::warning(
                    CHECK,
                    format!("`{name}` is a draft: visitors see the control and are not counted"),
                    format!(
                        "look at a variant with `?lamed.{}=VARIANT` in the URL; start the experiment with `lamed start`",
                        form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>()
                    ),
                )];
            }
            _ => {}
        }
    }
    if !is_served {
        return Vec::new(); // The check of lamed.js says so.
    }
    let mut unknown: Vec<(String, &str)> = Vec::new();
    for one in mentions.iter().filter_map(|mention| client.misses(mention)) {
        if !unknown.contains(&one) {
            unknown.push(one);
        }
    }
    if unknown.is_empty() {
        return vec![client.state_of(mentions)];
    }
    let more = unknown.len().saturating_sub(SHOWN);
    unknown.truncate(SHOWN);
    if let (1.., Some((last, _))) = (more, unknown.last_mut()) {
        last.push_str(&format!(" ({more} more like this)"));
    }
    // No failure: code that is a comment, or that this reading takes for something else, would be one, too.
    (unknown.into_iter())
        .map(|(text, advice)| Check::warning(CHECK, text, advice))
        .collect()
}

impl Client {
    /// Whether any of the experiments that a page names counts.
    fn state_of(&self, mentions: &[Mention]) -> Check {
        let named = |one: &&Served| {
            (mentions.iter()).any(|mention| match mention {
                Mention::Experiment(name) => *name == one.name,
                Mention::Goal(goal) => one.goals.iter().any(|one| one.name == *goal),
                Mention::Variant(..) => false,
            })
        };
        let named: Vec<&Served> = self.experiments.iter().filter(named).collect();
        let over = |one: &&Served| matches!(one.state.as_str(), "stopped" | "shipped" | "archived");
        match named.first() {
            Some(first) if named.iter().all(over) => Check::warning(
                CHECK,
                format!(
                    "`{}` is {}: lamed counts no more events",
                    first.name, first.state
                ),
                match first.state.as_str() {
                    "stopped" => "ignore this if it is finished; `lamed start` continues it",
                    _ => "ignore this if it is finished; `lamed restart` begins a new run",
                },
            ),
            _ => Check::ok(CHECK, "the API knows all names that the page uses"),
        }
    }

    /// What is wrong with a name, and what to do.
    fn misses(&self, mention: &Mention) -> Option<(String, &'static str)> {
        let of = |name: &str| self.experiments.iter().find(|one| one.name == name);
        let (kind, name, known, advice): (_, _, Vec<&str>, _) = match mention {
            Mention::Experiment(name) => (
                "experiment",
                name,
                (self.experiments.iter())
                    .map(|one| one.name.as_str())
                    .collect(),
                "correct the name on the page, or declare it with `lamed new`",
            ),
            Mention::Variant(experiment, variant) => (
                "variant",
                variant,
                of(experiment)?.variants().collect(),
                "correct the name on the page: visitors of the variant that you mean see the control",
            ),
            Mention::Goal(goal) => (
                "goal",
                goal,
                (self.experiments.iter())
                    .flat_map(|one| &one.goals)
                    .map(|goal| goal.name.as_str())
                    .collect(),
                "correct the name on the page, or add it to `goals` in the config",
            ),
        };
        if known.contains(&name.as_str()) {
            return None;
        }
        let meant = nearest(name, known)
            .map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
        let text = format!("the page uses the {kind} `{name}`, which is not declared{meant}");
        Some((text, advice))
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
        {"name": "color", "variants": [["red", 1], ["blue", 1]], "goals": [{"name": "bought"}], "state": "running"},
        {"name": "old", "variants": [["a", 1], ["b", 1]], "state": "shipped"}
    ]}"#;

    #[test]
    fn of_many_wrong_names_some_are_shown() {
        let client: Client = serde_json::from_str(CLIENT).unwrap();
        let calls = (0..8).map(|goal| format!("lamed.complete('{}');", goal % 7));
        let html = format!("<script>{}</script>", calls.collect::<String>());
        let found = check(&mentions(&Document::read(&html)), &client, &[], false);
        let last = found.last().map(|check| check.found.as_str());
        assert_eq!(found.len(), SHOWN);
        assert_eq!(
            last,
            Some("the page uses the goal `4`, which is not declared (2 more like this)")
        );
    }

    /// `lamed start` refuses an experiment that is shipped.
    #[test]
    fn how_a_finished_experiment_goes_on_depends_on_its_state() {
        let page = mentions(&Document::read("<h1 data-lamed=old data-lamed-variant=a>"));
        for (state, goes_on) in [
            ("stopped", "`lamed start` continues it"),
            ("shipped", "`lamed restart` begins a new run"),
            ("archived", "`lamed restart` begins a new run"),
        ] {
            let client: Client = serde_json::from_str(&CLIENT.replace("shipped", state)).unwrap();
            let found = check(&page, &client, &[], false);
            let remedies: Vec<_> = found.iter().map(|check| check.remedy.as_deref()).collect();
            let remedy = format!("ignore this if it is finished; {goes_on}");
            assert_eq!(remedies, [Some(remedy.as_str())]);
        }
    }

    #[test]
    fn names_that_the_api_does_not_know_are_found() {
        let client: Client = serde_json::from_str(CLIENT).unwrap();
        let draft = Name::stored("price".to_owned());
        for (html, other_code, expected) in [
            (
                "<h1 data-lamed=color data-lamed-variant=red></h1><a data-lamed-goal=bought></a>\
                 <script>lamed.run( \"color\", {}); lamed.complete('bought'); lamed.variant(`color`); lamed.run(name)</script>",
                false,
                Some((Status::Ok, "the API knows all names that the page uses")),
            ),
            (
                "<script>lamed.run('color', { 'red': async () => { go({blue: 1}, [x ? {a: 1} : 2]) }, async blue() {}, })</script>",
                false,
                Some((Status::Ok, "the API knows all names that the page uses")),
            ),
            (
                "<script>lamed.run('color', {red() {}, bleu: function () { return 'red' }})</script>",
                false,
                Some((
                    Status::Warning,
                    "the page uses the variant `bleu`, which is not declared: did you mean `blue`?",
                )),
            ),
            (
                "<h1 data-lamed=old data-lamed-variant=a>",
                false,
                Some((
                    Status::Warning,
                    "`old` is shipped: lamed counts no more events",
                )),
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
                "<h1 data-lamed=color data-lamed-variant=redd></h1>",
                false,
                Some((
                    Status::Warning,
                    "the page uses the variant `redd`, which is not declared: did you mean `red`?",
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
            let found: Vec<_> = (found.iter())
                .map(|check| (check.status, check.found.as_str()))
                .collect();
            assert_eq!(found, Vec::from_iter(expected), "{html}");
        }
    }
}
