//! The role of the functions.

use serde_json::Value;

use super::deploy::Planner;
use super::list;
use super::missing;
use super::step::{Group, Plan, Step, Words};
use crate::deploy::observed::{Elsewhere, Role, regions};

impl Planner<'_> {
    /// The role, and what it must be allowed before functions use it. What it must no longer be
    /// allowed comes last: until then the old deployment may need it.
    pub(super) fn role(&self, plan: &mut Plan) {
        if self.desired.role.is_some() {
            return;
        }
        let name = self.desired.name.as_str();
        let policy = (self.desired).policy(self.account, self.needs_network());
        let policy_name = self.desired.policy_name(self.account);
        let Some(role) = &self.observed.role else {
            plan.push(
                Group::Role,
                Step::CreateRole,
                Words::create("role", name).detail("can be assumed by Lambda"),
            );
            self.add_policy(plan, policy);
            return;
        };
        let allows = |what: &str| role.policies.values().any(|p| p.to_string().contains(what));
        match role.policies.get(&policy_name) {
            None => self.add_policy(plan, policy),
            Some(old) if !self.new_rights(allows).is_empty() => {
                // What was allowed stays so until the old deployment is out of the way.
                let mut wide = policy;
                if let (Some(statements), Some(old)) = (
                    wide["Statement"].as_array_mut(),
                    old["Statement"].as_array(),
                ) {
                    statements.extend(old.iter().cloned().map(without_id));
                }
                let words = Words::update("role policy", policy_name);
                let words = words.details(self.new_rights(allows));
                plan.push(Group::Role, Step::SetRolePolicy(wide), words);
            }
            Some(_) => {}
        }
        if !role.ours {
            plan.foreign.push(format!("role `{name}`"));
        }
        let boundary = self.desired.boundary.as_ref();
        if let Some(boundary) = boundary.filter(|wanted| role.boundary.as_ref() != Some(wanted)) {
            let step = Step::SetBoundary(boundary.clone());
            let words = Words::update("role", name).detail(format!("limited by `{boundary}`"));
            plan.push(Group::Role, step, words);
        }
        if missing(&self.desired.marked_tags(), &role.tags) {
            plan.push(
                Group::Role,
                Step::TagRole,
                Words::update("role", name).detail("tags"),
            );
        }
    }

    /// What functions need from the first moment on and the role does not allow yet.
    fn new_rights(&self, allows: impl Fn(&str) -> bool) -> Vec<String> {
        let mut rights = Vec::new();
        if let Some(table) = &self.desired.table
            && !allows(&self.account.table(&table.name))
        {
            rights.push(format!("can count in table `{}`", table.name));
        }
        if self.needs_network() && !allows("ec2:CreateNetworkInterface") {
            rights.push("can use the VPC".to_owned());
        }
        rights
    }

    fn add_policy(&self, plan: &mut Plan, policy: Value) {
        let words = Words::create("role policy", self.desired.policy_name(self.account));
        let words = words.detail("can write its own logs");
        let words = words.details(self.new_rights(|_| false));
        plan.push(Group::Role, Step::SetRolePolicy(policy), words);
    }

    pub(super) fn narrow_role(&self, plan: &mut Plan) {
        let Some(role) = &self.observed.role else {
            return;
        };
        if self.desired.role.is_some() {
            return;
        }
        let policy = (self.desired).policy(self.account, self.needs_network());
        let policy_name = self.desired.policy_name(self.account);
        let old = role.policies.get(&policy_name);
        if old.is_some_and(|old| *old != policy) {
            let detail = match (&self.desired.table, self.in_vpc(), self.needs_network()) {
                (None, true, _) => "can only write its own logs and use the VPC",
                (None, false, true) => {
                    "can only write its own logs and, while a version is in the VPC, use it"
                }
                (None, false, false) => "can only write its own logs",
                (Some(_), true, _) => {
                    "can only write its own logs, count in its table and use the VPC"
                }
                (Some(_), false, true) => {
                    "can only write its own logs, count in its table and, while a version is in the VPC, use it"
                }
                (Some(_), false, false) => "can only write its own logs and count in its table",
            };
            plan.push(
                Group::Narrowing,
                Step::SetRolePolicy(policy),
                Words::update("role policy", policy_name).detail(detail),
            );
        }
        self.take_legacy_rights(plan, role);
    }

    /// What Python lamed and earlier builds gave the role, as far as no other region needs it.
    fn take_legacy_rights(&self, plan: &mut Plan, role: &Role) {
        let name = self.desired.name.as_str();
        let Elsewhere {
            python, unknown, ..
        } = &role.elsewhere;
        if role.is_wide(name) && !(python.is_empty() && unknown.is_empty()) {
            let why = if python.is_empty() {
                format!(
                    "lamed cannot see whether Python lamed is in {}",
                    list(unknown)
                )
            } else {
                format!("Python lamed in {} needs them", list(python))
            };
            plan.kept.push(format!(
                "role `{name}` keeps the rights that Python lamed gave it: {why}"
            ));
            return;
        }
        let legacy = role.policies.get(name).map(regions);
        if legacy.is_some_and(|regions| regions.iter().all(|region| *region == self.account.region))
        {
            let step = Step::DeleteRolePolicy {
                role: name.to_owned(),
                policy: name.to_owned(),
            };
            let words = Words::delete("role policy", name);
            let words = words.detail(format!(
                "`{}` replaces it",
                self.desired.policy_name(self.account)
            ));
            plan.push(Group::Narrowing, step, words);
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
