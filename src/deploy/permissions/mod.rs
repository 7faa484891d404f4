//! What the caller has to be allowed to do, and whether it is.

mod actions;
mod policy;

use std::collections::BTreeMap;

use aws_sdk_iam::types::builders::ContextEntryBuilder;
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType,
};

pub use actions::needed;
use actions::{Action, Need, On, asked};
pub use policy::policy;

use super::account::Account;
use super::aws::{Aws, AwsError, ErrorKind};
use super::concurrently;
use super::desired::Doors;

/// What a deployment is to do, as far as permissions depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The name of the role.
    pub deployment: &'a str,
    pub functions: &'a [&'a str],
    pub stage: &'a str,
    /// The API's id, where it is known.
    pub api: Option<&'a str>,
    pub doors: Doors,
    /// The table of the counts.
    pub table: Option<&'a str>,
    /// The ARN of a role that somebody else looks after.
    pub role: Option<&'a str>,
    /// Whether the config limits the deployment's own role.
    pub boundary: bool,
    pub vpc: bool,
}

/// What the caller's policies say. Each is a list of actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Not allowed, and `deploy` needs it.
    pub denied: Vec<&'static str>,
    /// Not allowed, and only needed to remove something.
    pub no_removal: Vec<&'static str>,
    /// It depends on a condition that only AWS can judge when the time comes.
    pub unclear: Vec<&'static str>,
}

impl Permissions {
    /// Whether an answer about API Gateway could be another one with the id of the API.
    #[must_use]
    pub fn depend_on_api(&self) -> bool {
        let all = self.denied.iter().chain(&self.unclear);
        all.into_iter()
            .any(|action| action.starts_with("apigateway:"))
    }

    /// Leaves out what is not needed.
    pub fn retain(&mut self, needed: &[&str]) {
        self.denied.retain(|action| needed.contains(action));
        self.unclear.retain(|action| needed.contains(action));
    }

    fn add(&mut self, need: Need, action: &'static str, verdict: Verdict) {
        match (verdict, need) {
            (Verdict::Allowed, _) => {}
            (_, Need::Removal) => self.no_removal.push(action),
            (Verdict::Denied, _) => self.denied.push(action),
            (Verdict::Unclear, _) => self.unclear.push(action),
        }
    }
}

/// Asks IAM what the caller's policies allow.
///
/// # Errors
/// When the caller may not ask that, or is none whose policies can be simulated.
pub async fn permissions(aws: &Aws, scope: Scope<'_>) -> Result<Permissions, AwsError> {
    let account = aws.account().await?;
    let principal = match Principal::of(&account.caller) {
        Principal::Root => return Ok(Permissions::default()),
        Principal::User => account.caller.clone(),
        Principal::Role(name) => account.role(name),
        Principal::Other => {
            return Err(AwsError::new(format!(
                "cannot simulate the policies of `{}`",
                account.caller
            )));
        }
    };
    match (
        simulate(aws, account, &principal, scope).await,
        Principal::of(&account.caller),
    ) {
        // A role with a path, as AWS IAM Identity Center makes them: the caller's ARN leaves it out.
        (Err(error), Principal::Role(name)) if error.kind == ErrorKind::NotFound => {
            let get = async || aws.iam.get_role().role_name(name).send().await;
            let role = aws.call("iam:GetRole", get).await?.role;
            let arn = role.map(|role| role.arn).ok_or(error)?;
            simulate(aws, account, &arn, scope).await
        }
        (answer, _) => answer,
    }
}

/// Who calls.
///
/// Source: "IAM identifiers" and `GetCallerIdentity`, AWS documentation.
#[derive(Debug, PartialEq, Eq)]
enum Principal<'a> {
    /// May do all, and cannot be simulated.
    Root,
    User,
    /// The name of the role that was assumed.
    Role(&'a str),
    Other,
}

