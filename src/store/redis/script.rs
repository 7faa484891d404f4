//! The Lua scripts, and running them by their SHA-1.

use std::sync::LazyLock;

use ::redis::{Cmd, ErrorKind, RedisError, RedisResult, RedisWrite, ServerErrorKind, Value, pipe};
use sha1::{Digest, Sha1};

use super::RedisStore;
use super::sets::hex;
use crate::store::StoreError;

/// A script and its SHA-1, by which Redis knows it once loaded.
pub(super) struct Lua {
    source: &'static str,
    hash: String,
}

impl Lua {
    fn new(source: &'static str) -> Self {
        let hash = hex(&Sha1::digest(source).into());
        Self { source, hash }
    }
}

pub(super) static TRACK: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("track.lua")));
pub(super) static REGISTER: LazyLock<Lua> =
    LazyLock::new(|| Lua::new(include_str!("register.lua")));
pub(super) static ENTER: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("enter.lua")));
pub(super) static DELETE: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("delete.lua")));

/// The keys and arguments of one run of a script.
pub(super) struct Call {
    /// All of them, one after the other: an event has some thirty, and one text is made faster than thirty.
    text: String,
    /// Where each ends in the text.
    ends: Vec<usize>,
    /// How many of them are keys.
    keys: usize,
}

impl Call {
    /// A call without keys and arguments, with room for those of an event.
    pub(super) fn new() -> Self {
        Self {
            text: String::with_capacity(1024),
            ends: Vec::with_capacity(40),
            keys: 0,
        }
    }

    /// More keys. All of them come before the arguments.
    pub(super) fn keys<const PARTS: usize>(
        &mut self,
        keys: impl IntoIterator<Item = [impl AsRef<str>; PARTS]>,
    ) -> &mut Self {
        for key in keys {
            for part in key {
                self.text.push_str(part.as_ref());
            }
            self.ends.push(self.text.len());
            self.keys += 1;
        }
        self
    }

    /// More arguments.
    pub(super) fn arguments(
        &mut self,
        arguments: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> &mut Self {
        for argument in arguments {
            self.text.push_str(argument.as_ref());
            self.ends.push(self.text.len());
        }
        self
    }

    /// How many keys there are.
    pub(super) fn number_of_keys(&self) -> usize {
        self.keys
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let fixed = name.len() + script.len() + 8;
        let mut command = Cmd::with_capacity(3 + self.ends.len(), fixed + self.text.len());
        command.arg(name).arg(script).arg(self.keys);
        let mut start = 0;
        for &end in &self.ends {
            command.write_arg(&self.text.as_bytes()[start..end]);
            start = end;
        }
        command
    }
}

impl RedisStore {
    /// Runs a script once for each call, all in one round trip; one more where Redis has forgotten
    /// the script. All answers, or the first error among them.
    pub(super) async fn evaluate(
        &self,
        lua: &Lua,
        calls: &[Call],
    ) -> Result<Vec<Value>, StoreError> {
        let answers = self.evaluate_each(lua, calls).await?;
        self.all(answers)
    }

    /// The same, where one call may fail and another not.
    pub(super) async fn evaluate_each(
        &self,
        lua: &Lua,
        calls: &[Call],
    ) -> Result<Vec<RedisResult<Value>>, StoreError> {
        let mut by_hash = pipe();
        for call in calls {
            by_hash.add_command(call.command("EVALSHA", &lua.hash));
        }
        let mut answers = self.link.send(by_hash).await?;
        // Only those that did not run are sent again: the others would answer that they are
        // duplicates.
        let unknown: Vec<usize> = (answers.iter().enumerate())
            .filter(|(_, answer)| answer.as_ref().is_err_and(is_unknown_script))
            .map(|(position, _)| position)
            .collect();
        let mut by_source = pipe();
        for &position in &unknown {
            by_source.add_command(calls[position].command("EVAL", lua.source));
        }
        let second = self.link.send(by_source).await?;
        for (position, answer) in unknown.into_iter().zip(second) {
            answers[position] = answer;
        }
        Ok(answers)
    }

    /// All answers, or the first error among them.
    pub(super) fn all(&self, answers: Vec<RedisResult<Value>>) -> Result<Vec<Value>, StoreError> {
        (answers.into_iter().collect::<RedisResult<_>>()).map_err(|error| self.link.error(&error))
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
