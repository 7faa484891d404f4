//! `lamed snippet`

pub(super) mod alephbet;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::client::Client;
use super::endpoint::{self, Endpoint};
use super::{CliError, Context, block_on};
use crate::assets::client::TYPES;
use crate::config::Config;
use crate::domain::{Declared, State, Unit};
use crate::http::{Handler, STAGE, Script};
use crate::report::Wire;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    endpoint: endpoint::ApiArgs,
    #[command(flatten)]
    form: Form,
}

/// What to print in the place of the tag that loads the script from the API.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Form {
    /// Put the whole script into the HTML, for pages that cannot load a script from another address
    #[arg(long)]
    inline: bool,
    /// Write the script to this file, to serve it yourself. If the name ends in `.mjs`, lamed writes the module
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the types of `lamed.js` for TypeScript: `lamed.d.ts`
    #[arg(long)]
    types: bool,
    /// Print the snippet for AlephBet instead of `lamed.js`
    #[arg(long)]
    alephbet: bool,
}

/// How long the deployed API may take to say whether it has the script.
const PATIENCE: Duration = Duration::from_secs(5);

/// HTML to paste, and what to know about it.
struct Snippet {
    html: String,
    advice: Vec<String>,
}

pub(super) fn run(context: &Context, args: Args) -> Result<(), CliError> {
    if args.form.types {
        return if context.json {
            context.printer.json(&json!({ "types": TYPES }))
        } else {
            context.printer.data(TYPES)
        };
    }
    let config = context.config()?;
    let endpoint = Endpoint::resolve(context, &config, &args.endpoint, None)?;
    let snippet = if args.form.alephbet {
        with_alephbet(&endpoint, &config)
    } else if let Some(file) = &args.form.output {
        to_file(&endpoint, &config, file)?
    } else if args.form.inline {
        inline(&endpoint, &config)
    } else {
        let snippet = tag(context, &endpoint, &config, args.endpoint.is_local());
        if args.endpoint.is_deployed() && lacks_script(&endpoint)? {
            context.printer.warn(
                "the deployed API does not serve `lamed.js` yet: run `lamed deploy`, or use `--alephbet`",
            );
        } else if !endpoint.base.ends_with(&format!("/{STAGE}")) && lacks_script(&endpoint)? {
            context.printer.warn(&format!(
                "{0} does not serve `lamed.js`: check `--url`; most often it is `--url {0}/{STAGE}`",
                endpoint.base
            ));
        }
        snippet
    };
    if context.json {
        return context.printer.json(&json!({ "html": snippet.html }));
    }
    context.printer.data(&snippet.html)?;
    for left_out in present(&config).filter(|e| e.variants.is_empty()) {
        context.printer.warn(&format!(
            "experiment `{}` is not in the snippet: declare its `variants` in the config",
            left_out.name
        ));
    }
    for line in snippet.advice {
        context.printer.talk(&line);
    }
    Ok(())
}

/// Whether an API answers that it has no script: an earlier lamed deployed it. Where none answers, nobody knows.
fn lacks_script(endpoint: &Endpoint) -> Result<bool, CliError> {
    let client = Client::new(Endpoint {
        key: None,
        ..endpoint.clone()
    })?;
    block_on(async {
        let answer = timeout(PATIENCE, client.ask(Handler::Client, &[])).await;
        Ok(answer.is_ok_and(|answer| {
            answer.is_err_and(|failure| matches!(failure.status, 403 | 404) && failure.answered)
        }))
    })
}

/// The HTML for the head of pages and an example, as `lamed deploy` shows it, too.
pub(super) fn html(endpoint: &Endpoint, config: &Config) -> String {
    let tag = format!(
        "<script src=\"{}\"></script>\n",
        attribute(&script_url(endpoint, config))
    );
    tag + &example(&config.clone().or_example())
}

