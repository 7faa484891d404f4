//! The Lua scripts, and running them by their SHA-1.

use std::sync::LazyLock;

use ::redis::{Cmd, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, Value};

use super::link::Connection;

/// A script and its SHA-1, by which Redis knows it once loaded.
pub(super) struct Lua {
    source: &'static str,
    hash: String,
}

impl Lua {
    fn new(source: &'static str) -> Self {
        let hash = Script::new(source).get_hash().to_owned();
        Self { source, hash }
    }
}

pub(super) static TRACK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("track.lua")));
pub(super) static REGISTER: LazyLock<Lua> =
    LazyLock::new(|| Lua::new(include_str!("register.lua")));
pub(super) static DELETE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("delete.lua")));

/// The keys and arguments of one run of a script.
pub(super) struct Call {
    pub keys: Vec<String>,
    pub arguments: Vec<String>,
}

impl Call {
    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = Cmd::new();
        (command.arg(name).arg(script))
            .arg(self.keys.len())
            .arg(&self.keys)
            .arg(&self.arguments);
        command
    }
}

/// Runs a script once for each call, all in one round trip; one more where Redis has forgotten
/// the script.
pub(super) async fn evaluate(
    connection: Connection,
    lua: &Lua,
    calls: &[Call],
) -> RedisResult<Vec<Value>> {
    let by_hash = calls.iter().map(|call| call.command("EVALSHA", &lua.hash));
    let mut answers = connection.clone().send(by_hash.collect()).await?;
    // Only those that did not run are sent again: the others would answer that they are duplicates.
    let unknown: Vec<usize> = (answers.iter().enumerate())
        .filter(|(_, answer)| answer.as_ref().is_err_and(is_unknown_script))
        .map(|(position, _)| position)
        .collect();
    let by_source = (unknown.iter()).map(|&position| calls[position].command("EVAL", lua.source));
    let second = connection.send(by_source.collect()).await?;
    for (position, answer) in unknown.into_iter().zip(second) {
        answers[position] = answer;
    }
    answers.into_iter().collect()
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
