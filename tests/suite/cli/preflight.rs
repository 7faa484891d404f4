//! `lamed preflight`, and what `lamed deploy` does of it.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::support::{Aws, Fault, Outcome, Redis, When};

/// 127.0.0.1 as one number: for lamed a name without dots, which only a network of its own knows.
const PRIVATE: &str = "2130706433";

const VPC: &str = r#"{"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}"#;

/// A home with this config and a bootstrap for x86_64.
fn home_of(redis: Value, aws: &str) -> TempDir {
    let home = home();
    let mut aws: Value = serde_json::from_str(aws).unwrap();
    aws["front_door"] = json!("rest_api");
    let config = json!({"redis": redis, "aws": aws});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let file = fs::File::create(home.path().join("b.zip")).unwrap();
    let mut zip = zip::ZipWriter::new(file);
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).unwrap();
    let mut elf = *b"\x7fELF\x02\x01\x01             ";
    elf[18..20].copy_from_slice(&62u16.to_le_bytes());
    zip.write_all(&elf).unwrap();
    zip.finish().unwrap();
    home
}

/// In the private network of the functions.
fn private(redis: &Redis) -> TempDir {
    home_of(
        json!({"host": PRIVATE, "port": redis.port}),
        &format!(r#"{{"vpc": {VPC}}}"#),
    )
}

fn run(aws: &Aws, home: &TempDir, arguments: &[&str]) -> Outcome {
    let arguments = [arguments, &["--bootstrap", "b.zip"]].concat();
    let mut outcome = aws.line(home, &arguments).run();
    outcome.stdout = plain(&outcome.stdout, aws);
    outcome.stderr = plain(&outcome.stderr, aws);
    outcome
}

/// Without what differs from run to run.
fn plain(text: &str, aws: &Aws) -> String {
    let text = text.replace(&aws.account, "ACCOUNT");
    match text.split_once(" answers in ") {
        Some((before, after)) => {
            let (_, after) = after.split_once(" ms").unwrap();
            format!("{before} answers in N ms{after}")
        }
        None => text,
    }
}

#[track_caller]
fn gives(outcome: &Outcome, code: i32, stdout: &str, stderr: &str) {
    let Outcome {
        code: c,
        stdout: out,
        stderr: err,
    } = outcome;
    assert_eq!(
        (*c, out.as_str(), err.as_str()),
        (Some(code), stdout, stderr),
        "{outcome}"
    );
}

#[test]
fn all_is_well() {
    let (aws, redis) = (Aws::start(), Redis::durable());
    let home = private(&redis);
    let port = redis.port;
    let outcome = run(&aws, &home, &["preflight"]);
    gives(
        &outcome,
        0,
        &format!(
            " ✓  config             `config.json`
 ✓  account            arn:aws:iam::ACCOUNT:user/moto in eu-west-1
 ✓  deployment         not deployed yet
 ✓  permissions        enough for `lamed deploy` and `lamed destroy`
 ✓  function           x86_64, zip of 0.00 MB, for `lamed-track`, `lamed-all-experiments`,
                       `lamed-experiment`, `lamed-delete-experiment`, `lamed-client`
 ✓  redis              redis://{PRIVATE}:{port}/0 answers in N ms
 ✓  redis address      `{PRIVATE}` is in a private network, and the functions are in a VPC
 ✓  redis tls          off, at an address that is not public
 ✓  redis auth         no password is needed
 ✓  redis version      Redis {}
 ✓  redis eviction     `noeviction`
 ✓  redis role         primary, not in a cluster
 ✓  redis persistence  `appendfsync always`: a crash loses no acknowledged event
 ✓  redis rights       enough to count, read and delete
",
            version(&redis)
        ),
        "",
    );
    let outcome = run(&aws, &home, &["preflight", "--json"]);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((outcome.code, &document["ok"]), (Some(0), &json!(true)));
    assert_eq!(
        document["checks"][0],
        json!({"check": "config", "status": "ok", "found": "`config.json`", "remedy": null})
    );
    assert_eq!(document["checks"].as_array().unwrap().len(), 14);
}

fn version(redis: &Redis) -> String {
    let info: String = redis::cmd("INFO").query(&mut redis.connection()).unwrap();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    line.unwrap().to_owned()
}

#[test]
fn deploy_runs_the_checks_and_asks_for_nothing_twice() {
    let (aws, redis) = (
        Aws::start(),
        Redis::start(&["--maxmemory-policy", "allkeys-lru"]),
    );
    let home = private(&redis);
    let plain = run(&aws, &home, &["deploy", "--dry-run", "--no-preflight"]);
    let calls = |aws: &Aws| {
        let mut calls: Vec<String> = (aws.calls().into_iter())
            .filter(|call| call.action != "iam:SimulatePrincipalPolicy")
            .map(|call| format!("{} {} {}", call.action, call.path, call.body))
            .collect();
        calls.sort();
        aws.reset();
        calls
    };
    let of_plain = calls(&aws);
    gives(&plain, 0, &plain.stdout, "");
    let checked = run(&aws, &home, &["deploy", "--dry-run"]);
    assert_eq!(calls(&aws), of_plain);
    gives(
        &checked,
        0,
        &plain.stdout,
        " !  redis eviction     `allkeys-lru` evicts counters when memory is full: their counts are lost
                       → set `maxmemory-policy noeviction`
 !  redis persistence  no append-only file and no snapshots: a crash or restart loses all counts
                       → set `appendonly yes`, and `appendfsync always` if every acknowledged event
                       must survive

",
    );
    gives(
        &run(&aws, &home, &["deploy", "--dry-run", "-q"]),
        0,
        &plain.stdout,
        "",
    );
}

#[test]
fn missing_permissions_are_named_before_anything_is_written() {
    let (aws, redis) = (Aws::start(), Redis::durable());
    let home = private(&redis);
    aws.deny("iam:PassRole");
    aws.deny("apigateway:PATCH");
    aws.deny("iam:DeleteRole");
    let row = |outcome: &Outcome| {
        let lines = outcome.stdout.lines();
        let rows = lines.skip_while(|line| !line.contains("  permissions  "));
        let rows = rows.take_while(|line| !line.contains("  function  "));
        rows.map(|line| format!("{line}\n")).collect::<String>()
    };
    let outcome = run(&aws, &home, &["preflight"]);
    let denied =
        " ✗  permissions        the credentials do not allow `iam:PassRole`, `apigateway:PATCH`
                       → allow it for `arn:aws:iam::ACCOUNT:user/moto`
";
    assert_eq!((outcome.code, row(&outcome).as_str()), (Some(1), denied));
    assert_eq!(outcome.stderr, "error: preflight failed: permissions\n");
    gives(
        &run(&aws, &home, &["deploy"]),
        1,
        "",
        " ✗  permissions  the credentials do not allow `iam:PassRole`, `apigateway:PATCH`
                 → allow it for `arn:aws:iam::ACCOUNT:user/moto`

error: preflight failed: permissions; use `--no-preflight` to skip these checks
",
    );
    assert_eq!(aws.writes(), [""; 0]);

    aws.reset();
    aws.deny("iam:DeleteRole");
    let outcome = run(&aws, &home, &["preflight"]);
    assert_eq!(
        (outcome.code, row(&outcome).as_str()),
        (
            Some(0),
            " !  permissions        enough for `lamed deploy`, but `lamed destroy` also needs `iam:DeleteRole`
                       → allow it for `arn:aws:iam::ACCOUNT:user/moto` before you run `lamed
                       destroy`
"
        )
    );

    aws.reset();
    aws.deny("iam:SimulatePrincipalPolicy");
    let outcome = run(&aws, &home, &["preflight", "--json"]);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (outcome.code, &document["checks"][3]),
        (
            Some(0),
            &json!({
                "check": "permissions",
                "status": "warning",
                "found": "cannot check the permissions: the AWS credentials do not allow \
                    `iam:SimulatePrincipalPolicy`: allow it in IAM for `arn:aws:iam::ACCOUNT:user/moto` on `*`",
                "remedy": "`lamed deploy` needs iam: CreateRole, GetRole, PassRole, PutRolePolicy, \
                    UpdateAssumeRolePolicy, TagRole; lambda: AddPermission, CreateAlias, CreateFunction, \
                    DeleteFunction, GetAlias, GetFunctionConfiguration, ListVersionsByFunction, \
                    PublishVersion, RemovePermission, UpdateAlias, UpdateFunctionCode, \
                    UpdateFunctionConfiguration, TagResource; logs: CreateLogGroup, PutRetentionPolicy, TagResource; \
                    apigateway: POST, PUT, DELETE, PATCH; ec2: DescribeSecurityGroups, \
                    DescribeSubnets, DescribeVpcs",
            })
        )
    );

    aws.reset();
    aws.deny("lambda:GetFunction");
    gives(
        &run(&aws, &home, &["deploy"]),
        1,
        "",
        " ✗  deployment  the AWS credentials do not allow `lambda:GetFunction`: allow it in IAM for
                `arn:aws:iam::ACCOUNT:user/moto` on `*`

error: preflight failed: deployment; use `--no-preflight` to skip these checks
",
    );
}