fn with_alephbet(endpoint: &Endpoint, config: &Config) -> Snippet {
    let mut advice = Vec::new();
    if config.experiments.is_empty() {
        advice.push(
            "the config declares no experiments: change the example in the snippet".to_owned(),
        );
    }
    Snippet {
        html: alephbet::html(&endpoint.track_url(), config),
        advice,
    }
}

/// The script comes from the API, which has its experiments from the config there.
fn tag(context: &Context, endpoint: &Endpoint, config: &Config, local: bool) -> Snippet {
    let mut advice = Vec::new();
    if config.experiments.is_empty() {
        advice.push(if local {
            "the config declares no experiments: the snippet shows an example, which `lamed serve --local` runs"
                .to_owned()
        } else {
            "the config declares no experiments: declare them first, because `lamed.js` runs only declared ones; \
             the snippet shows an example"
                .to_owned()
        });
    }
    if context.namespace.is_some() {
        advice.push(
            "`lamed.js` counts in the namespace of the config of its server: use `--inline` or `--output \
             FILE` for the namespace of `--namespace`"
                .to_owned(),
        );
    }
    advice.extend(how_to("the first line", config));
    Snippet {
        html: html(endpoint, config),
        advice,
    }
}

fn inline(endpoint: &Endpoint, config: &Config) -> Snippet {
    let mut advice = Vec::from_iter(is_example(config));
    advice.push("print it again after a change to the experiments in the config".to_owned());
    advice.extend(how_to("the first script", config));
    let config = config.clone().or_example();
    let client = config.browser_client();
    Snippet {
        html: format!(
            "<script data-track=\"{}\">{}</script>\n{}",
            attribute(&endpoint.track_url()),
            client.script(Script::Classic).trim_end(),
            example(&config)
        ),
        advice,
    }
}

fn to_file(endpoint: &Endpoint, config: &Config, file: &Path) -> Result<Snippet, CliError> {
    let is_module = file.extension().is_some_and(|extension| extension == "mjs");
    let form = if is_module {
        Script::Module
    } else {
        Script::Classic
    };
    let mut advice = Vec::from_iter(is_example(config));
    let shown = config.clone().or_example();
    let client = shown.browser_client();
    fs::write(file, client.script(form))
        .map_err(|error| CliError::failed(format!("cannot write `{}`: {error}", file.display())))?;
    advice.insert(0, format!("wrote `{}`", file.display()));
    advice.push("write it again after a change to the experiments in the config".to_owned());
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (track, src) = (attribute(&endpoint.track_url()), attribute(&name));
    let html = if is_module {
        advice.push(format!(
            "a module reads its attributes from `<html>`: write `<html data-track=\"{track}\">`"
        ));
        format!("<script type=\"module\" src=\"{src}\"></script>\n")
    } else {
        format!("<script src=\"{src}\" data-track=\"{track}\"></script>\n")
    };
    advice.extend(how_to("the first line", config));
    // A module runs after the scripts of the page.
    let example = match form {
        Script::Classic => example(&shown),
        Script::Module => example(&shown).replacen("<script>", "<script type=\"module\">", 1),
    };
    Ok(Snippet {
        html: html + &example,
        advice,
    })
}

/// Where the API has the script: at the path that `extra_wiring` names last, as that is there to get past
/// blockers.
pub(super) fn script_url(endpoint: &Endpoint, config: &Config) -> String {
    let mut wired = config.wiring.iter().map(|wired| &wired.route).rev();
    let wired = wired.find(|route| route.handler == Handler::Client && !route.is_module());
    let path = wired.map_or(Handler::Client.path(), |route| &route.path);
    format!("{}/{path}", endpoint.base)
}

fn is_example(config: &Config) -> Option<String> {
    let text = "the config declares no experiments: the script runs an example";
    config.experiments.is_empty().then(|| text.to_owned())
}

