//! What AWS would refuse is refused before.

use super::*;

fn refused(section: &str) -> String {
    let parsed = serde_json::from_str::<Aws>(section);
    let error = parsed.expect_err(section).to_string();
    error.split(" at line").next().unwrap().to_owned()
}

#[test]
fn a_vpc_needs_both_lists_or_none() {
    for section in [
        r#"{"vpc": {"subnet_ids": [], "security_group_ids": []}}"#,
        r#"{"vpc": {"subnet_ids": []}}"#,
        r#"{"vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}}"#,
        r#"{"vpc": null}"#,
    ] {
        serde_json::from_str::<Aws>(section).expect(section);
    }
    assert_eq!(
        refused(r#"{"vpc": {"subnet_ids": ["subnet-1"]}}"#),
        "`vpc` has `subnet_ids` but no `security_group_ids`: a VPC needs both lists"
    );
    assert_eq!(
        refused(r#"{"vpc": {"security_group_ids": ["sg-1"], "subnet_ids": []}}"#),
        "`vpc` has `security_group_ids` but no `subnet_ids`: a VPC needs both lists"
    );
}

#[test]
fn a_role_and_a_boundary_are_arns() {
    for section in [
        r#"{"role": null, "permissions_boundary": null}"#,
        r#"{"role": "arn:aws-cn:iam::123456789012:role/team/functions"}"#,
        r#"{"permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}"#,
        r#"{"permissions_boundary": "arn:aws:iam::123456789012:policy/limit"}"#,
    ] {
        serde_json::from_str::<Aws>(section).expect(section);
    }
    assert_eq!(
        refused(r#"{"role": "functions"}"#),
        "`functions` is not the ARN of a role: expected one such as `arn:aws:iam::123456789012:role/NAME`"
    );
    for arn in [
        "arn:aws:iam::123456789012:role/x",
        "arn:aws:iam::1:policy/x",
        "arn:aws:s3::123456789012:policy/x",
    ] {
        let section = json!({"permissions_boundary": arn}).to_string();
        assert!(
            refused(&section).contains("is not the ARN of a policy"),
            "{arn}"
        );
    }
}

#[test]
fn tags_that_aws_refuses_are_refused_before() {
    serde_json::from_str::<Aws>(r#"{"tags": {"größe:a/b": "x + y @ z", "empty": ""}}"#).unwrap();
    let of = |key: &str, value: &str| refused(&json!({"tags": {key: value}}).to_string());
    assert_eq!(
        of("AWS:x", "y"),
        "the tag `AWS:x` cannot be set: keys that begin with `aws:` are for AWS"
    );
    assert_eq!(
        of("lamed:deployment", "y"),
        "the tag `lamed:deployment` cannot be set: keys that begin with `lamed:` are for lamed"
    );
    assert_eq!(
        of("team", "growth & co"),
        "the value of the tag `team` contains '&': AWS allows letters, digits, spaces and `_ . : / = + - @`"
    );
    assert_eq!(
        of("", "x"),
        "the key of the tag `` has 0 characters: AWS allows 1–128"
    );
    assert_eq!(
        of("team", &"ä".repeat(257)),
        "the value of the tag `team` has 257 characters: AWS allows 0–256"
    );
    assert_eq!(
        refused(r#"{"tags": {"Team": "a", "team": "b"}}"#),
        "the tag `team` is there twice: AWS ignores the case of keys"
    );
    let many: BTreeMap<String, String> =
        (0..50).map(|n| (format!("t{n}"), String::new())).collect();
    assert_eq!(
        refused(&json!({"tags": many}).to_string()),
        "50 tags are too many: use at most 49"
    );
}