#[test]
fn credentials_that_expired_are_one_line() {
    let (aws, redis) = (Aws::start(), Redis::durable());
    let home = private(&redis);
    aws.fault("*", When::From(1), Fault::Expired);
    let expired = "the AWS credentials expired: renew them, for example with `aws sso login`";
    let error = format!("error: {expired}\n");
    gives(&run(&aws, &home, &["deploy"]), 1, "", &error);
    let outcome = run(&aws, &home, &["preflight"]);
    let rows: Vec<&str> = outcome.stdout.lines().skip(1).take(2).collect();
    let account = format!(" ✗  account            {expired}");
    assert_eq!(rows[0], account);
    assert!(rows[1].starts_with(" ✓  function "), "{outcome}");
    assert_eq!(outcome.stderr, "error: preflight failed: account\n");
}

/// What is said of the Redis, and the error.
fn of_redis(aws: &Aws, home: &TempDir) -> (String, String) {
    let outcome = run(aws, home, &["preflight"]);
    let lines = outcome.stdout.lines();
    let rows =
        lines.skip_while(|line| !line.starts_with(" ✓  redis ") && !line.contains("  redis  "));
    let rows: String = rows.map(|line| format!("{line}\n")).collect();
    assert_eq!(
        outcome.code,
        Some(i32::from(!outcome.stderr.is_empty())),
        "{outcome}"
    );
    (rows, outcome.stderr)
}

