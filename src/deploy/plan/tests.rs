//! Plans of small accounts. What AWS makes of them is tried in `tests/suite/deploy`.

mod accounts;
mod shared;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{ChangeKind, Group, Plan, Release, deploy, destroy, mapped, rollback};
use crate::deploy::Account;
use crate::deploy::desired::{self, Code, Desired, LIVE, MARK, RUNTIME, Variable, Vpc};
use crate::deploy::observed::{
    ApiKey, Configuration, Elsewhere, Integration, LogGroup, Observed, ObservedFunction,
    ObservedMethod, Permission, Resource, RestApi, Role, Spares, Stage, UsagePlan, Version,
};
use crate::domain::Secret;
use accounts::*;

/// A line a change: `~ function track: 128 MB → 256 MB`.
fn lines(plan: &Plan) -> Vec<String> {
    let line = |change: &super::Change| {
        let sign = match change.change {
            ChangeKind::Create => '+',
            ChangeKind::Update => '~',
            ChangeKind::Delete => '-',
        };
        let details = change.details.join(", ");
        format!("{sign} {} {}: {details}", change.resource, change.name)
    };
    plan.changes.iter().map(line).collect()
}

fn changes(observed: &Observed) -> Vec<String> {
    lines(&deploy(&wants(), observed, &account()))
}

#[test]
fn what_is_as_it_should_be_needs_no_plan() {
    assert_eq!(changes(&deployed(&wants())), [""; 0]);
}

#[test]
fn a_changed_function_is_published_before_live_moves() {
    let mut there = deployed(&wants());
    let track = there.functions.get_mut("track").unwrap();
    track.latest.memory_mb = 256;
    track
        .latest
        .environment
        .insert("SETTINGS".to_owned(), Secret::new("old"));
    track
        .latest
        .environment
        .insert("MINE".to_owned(), Secret::new("mine"));
    let plan = deploy(&wants(), &there, &account());
    assert_eq!(
        lines(&plan),
        [
            "~ function track: 256 MB → 128 MB, SETTINGS changed",
            "+ version track: lamed 1.0.0, release 2",
            "~ alias track:live: 1 → new version",
        ]
    );
    // What the user set survives, and nothing secret shows.
    let step = format!("{:?}", plan.changes[0]);
    assert!(
        step.contains("MINE") && !step.contains("mine") && !step.contains("new\""),
        "{step}"
    );
}

#[test]
fn what_an_interrupted_deploy_left_is_finished_and_not_done_again() {
    let mut there = deployed(&wants());
    let track = there.functions.get_mut("track").unwrap();
    let old = Configuration {
        memory_mb: 256,
        ..track.latest.clone()
    };
    // Changed, and not published.
    track.versions[0].configuration = old;
    assert_eq!(
        changes(&there),
        [
            "+ version track: lamed 1.0.0, release 2",
            "~ alias track:live: 1 → new version"
        ]
    );
    // Published, and not live; a rollback looks the same.
    let track = there.functions.get_mut("track").unwrap();
    let latest = track.latest.clone();
    track
        .versions
        .push(version(2, "lamed 1.0.0, release 2", &latest));
    assert_eq!(changes(&there), ["~ alias track:live: 1 → 2"]);
    // Live for the first time, never allowed, never deployed.
    let track = there.functions.get_mut("track").unwrap();
    track.aliases.clear();
    track.permissions.clear();
    there.api.as_mut().unwrap().stage = None;
    assert_eq!(
        changes(&there),
        [
            "+ alias track:live: → 2",
            "+ permission track: for GET /track",
            "+ stage prod: new deployment",
        ]
    );
}

#[test]
fn what_an_interrupted_deploy_has_not_published_belongs_to_its_release() {
    let mut desired = wants();
    desired.functions.push(wanted("other"));
    let mut there = deployed(&desired);
    for (name, published) in [("track", true), ("other", false)] {
        let function = there.functions.get_mut(name).unwrap();
        let latest = function.latest.clone();
        function.versions[0].configuration.memory_mb = 256;
        if published {
            (function.versions).push(version(2, "lamed 1.0.0, release 2", &latest));
        }
    }
    let of_functions = |there: &Observed| -> Vec<String> {
        let mut lines = lines(&deploy(&desired, there, &account()));
        lines.retain(|line| line.contains("version ") || line.contains("alias "));
        lines
    };
    assert_eq!(
        of_functions(&there),
        [
            "~ alias track:live: 1 → 2",
            "+ version other: lamed 1.0.0, release 2",
            "~ alias other:live: 1 → new version",
        ]
    );
    // All of it was published and live, and then one changed: that is another release.
    let other = there.functions.get_mut("other").unwrap();
    let changed = Configuration {
        memory_mb: 512,
        ..other.latest.clone()
    };
    other
        .versions
        .push(version(2, "lamed 1.0.0, release 2", &changed));
    for function in there.functions.values_mut() {
        function.aliases.insert(LIVE.to_owned(), 2);
    }
    assert_eq!(
        of_functions(&there),
        [
            "+ version other: lamed 1.0.0, release 3",
            "~ alias other:live: 2 → new version",
        ]
    );
}

