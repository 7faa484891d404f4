//! The permissions by which the REST API calls the functions.

use std::collections::BTreeMap;

use super::Planner;
use crate::deploy::desired::DesiredMethod;
use crate::deploy::observed::Permission;
use crate::deploy::plan::step::{Group, Plan, Step, Words};
use crate::deploy::plan::url;

/// A statement of ours in a function's policy begins so.
const STATEMENT: &str = "lamed-";

impl Planner<'_> {
    /// API Gateway may call the function for this method of this API, and for nothing else.
    ///
    /// What it may call only as long as the old deployment is served stands in `late`.
    pub(super) fn permissions(&self, plan: &mut Plan) -> Plan {
        let mut late = Plan::default();
        for function in &self.desired.functions {
            let there = self.observed.functions.get(&function.name);
            let there = there
                .map(|there| there.permissions.clone())
                .unwrap_or_default();
            let mut wanted = BTreeMap::new();
            for method in self
                .desired
                .methods
                .iter()
                .filter(|m| m.function == function.name)
            {
                wanted.insert(statement(method), method);
            }
            let group = || Group::Permission(function.name.clone());
            let is_right = |statement: &str, method: &DesiredMethod| {
                let source = self.api.map(|api| {
                    let (stage, verb) = (self.desired.stage, method.verb);
                    Permission::Source(self.account.source(&api.id, stage, verb, &method.path))
                });
                source.is_some() && there.get(statement) == source.as_ref()
            };
            for statement in there
                .keys()
                .filter(|statement| statement.starts_with(STATEMENT) && !url::is_ours(statement))
            {
                let right = wanted
                    .get(statement)
                    .is_some_and(|method| is_right(statement, method));
                if !right {
                    // One that only changes its source goes before it comes again.
                    let (plan, group) = match wanted.contains_key(statement) {
                        true => (&mut *plan, group()),
                        false => (&mut late, Group::Narrowing),
                    };
                    let step = Step::Disallow {
                        function: function.name.clone(),
                        statement: statement.clone(),
                    };
                    let words = Words::delete("permission", function.name.as_str());
                    plan.push(group, step, words.detail(statement.as_str()));
                }
            }
            for (statement, method) in wanted {
                if is_right(&statement, method) {
                    continue;
                }
                let words = Words::create("permission", function.name.as_str());
                let words = words.detail(format!("for {} /{}", method.verb, method.path));
                let step = Step::Allow {
                    function: function.name.clone(),
                    statement,
                    verb: method.verb.to_owned(),
                    path: method.path.clone(),
                };
                plan.push(group(), step, words);
            }
        }
        late
    }
}

/// The id of the statement for a method: letters, digits, `-` and `_` are all that Lambda allows.
fn statement(method: &DesiredMethod) -> String {
    let mut id = format!("{STATEMENT}{}-", method.verb);
    for byte in method.path.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("_{byte:02x}"));
        }
    }
    id
}