#[test]
fn a_redis_that_is_of_no_use_is_said_so() {
    let aws = Aws::start();
    let redis = Redis::start(&["--requirepass", "right", "--replicaof", "127.0.0.1", "1"]);
    let port = redis.port;
    let of = |redis: Value, config: &str| of_redis(&aws, &home_of(redis, config));

    // An emulator on this machine reaches what is on this machine.
    let here = json!({"host": "127.0.0.1", "port": port, "password": "wrong"});
    let (rows, error) = of(here.clone(), "{}");
    assert_eq!(
        rows,
        format!(
            " ✓  redis          redis://127.0.0.1:{port}/0 answers
 !  redis address  `127.0.0.1` is this machine, and so is the emulator of AWS
                   → before you deploy to AWS, use a Redis at an address that AWS can reach
 ✓  redis tls      off, at an address that is not public
 ✗  redis auth     redis://127.0.0.1:{port}/0 does not accept this user and password
                   → correct `password`, and `username` if set, under `redis` in the config
"
        )
    );
    assert_eq!(error, "error: preflight failed: redis auth\n");
    let home = home_of(here, "{}");
    let elsewhere = aws
        .line(&home, &["preflight"])
        .env("AWS_ENDPOINT_URL", "http://aws.example")
        .env("HTTP_PROXY", aws.url())
        .run();
    let address = " ✗  redis address  `127.0.0.1` is this machine
                   → use a Redis at an address that AWS can reach
";
    assert!(elsewhere.stdout.contains(address), "{elsewhere}");

    let (rows, error) = of(
        json!({"host": PRIVATE, "port": port, "password": "right"}),
        "{}",
    );
    let rows: Vec<&str> = rows.lines().filter(|line| line.starts_with(" ✗")).collect();
    assert_eq!(
        rows,
        [
            " ✗  redis address      `2130706433` is in a private network, but the functions are not in a VPC",
            " ✗  redis role         a read-only replica of 127.0.0.1:1",
        ]
    );
    assert_eq!(
        error,
        "error: preflight failed: redis address, redis role\n"
    );

    let (rows, error) = of(json!({"unix_socket_path": "/nowhere/redis.sock"}), "{}");
    assert!(rows.ends_with(
        " ✗  redis address  a socket on this machine
                   → use a Redis at an address that AWS can reach
"
    ));
    assert_eq!(error, "error: preflight failed: redis, redis address\n");
}

#[test]
fn a_dead_redis_takes_no_longer_than_its_timeout() {
    let aws = Aws::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let redis = json!({"host": PRIVATE, "port": port, "socket_timeout": 1.5});
    let begin = Instant::now();
    let (rows, error) = of_redis(&aws, &home_of(redis, &format!(r#"{{"vpc": {VPC}}}"#)));
    let took = begin.elapsed();
    assert_eq!(
        (rows.as_str(), error.as_str()),
        (
            format!(
                " !  redis          cannot check from this machine: redis://{PRIVATE}:{port}/0 did not answer within
                   1.5s
                   → make sure that its security group accepts connections from the functions
 ✓  redis address  `{PRIVATE}` is in a private network, and the functions are in a VPC
 ✓  redis tls      off, at an address that is not public
"
            )
            .as_str(),
            ""
        )
    );
    assert!(took < Duration::from_secs(15), "{took:?}");
}
