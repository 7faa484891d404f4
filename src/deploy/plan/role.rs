//! The role of the functions.

use serde_json::Value;

use super::deploy::Planner;
use super::missing;
use super::step::{Group, Plan, Step, Words};

impl Planner<'_> {
    /// The role, and what it must be allowed before functions use it. What it must no longer be
    /// allowed comes last: until then the old deployment may need it.
    pub(super) fn role(&self, plan: &mut Plan) {
        let name = self.desired.name.as_str();
        let policy = self.desired.policy(self.account, self.in_vpc());
        let Some(role) = &self.observed.role else {
            plan.push(
                Group::Role,
                Step::CreateRole,
                Words::create("role", name).detail("can be assumed by Lambda"),
            );
            let words = Words::create("role policy", name);
            let words = words.detail("can write its own logs");
            let words = if self.in_vpc() {
                words.detail("can use the VPC")
            } else {
                words
            };
            plan.push(Group::Role, Step::SetRolePolicy(policy), words);
            return;
        };
        let allows = |what: &str| role.policies.values().any(|p| p.to_string().contains(what));
        if self.in_vpc() && !allows("ec2:CreateNetworkInterface") {
            // What was allowed stays so until the old deployment is out of the way.
            let mut wide = policy;
            if let (Some(statements), Some(old)) = (
                wide["Statement"].as_array_mut(),
                role.policies
                    .get(name)
                    .and_then(|old| old["Statement"].as_array()),
            ) {
                statements.extend(old.iter().cloned().map(without_id));
            }
            let words = Words::update("role policy", name).detail("can use the VPC");
            plan.push(Group::Role, Step::SetRolePolicy(wide), words);
        }
        if missing(&self.desired.tags, &role.tags) {
            plan.push(
                Group::Role,
                Step::TagRole,
                Words::update("role", name).detail("tags"),
            );
        }
    }

    pub(super) fn narrow_role(&self, plan: &mut Plan) {
        let Some(role) = &self.observed.role else {
            return;
        };
        let name = self.desired.name.as_str();
        let policy = self.desired.policy(self.account, self.in_vpc());
        if role.policies.get(name) != Some(&policy) {
            let detail = "can only write its own logs";
            let detail = if self.in_vpc() {
                "can only write its own logs and use the VPC"
            } else {
                detail
            };
            plan.push(
                Group::Narrowing,
                Step::SetRolePolicy(policy),
                Words::update("role policy", name).detail(detail),
            );
        }
        if role.trust != self.desired.trust() {
            let words = Words::update("role", name).detail("can only be assumed by Lambda");
            plan.push(Group::Narrowing, Step::SetTrust, words);
        }
    }
}

/// Ids of statements must differ within a policy.
fn without_id(mut statement: Value) -> Value {
    if let Some(statement) = statement.as_object_mut() {
        statement.remove("Sid");
    }
    statement
}
