//! Makes inputs: seeds that are changed a little, and kept as new seeds when a target answers
//! something it never answered before. No coverage, so no special compiler.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// The longest input in bytes; what is about more than that has a test of its own.
const LONGEST: usize = 4096;

/// How many seeds a target may collect.
const MOST_SEEDS: usize = 4000;

/// Some kind of input, and what must hold of every one.
pub trait Target {
    /// The name of its folder in `fixtures/fuzz`.
    fn name(&self) -> &'static str;

    /// Tries one input, and panics when something does not hold. What comes back tells answers of
    /// one kind from answers of another.
    fn try_input(&mut self, input: &[u8]) -> String;

    /// Words that mean something to it.
    fn words(&self) -> &'static [&'static str] {
        &[]
    }
}

/// When to stop.
#[derive(Clone, Copy)]
pub enum Limit {
    Inputs(u64),
    Time(Duration),
}

/// What came of it.
pub struct Report {
    pub inputs: u64,
    pub elapsed: Duration,
    pub kinds_of_answers: usize,
    pub slowest: Duration,
    /// The inputs that something did not hold of.
    pub failures: Vec<Vec<u8>>,
}

/// The files of a target in `fixtures/fuzz`: where to start from, and every mistake that was found.
pub fn kept(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
    let entries = fs::read_dir(folder.join(target));
    let mut files: Vec<_> = (entries.into_iter().flatten().flatten())
        .map(|entry| (entry.path(), fs::read(entry.path()).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

/// Tries changed seeds until the limit.
pub fn run(target: &mut dyn Target, limit: Limit, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let mut seeds: Vec<Vec<u8>> = kept(target.name())
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    seeds.push(Vec::new());
    let mut known = HashSet::new();
    let start = Instant::now();
    let mut report = Report {
        inputs: 0,
        elapsed: Duration::ZERO,
        kinds_of_answers: 0,
        slowest: Duration::ZERO,
        failures: Vec::new(),
    };
    let first = seeds.clone();
    let mut first = first.into_iter();
    loop {
        let over = match limit {
            Limit::Inputs(most) => report.inputs >= most,
            Limit::Time(most) => report.inputs.is_multiple_of(64) && start.elapsed() >= most,
        };
        if over {
            break;
        }
        let input = (first.next()).unwrap_or_else(|| change(&mut random, &seeds, target.words()));
        let begin = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| target.try_input(&input)));
        report.slowest = report.slowest.max(begin.elapsed());
        report.inputs += 1;
        match answer {
            Ok(answer) if known.insert(hash(&answer)) && seeds.len() < MOST_SEEDS => {
                seeds.push(input);
            }
            Ok(_) => {}
            Err(_) => report.failures.push(input),
        }
    }
    report.elapsed = start.elapsed();
    report.kinds_of_answers = known.len();
    report
}

pub fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What often breaks something.
const WORDS: &[&str] = &[
    "",
    "\0",
    "\n",
    "\r\n",
    "\u{1b}[31m",
    "\u{202e}",
    "é",
    "🦀",
    "\u{feff}",
    "\u{85}",
    "\u{10ffff}",
    "%",
    "%0",
    "%00",
    "%zz",
    "%3A",
    "%253A",
    "+",
    "&",
    "=",
    ";",
    ":",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\u003a",
    ",",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1e999",
    "1e-999",
    "0.1",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1.7976931348623157e308",
    "5e-324",
    "{}",
    "[]",
    "[[",
    "{\"\":",
    "a,b",
    "__proto__",
    "participate",
    "NaN",
];

/// A seed after a few changes: of its bytes or, where it is JSON, perhaps of its values.
fn change(random: &mut StdRng, seeds: &[Vec<u8>], words: &[&'static str]) -> Vec<u8> {
    let mut input = seeds.choose(random).cloned().unwrap_or_default();
    if random.random_ratio(3, 5)
        && let Ok(mut value) = serde_json::from_slice::<Value>(&input)
    {
        for _ in 0..random.random_range(1..=3) {
            change_value(random, &mut value, words);
        }
        return value.to_string().into_bytes();
    }
    for _ in 0..random.random_range(1..=4) {
        change_once(random, &mut input, seeds, words);
    }
    input.truncate(LONGEST);
    input
}

fn change_once(
    random: &mut StdRng,
    input: &mut Vec<u8>,
    seeds: &[Vec<u8>],
    words: &[&'static str],
) {
    let at = random.random_range(0..=input.len());
    let end = (at + random.random_range(1..=8)).min(input.len());
    match random.random_range(0..12) {
        0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        1 if at < input.len() => input[at] = random.random(),
        2 => input.insert(at, random.random()),
        3 => drop(input.drain(at..end)),
        // A longer piece, once more or many times more.
        4 => {
            let end = (at + random.random_range(1..=64)).min(input.len());
            let piece = input[at..end].to_vec();
            let times = *[1, 1, 1, 2, 40, 200].choose(random).unwrap_or(&1);
            input.splice(at..at, piece.repeat(times));
        }
        5 => input.truncate(at),
        // What is between two marks gives way to a word: a value of JSON, or of a query.
        6 | 7 => {
            let (start, end) = between_marks(input, at);
            let word = word(random, words);
            input.splice(start..end, word.bytes());
        }
        8 => {
            let word = word(random, words);
            input.splice(at..end, word.bytes());
        }
        9 => {
            let word = word(random, words);
            input.splice(at..at, word.bytes());
        }
        // The rest of another.
        10 => {
            let other = seeds.choose(random).map_or(&[][..], Vec::as_slice);
            let from = random.random_range(0..=other.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
        // A piece between marks of another in the place of ours.
        _ => {
            let other = seeds.choose(random).map_or(&[][..], Vec::as_slice);
            let (from, to) = between_marks(other, random.random_range(0..=other.len()));
            let (start, end) = between_marks(input, at);
            let piece = other[from..to].to_vec();
            input.splice(start..end, piece);
        }
    }
}

fn word(random: &mut StdRng, words: &[&'static str]) -> &'static str {
    let from = if words.is_empty() || random.random() {
        WORDS
    } else {
        words
    };
    from.choose(random).copied().unwrap_or_default()
}

/// Changes some value within this one.
fn change_value(random: &mut StdRng, value: &mut Value, words: &[&'static str]) {
    match value {
        Value::Array(values) if !values.is_empty() && random.random_ratio(5, 6) => {
            let at = random.random_range(0..values.len());
            match random.random_range(0..8) {
                0 => drop(values.remove(at)),
                1 if values.len() < 200 => values.extend_from_within(at..),
                2 => values.push(any_value(random, words)),
                _ => change_value(random, &mut values[at], words),
            }
        }
        Value::Object(members) if !members.is_empty() && random.random_ratio(5, 6) => {
            let at = random.random_range(0..members.len());
            let key = members.keys().nth(at).cloned().unwrap_or_default();
            match random.random_range(0..10) {
                0 => drop(members.remove(&key)),
                1 => {
                    let value = members.remove(&key).unwrap_or_default();
                    members.insert(unquoted(word(random, words)), value);
                }
                2 => drop(members.insert(unquoted(word(random, words)), any_value(random, words))),
                _ => change_value(random, &mut members[&key], words),
            }
        }
        Value::Number(number) if random.random() => {
            let near = number.as_u64().unwrap_or(0);
            let far = [
                near.wrapping_add(1),
                near.wrapping_sub(1),
                near / 2,
                near.wrapping_mul(3),
            ];
            *value = Value::from(*far.choose(random).unwrap_or(&0));
        }
        Value::String(text) if random.random() => {
            let at = text.floor_char_boundary(random.random_range(0..=text.len()));
            text.insert_str(at, &unquoted(word(random, words)));
        }
        value => *value = any_value(random, words),
    }
}

/// A word as JSON, or as a text.
fn any_value(random: &mut StdRng, words: &[&'static str]) -> Value {
    let word = word(random, words);
    let value = serde_json::from_str(word).unwrap_or_else(|_| Value::from(unquoted(word)));
    match random.random_range(0..10) {
        0 => Value::Array(vec![value]),
        1 => Value::from(serde_json::Map::from_iter([(unquoted(word), value)])),
        2 => Value::from(random.random_range(0..2000_u64)),
        _ => value,
    }
}

/// `name` of `"name":`
fn unquoted(word: &str) -> String {
    word.trim_end_matches(':').trim_matches('"').to_owned()
}

/// The piece around a position, up to the marks beside it.
fn between_marks(input: &[u8], at: usize) -> (usize, usize) {
    let is_mark = |byte: &u8| b"\"{}[],:&=/ \n".contains(byte);
    let start = input[..at]
        .iter()
        .rposition(is_mark)
        .map_or(0, |mark| mark + 1);
    let end = input[at..].iter().position(is_mark);
    (start, end.map_or(input.len(), |mark| at + mark))
}