impl<'a> Principal<'a> {
    fn of(arn: &'a str) -> Self {
        let what = arn.splitn(6, ':').nth(5).unwrap_or_default();
        match what.split_once('/') {
            None if what == "root" => Self::Root,
            Some(("user", _)) => Self::User,
            Some(("assumed-role", session)) => {
                Self::Role(session.split('/').next().unwrap_or_default())
            }
            _ => Self::Other,
        }
    }
}

async fn simulate(
    aws: &Aws,
    account: &Account,
    principal: &str,
    scope: Scope<'_>,
) -> Result<Permissions, AwsError> {
    let mut questions: BTreeMap<On, Vec<&Action>> = BTreeMap::new();
    for action in asked(scope) {
        questions.entry(action.on).or_default().push(action);
    }
    let questions: Vec<(On, Vec<&Action>)> = questions.into_iter().collect();
    let answers = concurrently(&questions, async |(on, actions)| {
        let names: Vec<String> = actions
            .iter()
            .map(|action| action.name.to_owned())
            .collect();
        let resources = resources(*on, account, scope);
        aws.ask("iam:SimulatePrincipalPolicy", async || {
            let simulate = aws.iam.simulate_principal_policy();
            let simulate = simulate
                .policy_source_arn(principal)
                .set_action_names(Some(names.clone()))
                .set_resource_arns(Some(resources.clone()))
                .set_context_entries(Some(context(account)));
            let pages = simulate.into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await
        })
        .await
    });
    let results: Vec<EvaluationResult> = answers.await?.concat();
    let mut permissions = Permissions::default();
    for action in asked(scope) {
        let result = results
            .iter()
            .find(|result| result.eval_action_name == action.name);
        permissions.add(
            action.need,
            action.name,
            result.map_or(Verdict::Unclear, Verdict::of),
        );
    }
    Ok(permissions)
}

/// What conditions may ask for, as it will be when deploying.
fn context(account: &Account) -> Vec<ContextEntry> {
    let entry = |key: &str, value: &str| {
        let entry: ContextEntryBuilder = ContextEntry::builder();
        let entry = entry.context_key_name(key).context_key_values(value);
        entry.context_key_type(ContextKeyTypeEnum::String).build()
    };
    vec![
        entry("aws:RequestedRegion", &account.region),
        entry("iam:PassedToService", "lambda.amazonaws.com"),
    ]
}

