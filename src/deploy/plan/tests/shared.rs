//! What a deployment shares with other regions, other people and its own past: roles, log groups, marks.

use super::*;

#[test]
fn log_groups_of_others_are_kept_as_long_as_they_were() {
    let retention = |there: Option<u32>, mark: Option<&str>, wanted: Option<u32>| {
        let mut observed = deployed(&wants());
        observed.functions.clear();
        let group = observed.log_groups.get_mut("track").unwrap();
        group.retention = there;
        group
            .tags
            .extend(mark.map(|name| (MARK.to_owned(), name.to_owned())));
        let desired = Desired {
            retention: wanted,
            ..wants()
        };
        let plan = deploy(&desired, &observed, &account());
        let mut changes = plan.changes.iter();
        changes
            .find(|change| change.resource == "log group")
            .map(|change| (change.details.join(", "), change.destructive))
    };
    let keeps = |text: &str, destructive| Some((format!("keeps logs {text}"), destructive));
    assert_eq!(retention(None, None, None), None);
    assert_eq!(retention(Some(7), None, None), None);
    assert_eq!(retention(None, Some("shop"), None), None);
    // Lamed had begun to make it.
    assert_eq!(
        retention(None, Some("lamed"), None),
        keeps("forever → 30 days", false)
    );
    assert_eq!(
        retention(None, None, Some(90)),
        keeps("forever → 90 days", true)
    );
    assert_eq!(
        retention(Some(120), None, Some(90)),
        keeps("120 days → 90 days", true)
    );
    assert_eq!(
        retention(Some(7), None, Some(90)),
        keeps("7 days → 90 days", false)
    );
}

/// What a policy of an earlier build says for a region.
fn legacy(region: &str) -> serde_json::Value {
    let account = Account {
        region: region.to_owned(),
        ..account()
    };
    wants().policy(&account, false)
}

#[test]
fn each_region_has_its_own_policy_in_the_role() {
    let with = |policies: Vec<(&str, serde_json::Value)>| {
        let mut there = deployed(&wants());
        let role = there.role.as_mut().unwrap();
        role.policies = (policies.into_iter())
            .map(|(name, policy)| (name.to_owned(), policy))
            .collect();
        role.elsewhere.regions = role.registered("lamed");
        role.elsewhere.regions.remove("eu-west-1");
        there
    };
    let own = || ("lamed-eu-west-1", legacy("eu-west-1"));
    let added = "+ role policy lamed-eu-west-1: can write its own logs";
    // The one of another region, as this build and as an earlier one left it.
    for policy in ["lamed-us-east-1", "lamed"] {
        let other = || (policy, legacy("us-east-1"));
        assert_eq!(changes(&with(vec![own(), other()])), [""; 0], "{policy}");
        assert_eq!(changes(&with(vec![other()])), [added], "{policy}");
        let plan = destroy(
            &with(vec![own(), other()]),
            "lamed",
            "prod",
            "eu-west-1",
            false,
        );
        let mut lines = lines(&plan);
        lines.retain(|line| line.contains(" role"));
        assert_eq!(lines, ["- role policy lamed-eu-west-1: "], "{policy}");
        assert_eq!(
            plan.kept,
            ["role `lamed` stays: functions in us-east-1 use it"]
        );
    }
    // Its own, as an earlier build left it.
    assert_eq!(
        changes(&with(vec![("lamed", legacy("eu-west-1"))])),
        [added, "- role policy lamed: `lamed-eu-west-1` replaces it"]
    );
    let mut alone = with(vec![own(), ("lamed", legacy("eu-west-1"))]);
    let removes_role = |there: &Observed| {
        let plan = destroy(there, "lamed", "prod", "eu-west-1", false);
        (
            lines(&plan).contains(&"- role lamed: ".to_owned()),
            plan.kept,
        )
    };
    assert_eq!(removes_role(&alone), (true, vec![]));
    let elsewhere = &mut alone.role.as_mut().unwrap().elsewhere;
    elsewhere.unknown.insert("ap-east-1".to_owned());
    let kept = "role `lamed` stays: lamed cannot see whether functions in ap-east-1 use it; delete it in IAM if they \
                do not";
    assert_eq!(removes_role(&alone), (false, vec![kept.to_owned()]));
}

