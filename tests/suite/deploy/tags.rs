//! Tags of log groups: nothing that lists groups tells them, so they are read and written apart.

use super::*;

const READ: &str = "logs:ListTagsForResource";
const WRITTEN: &str = "logs:TagResource";

#[test]
fn log_groups_that_are_there_get_the_tags_too() {
    let site = Site::new();
    // One as Lambda makes it, with a tag of somebody else's.
    let group = json!({"logGroupName": "/aws/lambda/lamed-track", "tags": {"owner": "somebody", "team": "none"}});
    site.aws.call(&json!([["logs", "create_log_group", group]]));
    site.deploy();
    // Whether lamed has only begun to make it.
    assert_eq!(site.count(READ), 1);
    let mut before = site.account();

    site.configure(&with("/aws", json!({"tags": {"team": "growth + co"}})));
    let planned = "  ~  log group   /aws/lambda/lamed-track              tags\n";
    let outcome = site.deploy_line(&["--dry-run"]).run();
    assert!(outcome.stdout.contains(planned), "{outcome}");
    let outcome = site.line(&["status", "--bootstrap", "function.zip"]).run();
    assert!(outcome.stdout.contains(planned), "{outcome}");
    let mut writes = site.writes_of_deploy();
    writes.retain(|action| action.starts_with("logs:"));
    assert_eq!(writes, [WRITTEN; 5]);
    let tagged = site.account();
    assert_eq!(
        of_log_groups(&before, &tagged),
        [
            "log_groups /aws/lambda/lamed-all-experiments tags team: null → \"growth + co\"",
            "log_groups /aws/lambda/lamed-client tags team: null → \"growth + co\"",
            "log_groups /aws/lambda/lamed-delete-experiment tags team: null → \"growth + co\"",
            "log_groups /aws/lambda/lamed-experiment tags team: null → \"growth + co\"",
            "log_groups /aws/lambda/lamed-track tags team: \"none\" → \"growth + co\"",
        ]
    );
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    assert_eq!(site.count(READ), 5);

    // One group more or less, and only that is written.
    before = tagged;
    let arn = format!(
        "arn:aws:logs:eu-west-1:{}:log-group:/aws/lambda/lamed-experiment",
        site.aws.account
    );
    let untag = json!({"resourceArn": arn, "tagKeys": ["team"]});
    site.aws.call(&json!([["logs", "untag_resource", untag]]));
    assert_eq!(site.writes_of_deploy(), [WRITTEN]);
    assert_eq!(changes(&before, &site.account()), [""; 0]);

    // As everywhere, a tag that is no longer named stays.
    site.configure(&config());
    assert_eq!(site.writes_of_deploy(), [""; 0]);
    assert_eq!(site.count(READ), 0);
    assert_eq!(changes(&before, &site.account()), [""; 0]);
}

#[test]
fn a_log_group_is_kept_as_long_as_it_was_until_the_config_says_how_long() {
    let site = Site::new();
    let groups = ["lamed-track", "lamed-client"].map(|function| format!("/aws/lambda/{function}"));
    let create = |name: &String| json!(["logs", "create_log_group", {"logGroupName": name}]);
    let keep = json!(["logs", "put_retention_policy", {"logGroupName": groups[1], "retentionInDays": 120}]);
    let made = json!([create(&groups[0]), create(&groups[1]), keep]);
    site.aws.call(&made);
    let kept = || {
        let account = site.account();
        groups
            .clone()
            .map(|group| account["log_groups"][group]["retention"].clone())
    };
    let before = kept();
    assert_eq!(before, [Value::Null, json!(120)]);
    site.deploy();
    assert_eq!(kept(), before);
    assert_eq!(site.writes_of_deploy(), [""; 0]);

    site.configure(&with("/aws", json!({"log_retention_days": 60})));
    site.aws.reset();
    let outcome = site.deploy_line(&[]).run();
    let question = "Permanently delete the logs in `/aws/lambda/lamed-track` that are older than 60 days, the logs in \
                    `/aws/lambda/lamed-client` that are older than 60 days?";
    assert!(
        outcome.code == Some(2) && outcome.stderr.contains(question),
        "{outcome}"
    );
    assert_eq!(site.aws.writes(), [""; 0]);
    site.deploy();
    assert_eq!(kept(), [json!(60), json!(60)]);
    // Longer takes nothing away.
    site.configure(&with("/aws", json!({"log_retention_days": 90})));
    let outcome = site.deploy_line(&[]).run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(kept(), [json!(90), json!(90)]);
}

#[test]
fn tags_of_log_groups_are_read_only_to_be_compared() {
    let site = Site::new();
    let tags = json!({"tags": {"team": "growth"}});
    let mut wired = with("/aws", tags.clone());
    wired["extra_wiring"] = json!([super::fresh::wiring(
        "extra",
        "lamed.track",
        "collect",
        "POST",
        false
    )]);
    site.configure(&wired);
    site.deploy();
    // There is no group yet.
    assert_eq!(site.count(READ), 0);
    // One that goes with its function is not looked at.
    site.configure(&with("/aws", tags));
    site.deploy_line(&["--dry-run"]).run();
    assert_eq!(site.count(READ), 5);
    for arguments in [&["rollback", "--yes"][..], &["destroy", "--yes"]] {
        site.aws.reset();
        site.line(arguments).run();
        assert_ne!(site.count("logs:DescribeLogGroups"), 0);
        assert_eq!(site.count(READ), 0, "{arguments:?}");
    }
}

#[test]
fn what_tagging_a_log_group_takes_is_named() {
    let site = Site::new();
    site.deploy();
    site.configure(&with("/aws", json!({"tags": {"team": "growth"}})));
    for permission in [READ, WRITTEN] {
        site.aws.reset();
        site.aws.deny(permission);
        let outcome = site.deploy_line(&["--yes"]).run();
        let named =
            format!("error: the AWS credentials do not allow `{permission}`: allow it in IAM for ");
        let last = outcome.stderr.lines().last().unwrap();
        assert!(
            outcome.code == Some(1) && last.starts_with(&named),
            "{outcome}"
        );
    }
    site.aws.reset();
    site.deploy();
    assert_eq!(site.writes_of_deploy(), [""; 0]);
}

/// What of the log groups differs.
fn of_log_groups(before: &Value, after: &Value) -> Vec<String> {
    let mut changes = changes(before, after);
    changes.retain(|change| change.starts_with("log_groups "));
    changes
}

impl Site {
    /// How often this was called since the last reset.
    fn count(&self, action: &str) -> usize {
        let calls = self.aws.calls();
        calls.iter().filter(|call| call.action == action).count()
    }
}
