//! What AWS repeats of what it was sent is not said again.

use super::*;
use crate::support::aws::{Fault, When};

/// As AWS repeats the variables of a function.
const MEASURED: &str = "Lambda was unable to configure your environment variables because the environment variables \
                        you have provided exceeded the 4KB limit. String measured: {\"LAMED_SETTINGS\":\"{\\\"password\\\":\\\"of \
                        the test\\\"}\",\"MINE\":\"also hidden\"}";

#[test]
fn what_aws_repeats_of_the_environment_is_not_said() {
    for (action, said, shown) in [
        (
            "lambda:CreateFunction",
            MEASURED,
            "exceeded the 4KB limit. String measured: … (InvalidParameterValueException)",
        ),
        (
            "lambda:CreateFunction",
            "I do not like of the test",
            "I do not like *** (InvalidParameterValueException)",
        ),
        (
            "iam:CreateRole",
            "nor do I like of the test",
            "nor do I like *** (InvalidParameterValueException)",
        ),
    ] {
        for format in ["text", "json"] {
            let site = Site::new();
            let fault = Fault::Refused(400, "InvalidParameterValueException", said);
            site.aws.fault(action, When::From(1), fault);
            let outcome = site
                .deploy_line(&["--yes", "-vv", "--log-format", format])
                .run();
            assert_eq!(outcome.code, Some(1), "{outcome}");
            let all = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(all.contains(shown), "{outcome}");
            for secret in ["of the test", "also hidden"] {
                assert!(!all.contains(secret), "{outcome}");
            }
        }
    }
}

#[test]
fn variables_of_the_users_count_before_anything_is_written() {
    let site = Site::new();
    site.deploy();
    let environment = &site.aws.state()["functions"]["lamed-track"]["Environment"];
    let settings = environment["LAMED_SETTINGS"].as_str().unwrap().to_owned();
    let room = 4096 - "LAMED_SETTINGS".len() - settings.len() - "MINE".len();
    let longer = with("/redis/password", "of the tests");
    for (mine, fits) in [(room - 1, true), (room, false)] {
        let variables = json!({"LAMED_SETTINGS": settings, "MINE": "x".repeat(mine)});
        site.aws
            .call(&json!([["lambda", "update_function_configuration", {
                "FunctionName": "lamed-track", "Environment": {"Variables": variables},
            }]]));
        site.aws.reset();
        // One byte more than before.
        site.configure(&longer);
        let outcome = site.deploy_line(&["--yes"]).run();
        if fits {
            assert_eq!(outcome.code, Some(0), "{outcome}");
            continue;
        }
        let said = "error: the environment variables of `lamed-track` need 4097 bytes, but Lambda allows 4096: remove \
                    variables that you set on the function, or make them shorter\n";
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), said));
        assert_eq!(site.aws.writes(), [""; 0]);
    }
}

/// That it is so of every line that the helpers of the tests run, they see to themselves.
#[test]
fn no_command_tells_a_secret_however_much_it_is_to_tell() {
    for door in ["rest_api", "function_url"] {
        for format in ["text", "json"] {
            let site = Site::new();
            site.configure(&with("/aws", json!({"front_door": door})));
            let commands = [
                &["preflight", "--bootstrap", "function.zip"][..],
                &[&DEPLOY[..], &["--yes"]].concat(),
                &[&DEPLOY[..], &["--yes", "--json"]].concat(),
                &[&DEPLOY[..], &["--dry-run"]].concat(),
                &["status", "--bootstrap", "function.zip"],
                &["status", "--json", "--bootstrap", "function.zip"],
                &["snippet"],
                &["results"],
                &["logs"],
                &["rollback", "--yes"],
                &["destroy", "--yes"],
            ];
            let mut logged = 0;
            for command in commands {
                let line = [command, &["-vv", "--log-format", format]].concat();
                let outcome = site.line(&line).run();
                logged += outcome.stderr.lines().count();
            }
            assert!(logged > 100, "{logged}");
        }
    }
}