#[test]
fn an_api_that_was_made_anew_may_call_and_the_old_one_no_longer() {
    let mut there = deployed(&wants());
    there.api.as_mut().unwrap().id = "api2".to_owned();
    assert_eq!(
        changes(&there),
        [
            "- permission track: lamed-GET-track",
            "+ permission track: for GET /track",
            "~ usage plan lamed: add stage prod",
        ]
    );
}

#[test]
fn compression_that_somebody_switched_off_comes_back_with_a_new_deployment() {
    let observed = |compressed_from| {
        let mut observed = deployed(&wants());
        observed.api.as_mut().unwrap().compressed_from = compressed_from;
        changes(&observed)
    };
    assert_eq!(observed(Some(1024)), [""; 0]);
    for (there, from) in [
        (None, "no compression"),
        (Some(0), "compression from 0 bytes"),
    ] {
        assert_eq!(
            observed(there),
            [
                format!("~ REST API lamed: {from} → compression from 1,024 bytes"),
                "~ stage prod: new deployment".to_owned(),
            ]
        );
    }
}

#[test]
fn the_role_is_widened_first_and_narrowed_last_and_new_functions_join_the_vpc() {
    let mut there = deployed(&wants());
    let vpc = Vpc {
        subnets: ["subnet-1".to_owned()].into(),
        security_groups: ["sg-1".to_owned()].into(),
    };
    let track = there.functions.get_mut("track").unwrap();
    track.latest.vpc = vpc.clone();
    track.versions[0].configuration.vpc = vpc;
    let policy = serde_json::json!({"Statement": [{"Action": "lambda:InvokeFunction"}]});
    there
        .role
        .as_mut()
        .unwrap()
        .policies
        .insert("lamed-eu-west-1".to_owned(), policy);
    let mut wants = wants();
    wants.functions.push(wanted("new"));
    let plan = deploy(&wants, &there, &account());
    assert_eq!(
        lines(&plan),
        [
            "~ role policy lamed-eu-west-1: can use the VPC",
            "+ log group /aws/lambda/new: keeps logs for 30 days",
            "+ function new: provided.al2023, arm64, lamed.new, 128 MB, 10 s, in the VPC: subnet-1 sg-1",
            "+ version new: lamed 1.0.0, release 2",
            "+ alias new:live: → new version",
            "~ role policy lamed-eu-west-1: can only write its own logs and use the VPC",
        ]
    );
    let (first, last) = (
        format!("{:?}", plan.changes[0].step),
        format!("{:?}", plan.changes[5].step),
    );
    assert!(first.contains("InvokeFunction") && !last.contains("InvokeFunction"));
    assert!(first.contains("CreateNetworkInterface") && last.contains("CreateNetworkInterface"));
}

#[test]
fn five_versions_are_kept_and_those_that_an_alias_uses() {
    let mut there = deployed(&wants());
    let track = there.functions.get_mut("track").unwrap();
    let latest = track.latest.clone();
    for number in 2..=8 {
        track
            .versions
            .push(version(number, "lamed 1.0.0, release 1", &latest));
    }
    track.aliases = [(LIVE.to_owned(), 8), ("canary".to_owned(), 2)].into();
    assert_eq!(
        changes(&there),
        ["- version track:1: ", "- version track:3: "]
    );
}

#[test]
fn of_versions_that_differ_only_in_their_experiments_the_newest_is_kept() {
    let mut there = deployed(&wants());
    let track = there.functions.get_mut("track").unwrap();
    let latest = track.latest.clone();
    let with = |experiments: &str| Configuration {
        code_sha256: experiments.to_owned(),
        ..latest.clone()
    };
    let old_settings = Configuration {
        environment: [("SETTINGS".to_owned(), Secret::new("old"))].into(),
        ..with("a")
    };
    track.versions = vec![
        version(1, "lamed 1.0.0, release 1, code first", &with("a")),
        version(2, "lamed 1.0.0, release 2, code first", &with("b")),
        version(3, "lamed 1.0.0, release 3, code second", &old_settings),
        version(4, "lamed 1.0.0, release 4, code second", &with("c")),
        version(5, "lamed 1.0.0, release 5, code second", &latest),
    ];
    track.aliases = [(LIVE.to_owned(), 5)].into();
    assert_eq!(
        changes(&there),
        ["- version track:1: ", "- version track:4: "]
    );
    // One that is about to be published is the newest.
    let code = wants().code.id().to_owned();
    let track = there.functions.get_mut("track").unwrap();
    let before = format!("lamed 1.0.0, release 1, code {code}");
    track.versions = vec![version(1, &before, &with("a"))];
    track.aliases = [(LIVE.to_owned(), 1)].into();
    assert_eq!(
        changes(&there),
        [
            "+ version track: lamed 1.0.0, release 2",
            "~ alias track:live: 1 → new version",
            "- version track:1: ",
        ]
    );
}