#[test]
fn the_rights_of_python_lamed_stay_while_another_region_needs_them() {
    let mut there = deployed(&wants());
    let role = there.role.as_mut().unwrap();
    let wide =
        serde_json::json!({"Statement": [{"Action": ["logs:PutLogEvents"], "Resource": "*"}]});
    role.policies.insert("lamed".to_owned(), wide);
    role.trust = serde_json::json!({"Principal": {"Service": "apigateway.amazonaws.com"}});
    let plan = |there: &Observed| deploy(&wants(), there, &account());
    let narrowed = [
        "- role policy lamed: `lamed-eu-west-1` replaces it",
        "~ role lamed: can only be assumed by Lambda",
    ];
    assert_eq!(lines(&plan(&there)), narrowed);
    let elsewhere = &mut there.role.as_mut().unwrap().elsewhere;
    elsewhere.regions.insert("us-east-1".to_owned());
    assert_eq!(lines(&plan(&there)), narrowed);
    let elsewhere = &mut there.role.as_mut().unwrap().elsewhere;
    elsewhere.python.insert("us-east-1".to_owned());
    let kept = "role `lamed` keeps the rights that Python lamed gave it: Python lamed in us-east-1 needs them";
    let plan = plan(&there);
    assert_eq!((lines(&plan), plan.kept), (vec![], vec![kept.to_owned()]));
}

#[test]
fn what_lamed_did_not_make_is_named_and_never_removed() {
    let mut there = deployed(&wants());
    there.role.as_mut().unwrap().ours = false;
    there.functions.get_mut("track").unwrap().ours = false;
    let plan = deploy(&wants(), &there, &account());
    assert_eq!(plan.foreign, ["role `lamed`", "function `track`"]);
    let plan = destroy(&there, "lamed", "prod", "eu-west-1", false);
    let mut lines = lines(&plan);
    lines.retain(|line| !line.contains("plan ") && !line.contains("API "));
    assert_eq!(lines, [""; 0]);
    assert_eq!(
        plan.kept,
        [
            "function `track` stays: lamed did not make it",
            "role `lamed` stays: lamed did not make it",
        ]
    );
}

#[test]
fn a_role_that_was_made_again_is_given_to_every_function() {
    let given = [
        "~ function track: given the new role",
        "+ version track: lamed 1.0.0, release 2",
        "~ alias track:live: 1 → new version",
    ];
    // It is gone.
    let mut there = deployed(&wants());
    there.role = None;
    let role = [
        "+ role lamed: can be assumed by Lambda",
        "+ role policy lamed-eu-west-1: can write its own logs",
    ];
    assert_eq!(changes(&there), [&role[..], &given].concat());
    // Somebody made it, or a deploy that then died.
    let mut there = deployed(&wants());
    there.role.as_mut().unwrap().created = MADE + 1;
    assert_eq!(changes(&there), given);
    let track = there.functions.get_mut("track").unwrap();
    track.latest.modified = Some(MADE + 1);
    assert_eq!(changes(&there), given[1..]);
}

#[test]
fn a_function_that_failed_before_its_first_version_is_made_anew() {
    let mut there = deployed(&wants());
    let track = there.functions.get_mut("track").unwrap();
    track.failed = Some("the subnet is full".to_owned());
    // It has a version that may be live.
    assert_eq!(changes(&there), [""; 0]);
    let track = there.functions.get_mut("track").unwrap();
    track.versions.clear();
    track.aliases.clear();
    track.permissions.clear();
    assert_eq!(
        changes(&there),
        [
            "- function track: it failed: the subnet is full",
            "+ function track: provided.al2023, arm64, lamed.track, 128 MB, 10 s",
            "+ version track: lamed 1.0.0, release 1",
            "+ alias track:live: → new version",
            "+ permission track: for GET /track",
        ]
    );
}
