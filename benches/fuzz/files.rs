//! What stands in files, in variables, and in the replies of APIs.

use std::path::Path;

use lamed::config::Config;
use lamed::domain::{Declared, Goal, Name};
use lamed::function::{Settings, Store};
use lamed::http::wire::{Element, Experiment};
use lamed::report::{Counted, Evaluated, Pairs, Report, Runs, Separator, message};
use lamed::store::RedisSettings;

use super::engine::Target;

/// A config file.
pub struct ConfigFile;

impl Target for ConfigFile {
    fn name(&self) -> &'static str {
        "config"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            r#""redis":"#,
            r#""url":"#,
            r#""host":"#,
            r#""port":"#,
            r#""ssl":"#,
            r#""socket_timeout":"#,
            r#""ssl_cert_reqs":"#,
            r#""namespace":"#,
            r#""uuid_expiry_seconds":"#,
            r#""dedupe":"#,
            r#""accept":"#,
            r#""max_counters":"#,
            r#""max_namespaces":"#,
            r#""max_variants":"#,
            r#""experiments":"#,
            r#""unit":"#,
            r#""variants":"#,
            r#""goals":"#,
            r#""minimum_effect":"#,
            r#""aws":"#,
            r#""extra_wiring":"#,
            "redis://h:1/2",
            "rediss://u:p@h",
            "unix:///tmp/s",
            r#""flags""#,
            r#""declared""#,
            r#""cluster":true"#,
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        match Config::parse(Path::new("config.json"), &text) {
            Err(error) => {
                let error = error.to_string();
                let (_, what) = error.split_once(": ").expect("a place, and what is wrong");
                assert!(!what.is_empty());
                let what: String = what
                    .chars()
                    .filter(char::is_ascii_lowercase)
                    .take(24)
                    .collect();
                what
            }
            Ok(config) => {
                assert!(config.max_is_sane(), "{config:?}");
                let secret = config
                    .redis
                    .as_ref()
                    .and_then(|redis| redis.password.as_ref());
                // A short one may stand in the rest by chance.
                if let Some(secret) =
                    secret.filter(|secret| secret.reveal().contains("hunter2-hunter2"))
                {
                    let masked = format!("{:?}", config.redis);
                    let others = text.matches("hunter2-hunter2").count() > 1;
                    assert!(others || !masked.contains(secret.reveal()), "{masked}");
                }
                let settings = config.redis.clone().map(|redis| {
                    through_lambda(&Settings {
                        store: Store::Redis(redis),
                        namespace: config.namespace.clone(),
                        ignore_bots: config.ignore_bots,
                        door: None,
                    })
                });
                format!(
                    "{settings:?} {} {} {}",
                    config.experiments.len(),
                    config.wiring.len(),
                    config.warnings.len()
                )
            }
        }
    }
}

trait Sane {
    fn max_is_sane(&self) -> bool;
}

impl Sane for Config {
    /// What the counting rests on.
    fn max_is_sane(&self) -> bool {
        self.counting.max_counters > 0
            && self.counting.max_namespaces > 0
            && self.counting.max_variants > 0
            && self.counting.window.is_none_or(|window| !window.is_zero())
    }
}

/// Whether settings can be written for the function; what is written must come back as it was.
fn through_lambda(settings: &Settings) -> bool {
    let Ok(json) = settings.to_json() else {
        return false;
    };
    let read = Settings::from_json(json.reveal()).expect("our own settings");
    let again = read.to_json().expect("without files");
    assert_eq!(again.reveal(), json.reveal());
    true
}

/// The settings of the function, and the address of a Redis.
pub struct FunctionSettings;

impl Target for FunctionSettings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            r#""namespace":"#,
            r#""server":"#,
            r#""tcp":"#,
            r#""unix":"#,
            r#""window":"#,
            r#""timeout":"#,
            r#""declared":"#,
            r#""tls":"#,
            "redis://",
            "rediss://",
            "redis+unix://",
            "?db=",
            "@",
            "[::1]",
            ":6379",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        let url = RedisSettings::from_url(&text).is_ok();
        match Settings::from_json(&text) {
            Ok(settings) => format!("{} {url}", through_lambda(&settings)),
            Err(error) => {
                let error = error.to_string();
                format!(
                    "{} {url}",
                    error.trim_end_matches(|c: char| c.is_ascii_digit())
                )
            }
        }
    }
}

/// What an API says that it counted.
pub struct Counts;

impl Target for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            r#""meta":"#,
            r#""scope":"#,
            r#""experiment":"#,
            r#""goals":"#,
            r#""goal":"#,
            r#""results":"#,
            r#""label":"#,
            r#""successes":"#,
            r#""trials":"#,
            r#""variants":"#,
            r#""days":"#,
            r#""day":"#,
            r#""2026-11-24""#,
            r#""2024-02-29""#,
            r#""0000-00-00""#,
            r#""9999-12-31""#,
            "1000000",
            "1000",
            "100",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> String {
        let text = String::from_utf8_lossy(input);
        let _ = message(&text);
        let elements: Vec<Element> = match serde_json::from_str(&text) {
            Ok(elements) => elements,
            Err(error) => return error.to_string().chars().take(12).collect(),
        };
        let mut kinds = String::new();
        let mut experiments = Vec::new();
        for element in elements {
            let Element::Experiment(counted) = element else {
                continue;
            };
            // It means the same once more.
            let read = Experiment::from(&counted.counts());
            assert_eq!(Experiment::from(&read.counts()), read);
            for declared in [Vec::new(), vec![declared(&counted)]] {
                let runs = Runs::new(None, &declared);
                match Counted::new(&counted, "here") {
                    Ok(counted) => {
                        let evaluated = Evaluated::new(&counted, &runs, None);
                        let document = evaluated.document(Pairs::With);
                        kinds.push_str(document.verdict.kind);
                        experiments.push(document);
                    }
                    Err(_) => kinds.push('!'),
                }
            }
        }
        let report = Report {
            namespace: "n".to_owned(),
            time: None,
            experiments,
        };
        let csv = report.csv(Separator::Comma, true);
        assert!(csv.starts_with("\u{feff}namespace,"));
        assert!(!csv.contains(|character: char| character != '\n' && character.is_control()));
        let json = serde_json::to_string(&report).expect("a document");
        let again: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert!(again["experiments"].is_array());
        kinds
    }
}

/// A declaration of what was counted, and a little more.
fn declared(counted: &Experiment) -> Declared {
    let name = |text: &str| Name::stored(text.to_owned());
    let labels = counted
        .variants
        .iter()
        .map(|variant| variant.label.as_str());
    let weights = labels
        .chain(["another"])
        .zip([1, 0, 7, u32::MAX].into_iter().cycle());
    Declared {
        control: counted.variants.last().map(|variant| name(&variant.label)),
        variants: weights
            .map(|(label, weight)| (name(label), weight))
            .collect(),
        goals: (counted.goals.iter())
            .map(|goal| Goal {
                unique: goal.results.len() != 1,
                ..Goal::new(name(&goal.goal))
            })
            .collect(),
        minimum_effect: Some(0.05),
        ..Declared::new(name(&counted.experiment))
    }
}