#[test]
fn a_rollback_takes_all_functions_to_what_was_live_then() {
    let mut there = deployed(&wants());
    let native = there.functions["track"].latest.clone();
    let track = there.functions.get_mut("track").unwrap();
    track.versions = vec![
        version(7, "", &python()),
        version(8, "lamed 1.0.0, release 1", &native),
        version(9, "lamed 1.0.0, release 2", &native),
        version(10, "lamed 1.1.0, release 4", &native),
    ];
    track.aliases.insert(LIVE.to_owned(), 10);
    let mut other = track.clone();
    // Unchanged since release 2; another came with release 4.
    other.versions = vec![version(3, "lamed 1.0.0, release 2", &native)];
    other.aliases.insert(LIVE.to_owned(), 3);
    let mut newcomer = other.clone();
    newcomer.versions = vec![version(1, "lamed 1.1.0, release 4", &native)];
    newcomer.aliases.insert(LIVE.to_owned(), 1);
    there.functions.insert("other".to_owned(), other);
    there.functions.insert("newcomer".to_owned(), newcomer);

    let to = |release| rollback(&there, release).map(|(to, plan)| (to.0, lines(&plan)));
    let line = |to: u64| vec![format!("~ alias track:live: 10 → {to}")];
    assert_eq!(to(None).unwrap(), (2, line(9)));
    assert_eq!(to(Some(1)).unwrap(), (1, line(8)));
    assert_eq!(to(Some(4)).unwrap(), (4, vec![]));
    assert_eq!(
        to(Some(3)).unwrap_err().to_string(),
        "release 3 not found: expected one of 4, 2, 1"
    );
    // The second one goes further back, although the newcomer cannot.
    let stays = "function `newcomer` stays at version 1: it has no version of release 2 or older";
    let (_, plan) = rollback(&there, None).unwrap();
    assert_eq!(plan.kept[0], stays);
    let live = |there: &mut Observed, number| {
        let track = there.functions.get_mut("track").unwrap();
        track.aliases.insert(LIVE.to_owned(), number);
        Release::live(there).map(|release| release.0)
    };
    assert_eq!(live(&mut there, 10), Some(4));
    assert_eq!(live(&mut there, 9), Some(2));
    let further = rollback(&there, None).map(|(to, plan)| (to.0, lines(&plan)));
    let line = "~ alias track:live: 9 → 8".to_owned();
    assert_eq!(further.unwrap(), (1, vec![line]));
    // Settings of another store would come back.
    let mut before = native.clone();
    before.environment.clear();
    let track = there.functions.get_mut("track").unwrap();
    track.versions[1] = version(8, "lamed 1.0.0, release 1", &before);
    let (_, plan) = rollback(&there, None).unwrap();
    let said = "the settings of that release come back, too, among them the store: `track`";
    assert!(plan.kept.iter().any(|kept| kept == said), "{:?}", plan.kept);
    there.functions.retain(|name, _| name == "track");
    there
        .functions
        .get_mut("track")
        .unwrap()
        .aliases
        .insert(LIVE.to_owned(), 8);
    assert_eq!(
        rollback(&there, None).unwrap_err().to_string(),
        "cannot roll back: no release older than the live release 1 is available; the versions of Python \
         lamed cannot answer the requests that API Gateway sends now"
    );
}

#[test]
fn what_the_old_stage_calls_goes_after_it() {
    let name = || "track".to_owned();
    for (group, waits) in [
        (Group::Removal(name()), true),
        (Group::Narrowing, true),
        (Group::Spares, true),
        (Group::Permission(name()), false),
        (Group::Deployment, false),
    ] {
        assert_eq!(group.outlasts_old_stage(), waits, "{group:?}");
        assert!(
            !waits || group.needs(&Group::Deployment) && !Group::Deployment.needs(&group),
            "{group:?}"
        );
    }
}
