//! Which commands a Redis user lacks.
//!
//! Redis 7 tells in a script what its user may run, to every user who may run scripts (`redis.acl_check_cmd`);
//! `ACL DRYRUN` would take an administrator's rights. An older Redis, or one that refuses scripts, is asked by queueing
//! the commands in a transaction that is never executed.

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, RedisError, RedisResult, Value, cmd, from_redis_value, pipe};

use super::link::is_refused;
use super::node::Node;
use super::sets::{Memory, window_name};
use crate::domain::{EventKind, Name};
use crate::store::redis::keyspace::Namespace;
use crate::store::{Counting, Dedupe};

/// What lacks where a command may not be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing can be counted.
    Count,
    /// Counts can be neither read nor deleted.
    Manage,
}

/// A command as it may be asked for: with arguments that make sense.
pub(super) struct Right {
    pub need: Need,
    /// As an ACL rule has it, after the `+`.
    pub name: &'static str,
    words: Vec<String>,
}

/// All commands that lamed runs on the keys of a namespace, counting this way.
pub(super) fn rights(namespace: &Name, counting: Counting, cluster: bool) -> Vec<Right> {
    let name = |text: &str| Name::stored(text.to_owned());
    let namespace = Namespace::new(namespace, cluster);
    let experiment = namespace.experiment(&name("lamed"));
    let counter = experiment.counter(&EventKind::from(name("lamed")), &name("lamed"));
    let window = window_name(counting.window);
    let set = Memory::new(&experiment, &counter, &window).roots().next();
    let days = experiment.days(&counter).concat();
    let deleted = experiment.deleted(&counter).concat();
    let flag = experiment.flag(&"0".repeat(40)).concat();
    let (index, windows, set) = (
        experiment.index().concat(),
        experiment.windows().concat(),
        set.unwrap_or_default(),
    );
    let compact = counting.dedupe == Dedupe::Compact;

    use Need::{Count, Manage};
    let mut rights = Vec::new();
    let mut add = |need, name, words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        rights.push(Right { need, name, words });
    };
    add(Count, "ping", &["ping"]);
    add(Count, "eval", &["eval", "return 1", "1", &counter]);
    add(
        Count,
        "evalsha",
        &["evalsha", &"0".repeat(40), "1", &counter],
    );
    add(Count, "time", &["time"]);
    add(Count, "zrange", &["zrange", &windows, "0", "-1"]);
    add(Count, "pttl", &["pttl", &flag]);
    add(Count, "get", &["get", &deleted]);
    add(Count, "scard", &["scard", &index]);
    add(Count, "sismember", &["sismember", &index, &counter]);
    add(Count, "sadd", &["sadd", &index, &counter]);
    add(Count, "exists", &["exists", &counter]);
    add(Count, "del", &["del", &days]);
    add(Count, "hincrby", &["hincrby", &days, "0", "1"]);
    add(Count, "incr", &["incr", &counter]);
    let variants = experiment.variants().concat();
    add(Count, "hget", &["hget", &variants, ""]);
    add(Count, "hset", &["hset", &variants, "", "0"]);
    add(Count, "hlen", &["hlen", &variants]);
    add(Count, "hexists", &["hexists", &variants, ""]);
    add(Count, "pexpire", &["pexpire", &variants, "1"]);
    add(Count, "smembers", &["smembers", &index]);
    if compact {
        if counting.window.is_some() {
            add(Count, "pexpireat", &["pexpireat", &set, "0"]);
        }
        add(
            Count,
            "zremrangebyscore",
            &["zremrangebyscore", &windows, "0", "0"],
        );
        add(Count, "zadd", &["zadd", &windows, "0", "0"]);
    }
    add(Count, "set", &["set", &experiment.copy().concat(), "1"]);
    if cluster {
        add(Count, "cluster|slots", &["cluster", "slots"]);
        // While a slot moves.
        add(Manage, "asking", &["asking"]);
    }
    add(Manage, "srem", &["srem", &index, &counter]);
    add(Manage, "unlink", &["unlink", &set]);
    add(Manage, "mget", &["mget", &counter]);
    add(Manage, "hgetall", &["hgetall", &days]);
    rights
}

/// Gives the places of those that may not be run; `nil` where this Redis cannot tell.
const CHECK: &str = "
if not redis.acl_check_cmd then return false end
local lacking = {}
for place, words in ipairs(cjson.decode(ARGV[1])) do
  local known, may = pcall(redis.acl_check_cmd, unpack(words))
  if known and not may then lacking[#lacking + 1] = place end
end
return lacking";

/// The question that [`lacking`] understands the answer to.
pub(super) fn question(rights: &[Right]) -> Cmd {
    let words: Vec<&Vec<String>> = rights.iter().map(|right| &right.words).collect();
    // Lists of texts are always JSON.
    let words = serde_json::to_string(&words).unwrap_or_default();
    cmd("EVAL").arg(CHECK).arg(0).arg(words).take()
}

/// Those that the user of this node lacks. What cannot be found out is taken for given.
pub(super) async fn lacking<'a>(
    node: &Node,
    rights: &'a [Right],
    answer: RedisResult<Value>,
) -> Vec<&'a Right> {
    if let Ok(Value::Array(places)) = answer {
        let places: Vec<usize> = (places.into_iter())
            .filter_map(|place| from_redis_value(place).ok())
            .collect();
        return (rights.iter().enumerate())
            .filter(|(place, _)| places.contains(&(place + 1)))
            .map(|(_, right)| right)
            .collect();
    }
    let refused = answer.is_err_and(|error| is_refused(&error));
    let tried = match node.connection().await {
        Ok(mut connection) => try_out(&mut connection, rights).await,
        Err(error) => Err(error),
    };
    let question = |right: &&Right| refused && right.name == "eval";
    tried.unwrap_or_else(|_| rights.iter().filter(question).collect())
}

/// Queues all of them in a transaction, and ends the connection.
async fn try_out<'a>(
    connection: &mut MultiplexedConnection,
    rights: &'a [Right],
) -> Result<Vec<&'a Right>, RedisError> {
    // Without it they would be run.
    cmd("MULTI").exec_async(connection).await?;
    let mut queue = pipe();
    queue.ignore_errors();
    for right in rights {
        queue.add_command(cmd(&right.words[0]).arg(&right.words[1..]).take());
    }
    let answers: Vec<RedisResult<Value>> = queue.query_async(connection).await?;
    Ok((rights.iter().zip(answers))
        .filter(|(_, answer)| answer.as_ref().is_err_and(is_refused))
        .map(|(right, _)| right)
        .collect())
}