fn resources(on: On, account: &Account, scope: Scope<'_>) -> Vec<String> {
    let functions = scope.functions.iter();
    match on {
        On::Role => vec![
            scope
                .role
                .map_or_else(|| account.role(scope.deployment), str::to_owned),
        ],
        On::Functions => functions.map(|name| account.function(name)).collect(),
        On::Table => vec![account.table(scope.table.unwrap_or_default())],
        On::LogGroups => functions
            // So AWS names a group in its refusals.
            .map(|name| format!("{}:log-stream:", account.log_group(name)))
            .collect(),
        On::TaggedLogGroups => functions.map(|name| account.log_group(name)).collect(),
        On::Gateway(paths) => (paths.iter())
            .map(|path| {
                let path = path.replace("{api}", scope.api.unwrap_or("any"));
                account.gateway(&path.replace("{stage}", scope.stage))
            })
            .collect(),
        On::Anything => vec!["*".to_owned()],
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Denied,
    Unclear,
}

impl Verdict {
    /// Of all resources asked about, the most restrictive: so AWS sums them up.
    ///
    /// Source: `EvaluationResult`, IAM API reference.
    fn of(result: &EvaluationResult) -> Self {
        let of_resources = result.resource_specific_results();
        let unknown = of_resources
            .iter()
            .flat_map(|result| result.missing_context_values());
        match result.eval_decision {
            PolicyEvaluationDecisionType::Allowed => Self::Allowed,
            _ if result
                .missing_context_values()
                .iter()
                .chain(unknown)
                .next()
                .is_some() =>
            {
                Self::Unclear
            }
            _ => Self::Denied,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::actions::ACTIONS;
    use super::*;

    #[test]
    fn the_list_is_what_apply_does() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deploy/apply");
        let mut used = BTreeSet::new();
        for file in fs::read_dir(folder).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let texts = text.split('"').skip(1).step_by(2);
            used.extend(texts.filter_map(permission));
        }
        let listed: BTreeSet<String> = ACTIONS
            .iter()
            .map(|action| action.name.to_owned())
            .filter(|name| name != "iam:PassRole" && !name.starts_with("ec2:"))
            .collect();
        assert_eq!(used, listed);
    }

    /// The permission for a call that is named in the code.
    fn permission(call: &str) -> Option<String> {
        let (service, operation) = call.split_once(':')?;
        if !operation.starts_with(|first: char| first.is_ascii_uppercase()) {
            return None;
        }
        let verb = match operation {
            // What others, not the caller, are allowed.
            "InvokeFunction" | "InvokeFunctionUrl" => return None,
            "TagResource" => "PUT",
            _ if operation.starts_with("Create") => "POST",
            _ if operation.starts_with("Put") => "PUT",
            _ if operation.starts_with("Update") => "PATCH",
            _ if operation.starts_with("Delete") => "DELETE",
            _ => "GET",
        };
        match service {
            "dynamodb" | "iam" | "lambda" | "logs" => Some(call.to_owned()),
            "apigateway" => Some(format!("apigateway:{verb}")),
            _ => None,
        }
    }

    /// Source of the first: what AWS says when it refuses `logs:CreateLogGroup`; of the second: `LogGroup`,
    /// CloudWatch Logs API reference.
    #[test]
    fn log_groups_have_another_name_where_they_are_tagged() {
        let account = Account {
            id: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: "aws".to_owned(),
            caller: String::new(),
        };
        let scope = Scope {
            deployment: "lamed",
            functions: &["track"],
            stage: "prod",
            api: None,
            doors: Doors {
                rest_api: true,
                url: true,
            },
            table: None,
            role: None,
            boundary: false,
            vpc: false,
        };
        let asked_about = |action: &str| {
            let action = asked(scope).find(|asked| asked.name == action).unwrap();
            resources(action.on, &account, scope).join(" ")
        };
        let group = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/track";
        assert_eq!(
            asked_about("logs:CreateLogGroup"),
            format!("{group}:log-stream:")
        );
        assert_eq!(asked_about("logs:TagResource"), group);
    }

    #[test]
    fn callers_are_told_apart() {
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:root", Principal::Root),
            ("arn:aws:iam::123456789012:user/team/ann", Principal::User),
            (
                "arn:aws-cn:sts::123456789012:assumed-role/ci/session:1",
                Principal::Role("ci"),
            ),
            (
                "arn:aws:sts::123456789012:federated-user/bob",
                Principal::Other,
            ),
            ("", Principal::Other),
        ] {
            assert_eq!(Principal::of(arn), expected, "{arn}");
        }
    }

    #[test]
    fn a_condition_that_cannot_be_known_is_no_denial() {
        let result = |decision: PolicyEvaluationDecisionType, missing: &str| {
            let result = EvaluationResult::builder().eval_action_name("iam:PassRole");
            let result = result.eval_decision(decision);
            match missing {
                "" => result.build().unwrap(),
                missing => result.missing_context_values(missing).build().unwrap(),
            }
        };
        use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
        for (decision, missing, expected) in [
            (Allowed, "", Verdict::Allowed),
            (ImplicitDeny, "", Verdict::Denied),
            (ExplicitDeny, "", Verdict::Denied),
            (ImplicitDeny, "aws:MultiFactorAuthPresent", Verdict::Unclear),
        ] {
            assert_eq!(Verdict::of(&result(decision, missing)), expected);
        }
    }
}