fn how_to(tag: &str, config: &Config) -> Vec<String> {
    let config = config.clone().or_example();
    let mut lines = vec![match example(&config).as_str() {
        "" => format!("Put {tag} into the `<head>` of your pages."),
        _ => format!(
            "Put {tag} into the `<head>` of your pages, and the last script below it, with your code in its functions."
        ),
    }];
    // Rather one that counts, or will.
    let is_over = |one: &&Declared| matches!(one.state, State::Stopped | State::Shipped(_));
    let (over, others): (Vec<_>, Vec<_>) = present(&config).partition(is_over);
    let mut goals = others.into_iter().chain(over).flat_map(|one| &one.goals);
    if let Some(goal) = goals.next() {
        let name = js(goal.name.as_str());
        lines.push(format!(
            "When a visitor reaches a goal, call `lamed.complete({name})`; to count clicks on an element, give it \
             the attribute `data-lamed-goal`."
        ));
    }
    let is_for_users = |declared: &&Declared| declared.unit == Unit::User;
    if let Some(declared) = present(&config).find(is_for_users) {
        lines.push(format!(
            "Experiment `{}` is for users: when a user is signed in, call `lamed.user(\"your own id\")`, or write \
             `data-user=\"your own id\"` into `<html>`.",
            declared.name
        ));
    }
    lines
}

/// The experiments that are not archived: pages need no new code for the others.
fn present(config: &Config) -> impl Iterator<Item = &Declared> {
    (config.experiments.iter()).filter(|declared| !declared.archived)
}

/// What a page does with the experiments.
fn example(config: &Config) -> String {
    let calls: Vec<String> = present(config)
        .filter(|declared| !declared.variants.is_empty())
        .map(call)
        .collect();
    match calls.as_slice() {
        [] => String::new(),
        [call] => format!("<script>{call}</script>\n"),
        calls => format!("<script>\n{}\n</script>\n", calls.join("\n")),
    }
}

/// The control is what the page shows by itself, also once another variant is shipped.
fn call(declared: &Declared) -> String {
    let changes = (declared.variants.iter()).filter(|(name, _)| Some(name) != declared.control());
    let functions: Vec<String> = changes
        .map(|(name, _)| {
            let name = short_property(name.as_str());
            format!("{name}: function () {{ /* show this variant */ }}")
        })
        .collect();
    format!(
        "lamed.run({}, {{{}}});",
        js(declared.name.as_str()),
        functions.join(", ")
    )
}

/// Text as the value of an attribute in double quotes.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

/// A property's name. `__proto__` in quotes alone would set the prototype.
fn property(name: &str) -> String {
    if name == "__proto__" {
        format!("[{}]", js(name))
    } else {
        js(name)
    }
}

/// The same without quotes where it needs none.
fn short_property(name: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let is_identifier =
        name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_identifier && name != "__proto__" {
        name.to_owned()
    } else {
        property(name)
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
    use crate::domain::{Name, State};

    #[test]
    fn a_page_stays_as_it_is_when_a_variant_is_shipped() {
        let red = Name::new("red").unwrap();
        let shipped = Declared {
            state: State::Shipped(red),
            ..Declared::example()
        };
        let code = "lamed.run(\"button color\", {red: function () { /* show this variant */ }});";
        assert_eq!(call(&shipped), code);
        assert_eq!(call(&Declared::example()), code);
    }

    #[test]
    fn names_cannot_leave_their_string() {
        assert_eq!(
            js("</script><!-- {{\"\\' é 🦀\u{2028}"),
            r#""\u003c/script\u003e\u003c!-- \u007b\u007b\"\\' \u00e9 \ud83e\udd80\u2028""#
        );
        for (name, short) in [
            ("red", "red"),
            ("$_1", "$_1"),
            ("1", "\"1\""),
            ("a b", "\"a b\""),
            ("é", "\"\\u00e9\""),
            ("__proto__", "[\"__proto__\"]"),
        ] {
            assert_eq!(short_property(name), short);
        }
    }
}
