//! `lamed configure --wizard`

use std::path::Path;

use dialoguer::{Confirm, Input, Password as Hidden, Select};
use serde_json::{Value, json};

use super::answers::{Answers, Expiry, Password};
use super::files;
use crate::cli::printer::somebody_answers;
use crate::cli::terminal::Terminal;
use crate::cli::visible::harmless;
use crate::cli::{CliError, Context, block_on};
use crate::config::{Config, Document, Location, locate};
use crate::domain::Secret;
use crate::preflight::{Origin, try_out};

/// The answer that takes away what the file says.
const NOTHING: &str = "-";

pub(super) fn run(context: &Context) -> Result<(), CliError> {
    let location = locate(context.config_file.as_deref());
    let (Location::Found(path) | Location::Missing(path)) = &location;
    if !somebody_answers() {
        return Err(CliError::usage(format!(
            "`--wizard` needs a terminal for its questions: edit `{}` yourself",
            path.display()
        )));
    }
    let mut config = match &location {
        Location::Found(path) => read(path)?,
        Location::Missing(path) => Document::new(&files::template(path)).ok_or_else(no_template)?,
    };
    let before = match location {
        Location::Found(_) => Some(config.text().to_owned()),
        Location::Missing(_) => None,
    };
    let terminal = Terminal::guard()?;
    let wizard = Wizard { context, terminal };
    loop {
        let answers = wizard.ask(&config)?;
        answers.put_into(&mut config);
        if wizard.goes_on(path, &config)? {
            break;
        }
    }
    (wizard.terminal).uninterrupted(|| {
        files::keep_private(path);
        files::change(path, before.as_deref(), config.text())?;
        context.printer.talk(&format!("wrote `{}`", path.display()));
        files::refresh_schema(context, path)
    })?;
    // What the wizard does not ask for may be wrong, too.
    for warning in &Config::read(path)?.warnings {
        context.printer.warn(warning);
    }
    Ok(())
}

/// Reads a file of which only this much is expected: that it is a JSON object.
fn read(path: &Path) -> Result<Document, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!(
            "`{}`: cannot read the file: {error}",
            path.display()
        ))
    })?;
    match (Document::new(&text), Config::parse(path, &text)) {
        (Some(config), _) => Ok(config),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(_)) => Err(CliError::usage(format!(
            "`{}` is not a JSON object",
            path.display()
        ))),
    }
}

fn no_template() -> CliError {
    CliError::failed("the template of the config is not a JSON object")
}

struct Wizard<'a> {
    context: &'a Context,
    terminal: Terminal,
}

impl Wizard<'_> {
    fn ask(&self, config: &Document) -> Result<Answers, CliError> {
        let before = Answers::of(config);
        let mut answers = before.clone();
        answers.host = self.ask_text(
            "Redis host",
            // Not one that is none, as in the template of Python lamed.
            Some(before.host).filter(|host| refusal("host", host).is_none()),
            |host| {
                if host.starts_with('/') {
                    return None;
                }
                refusal("host", host)
            },
        )?;
        if answers.is_socket() {
            answers.tls = false;
        } else {
            answers.port =
                self.ask_text("Port", Some(before.port), |port| refusal("port", port))?;
            let tls = Confirm::new().with_prompt("Use TLS?").default(before.tls);
            answers.tls = self.terminal.answer(tls.interact())?;
        }
        answers.user = self.ask_user(before.user)?;
        answers.password = self.ask_password(Answers::has_password(config))?;
        let expiry = self.ask_text(
            "Remember an event for (30d, 12h, 3600s or forever)",
            Some(before.expiry.text()),
            |text| match Expiry::parse(text) {
                Ok(expiry) => reason(&json!({ "uuid_expiry_seconds": expiry.value() })),
                Err(reason) => Some(reason),
            },
        )?;
        answers.expiry = Expiry::parse(&expiry).map_err(CliError::failed)?;
        Ok(answers)
    }

    fn ask_text(
        &self,
        prompt: &str,
        default: Option<String>,
        refusal: impl Fn(&str) -> Option<String>,
    ) -> Result<String, CliError> {
        let mut input = Input::<String>::new()
            .with_prompt(prompt)
            .validate_with(|text: &String| refusal(text.trim()).map_or(Ok(()), Err));
        if let Some(default) = default {
            input = input.default(default);
        }
        let text = self.terminal.answer(input.interact())?;
        Ok(text.trim().to_owned())
    }

    fn ask_user(&self, before: String) -> Result<String, CliError> {
        let mut input = Input::<String>::new().allow_empty(true);
        input = match before.as_str() {
            "" => input.with_prompt("User (leave empty for none)"),
            _ => input
                .with_prompt(format!("User (type {NOTHING} for none)"))
                .default(before),
        };
        let user = self.terminal.answer(input.interact())?;
        Ok(match user.trim() {
            NOTHING => String::new(),
            user => user.to_owned(),
        })
    }

    fn ask_password(&self, has_one: bool) -> Result<Password, CliError> {
        let prompt = if has_one {
            format!("Password (leave empty to keep it, type {NOTHING} for none)")
        } else {
            "Password (leave empty for none)".to_owned()
        };
        let hidden = Hidden::new().with_prompt(prompt).allow_empty_password(true);
        let password = self.terminal.answer(hidden.interact())?;
        Ok(match password.as_str() {
            "" => Password::Kept,
            NOTHING if has_one => Password::None,
            password => Password::New(Secret::new(password)),
        })
    }

    /// Tries the Redis out. Says whether to save, rather than to ask again.
    fn goes_on(&self, path: &Path, config: &Document) -> Result<bool, CliError> {
        loop {
            let problem = match connection(path, config) {
                Ok(answer) => {
                    self.context.printer.talk(&harmless(&answer));
                    return Ok(true);
                }
                Err(problem) => problem,
            };
            self.context.printer.error(&CliError::failed(problem));
            let choice = Select::new()
                .with_prompt("What next")
                .items(["try again", "change the answers", "save anyway"])
                .default(0);
            match self.terminal.answer(choice.interact())? {
                0 => {}
                choice => return Ok(choice == 2),
            }
        }
    }
}

/// Connects to the Redis of a config: what it answers, or what is wrong and what to do.
fn connection(path: &Path, config: &Document) -> Result<String, String> {
    let parsed = Config::parse(path, config.text()).or_else(|error| {
        // What is wrong may be elsewhere in the file.
        let redis = json!({ "redis": config.value()["redis"] }).to_string();
        Config::parse(path, &redis).map_err(|_| error.to_string())
    })?;
    let settings = parsed.redis.ok_or("no Redis is configured")?;
    block_on(async { Ok(try_out(&settings, Origin::Config).await) })
        .map_err(|error| error.to_string())?
}

/// Why the config would not take this under `redis`.
fn refusal(key: &str, value: &str) -> Option<String> {
    reason(&json!({ "redis": { key: value } }))
}

fn reason(config: &Value) -> Option<String> {
    let parsed = Config::parse(Path::new(""), &config.to_string());
    parsed.err().map(|error| error.reason().to_owned())
}
