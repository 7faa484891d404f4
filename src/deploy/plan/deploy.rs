//! Desired and observed → plan. Pure: nothing is asked and nothing is written.

use super::release::{self, Release};
use super::step::{Group, Plan, Step, Words};
use super::{api, missing, spares, table, url};
use crate::deploy::Account;
use crate::deploy::desired::{Desired, DesiredFunction, LIVE, RUNTIME, Vpc, log_group};
use crate::deploy::observed::{self, Configuration, Observed};

/// The one difference that a version does not show: it names the role, which was made again.
pub(super) const NEW_ROLE: &str = "given the new role";

/// What has to change so that what is there becomes what should be.
#[must_use]
pub fn deploy(desired: &Desired, observed: &Observed, account: &Account) -> Plan {
    let mut plan = Plan::default();
    let mut planner = Planner {
        desired,
        observed,
        account,
        release: Release::newest(observed),
    };
    if !planner.is_begun(planner.release) {
        planner.release.0 += 1;
    }
    planner.role(&mut plan);
    if let Some(table) = &desired.table {
        table::plan(&mut plan, desired, table, observed);
    }
    for function in &desired.functions {
        planner.log_group(&mut plan, &function.name);
        planner.function(&mut plan, function);
    }
    if desired.rest_api {
        api::plan(&mut plan, desired, observed, account);
        spares::remove(&mut plan, observed, &desired.name, false);
    } else {
        api::remove(&mut plan, observed, &desired.name, desired.stage);
    }
    if let Some(url) = &desired.url {
        url::plan(&mut plan, url, observed);
    }
    planner.narrow_role(&mut plan);
    for function in &desired.functions {
        planner.old_versions(&mut plan, &function.name);
    }
    planner.unwanted_functions(&mut plan);
    plan
}

pub(super) struct Planner<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) account: &'a Account,
    release: Release,
}

impl Planner<'_> {
    /// Whether a deploy of this very config was broken off while it published the newest release: a
    /// function has its version of it, not live yet, and none needs another. What is left then belongs
    /// to the same release.
    fn is_begun(&self, newest: Release) -> bool {
        let mut begun = false;
        for function in &self.desired.functions {
            let there = self.observed.functions.get(&function.name);
            let version = there.and_then(|there| there.versions.last());
            let Some(version) = version.filter(|version| Release::of(version) == newest) else {
                continue;
            };
            if !self.is_wanted(function, &version.configuration) {
                return false;
            }
            let live = there.and_then(|there| there.aliases.get(LIVE));
            begun |= live != Some(&version.number);
        }
        begun && newest > Release(0)
    }

    pub(super) fn in_vpc(&self) -> bool {
        let mut functions = self.desired.functions.iter();
        functions.any(|function| !self.vpc(&function.name).subnets.is_empty())
    }

    /// Whether the role needs what the VPC takes: as long as a version is in one, Lambda has its network interfaces to look
    /// after, and a rollback may go there.
    ///
    /// Source: "Giving Lambda functions access to resources in an Amazon VPC", AWS documentation.
    pub(super) fn needs_network(&self) -> bool {
        let functions = self.observed.functions.values();
        let mut there = functions.flat_map(|function| {
            let versions = function.versions.iter();
            let versions = versions.map(|version| &version.configuration);
            versions.chain([&function.latest])
        });
        self.in_vpc() || there.any(|there| !there.vpc.subnets.is_empty())
    }

    /// What the config says; else where the function is, and a new one goes where the others are.
    fn vpc(&self, function: &str) -> Vpc {
        let observed = &self.observed.functions;
        let where_it_is = observed.get(function).map(|function| &function.latest.vpc);
        let where_others_are = observed.values().map(|function| &function.latest.vpc);
        (self.desired.vpc.as_ref())
            .or(where_it_is)
            .or(where_others_are.max_by_key(|vpc| vpc.subnets.len()))
            .cloned()
            .unwrap_or_default()
    }

    fn function(&self, plan: &mut Plan, function: &DesiredFunction) {
        let name = &function.name;
        let group = || Group::Function(name.clone());
        let Some(there) = self.observed.functions.get(name) else {
            return self.new_function(plan, function);
        };
        if let Some(reason) = &there.failed
            && there.versions.is_empty()
            && there.ours
        {
            // Nothing of it was ever in use, and AWS lets nothing else be done to it.
            let words = Words::delete("function", name.as_str());
            let words = words.detail(format!("it failed: {reason}"));
            plan.push(group(), Step::DeleteFunction(name.clone()), words);
            return self.new_function(plan, function);
        }
        if !there.ours {
            plan.foreign.push(format!("function `{name}`"));
        }
        let before = plan.changes.len();
        self.update(plan, function, &there.latest);
        if missing(&self.desired.marked_tags(), &there.tags) {
            let words = Words::update("function", name.as_str()).detail("tags");
            plan.push(group(), Step::TagFunction(name.clone()), words);
        }
        let same = |version: &observed::Version| self.is_wanted(function, &version.configuration);
        let changed = plan.changes[before..]
            .iter()
            .any(|change| !matches!(change.step, Step::TagFunction(_)));
        let live = there.live().filter(|version| !changed && same(version));
        if live.is_some() {
            return;
        }
        let newest = there.versions.last();
        // Published by a deploy that was interrupted, or left behind by a rollback.
        let ready = newest
            .filter(|version| !changed && same(version))
            .map(|version| version.number);
        if ready.is_none() {
            self.publish(plan, name, newest.map_or(0, |version| version.number));
        }
        let to = ready.map_or("new version".to_owned(), |number| number.to_string());
        let alias = format!("{name}:{LIVE}");
        match there.aliases.get(LIVE) {
            None => plan.push(
                group(),
                Step::CreateAlias(name.clone(), ready),
                Words::create("alias", alias).detail(format!("→ {to}")),
            ),
            Some(from) => plan.push(
                group(),
                Step::MoveAlias(name.clone(), ready),
                Words::update("alias", alias).detail(format!("{from} → {to}")),
            ),
        }
    }

    fn new_function(&self, plan: &mut Plan, function: &DesiredFunction) {
        let name = &function.name;
        let group = || Group::Function(name.clone());
        let vpc = self.vpc(name);
        let step = Step::CreateFunction {
            name: name.clone(),
            vpc: vpc.clone(),
        };
        let words = Words::create("function", name.as_str()).details(self.describe(function, &vpc));
        plan.push(group(), step, words);
        self.publish(plan, name, 0);
        plan.push(
            group(),
            Step::CreateAlias(name.clone(), None),
            Words::create("alias", format!("{name}:{LIVE}")).detail("→ new version"),
        );
    }

    fn publish(&self, plan: &mut Plan, name: &str, newest: u64) {
        let lamed = self.desired.lamed_version;
        let description = release::describe(lamed, self.release, &self.desired.code);
        let step = Step::Publish {
            name: name.to_owned(),
            newest,
            description,
        };
        let words = Words::create("version", name).detail(release::words(lamed, self.release));
        plan.push(Group::Function(name.to_owned()), step, words);
    }

    fn describe(&self, function: &DesiredFunction, vpc: &Vpc) -> Vec<String> {
        let mut details = vec![
            format!("{RUNTIME}, {}", self.desired.code.architecture),
            function.handler.clone(),
            format!("{} MB", function.memory_mb),
            format!("{} s", function.timeout_seconds),
        ];
        if !vpc.subnets.is_empty() {
            details.push(format!("in the VPC: {}", list(vpc)));
        }
        details
    }

    /// The configuration first, then the code: AWS refuses code updates of functions whose runtime it has
    /// given up, and allows the change of the runtime. What is live stays what was published before.
    ///
    /// Source: "Runtime deprecation policy", Lambda developer guide.
    fn update(&self, plan: &mut Plan, function: &DesiredFunction, there: &Configuration) {
        self.update_configuration(plan, function, there);
        let name = &function.name;
        let code = self.desired.code_of(function);
        if there.code_sha256 == code.sha256 && there.architecture == code.architecture {
            return;
        }
        let words = Words::update("function", name.as_str()).detail("code");
        let words = if there.architecture == code.architecture {
            words
        } else {
            words.detail(format!("{} → {}", there.architecture, code.architecture))
        };
        let step = Step::UpdateCode(name.clone());
        plan.push(Group::Function(name.clone()), step, words);
    }

    fn update_configuration(
        &self,
        plan: &mut Plan,
        function: &DesiredFunction,
        there: &Configuration,
    ) {
        let name = &function.name;
        let details = self.differences(function, there);
        if details.is_empty() {
            return;
        }
        let mut environment = there.environment.clone();
        let settings = &self.desired.settings;
        let value = self.desired.settings_of(name).clone();
        environment.insert(settings.name.to_owned(), value);
        let vpc = self.vpc(name);
        let step = Step::UpdateConfiguration {
            name: name.clone(),
            environment,
            vpc: (vpc != there.vpc).then_some(vpc),
            new_role: self.role_is_newer(there),
        };
        let words = Words::update("function", name.as_str()).details(details);
        plan.push(Group::Function(name.clone()), step, words);
    }

    /// What differs in the configuration, from → to.
    pub(super) fn differences(
        &self,
        function: &DesiredFunction,
        there: &Configuration,
    ) -> Vec<String> {
        let mut details = Vec::new();
        let mut differ = |what: &str, from: &str, to: &str| {
            if from != to {
                details.push(format!("{what}{from} → {to}"));
            }
        };
        differ("", &there.runtime, RUNTIME);
        differ("handler ", &there.handler, &function.handler);
        let megabytes = |megabytes: u32| format!("{megabytes} MB");
        differ(
            "",
            &megabytes(there.memory_mb),
            &megabytes(function.memory_mb),
        );
        let seconds = |seconds: u32| format!("{seconds} s");
        differ(
            "",
            &seconds(there.timeout_seconds),
            &seconds(function.timeout_seconds),
        );
        let own = self.observed.role.as_ref().map(|role| role.arn.clone());
        let role = (self.desired.role.clone().or(own))
            .unwrap_or_else(|| self.account.role(&self.desired.name));
        differ("role ", &there.role, &role);
        if there.role == role && self.role_is_newer(there) {
            details.push(NEW_ROLE.to_owned());
        }
        let vpc = self.vpc(&function.name);
        if there.vpc != vpc {
            let (from, to) = (list(&there.vpc), list(&vpc));
            details.push(format!("VPC {from} → {to}"));
        }
        let settings = &self.desired.settings;
        match there.environment.get(settings.name) {
            None => details.push(format!("{} set", settings.name)),
            Some(value) if value != self.desired.settings_of(&function.name) => {
                details.push(format!("{} changed", settings.name))
            }
            Some(_) => {}
        }
        details
    }

    /// Whether the role was made after a function was given the one of that name. A role that is deleted and made
    /// again is another one to the key that the function's environment is encrypted with.
    fn role_is_newer(&self, there: &Configuration) -> bool {
        if self.desired.role.is_some() {
            return false;
        }
        match (&self.observed.role, there.modified) {
            (None, _) => true,
            (Some(role), Some(modified)) => role.created > modified,
            (Some(_), None) => false,
        }
    }

    fn is_wanted(&self, function: &DesiredFunction, there: &Configuration) -> bool {
        let code = self.desired.code_of(function);
        there.code_sha256 == code.sha256
            && there.architecture == code.architecture
            && self.differences(function, there).is_empty()
    }

    /// Functions that an `extra_wiring` of earlier days made.
    fn unwanted_functions(&self, plan: &mut Plan) {
        let wanted = |name: &String| self.desired.functions.iter().any(|f| f.name == *name);
        for (name, there) in (self.observed.functions.iter()).filter(|(name, _)| !wanted(name)) {
            if there.ours {
                remove_function(plan, name, self.observed);
            }
        }
    }
}

/// The function goes last: by it the next deploy finds what an interrupted one left.
pub(super) fn remove_function(plan: &mut Plan, name: &str, observed: &Observed) {
    let group = || Group::Removal(name.to_owned());
    if observed.log_groups.contains_key(name) {
        let step = Step::DeleteLogGroup(name.to_owned());
        let words = Words::delete("log group", log_group(name));
        plan.push(group(), step, words.destructive());
    }
    let step = Step::DeleteFunction(name.to_owned());
    let words = Words::delete("function", name).destructive();
    let url = (observed.functions.get(name)).and_then(|there| there.url.as_ref());
    plan.push(group(), step, words);
    if let Some(url) = url {
        plan.kept.push(format!(
            "the address {} is lost for good: pages that use it will count nothing",
            url.url
        ));
    }
}

fn list(vpc: &Vpc) -> String {
    if vpc.subnets.is_empty() {
        return "none".to_owned();
    }
    let all: Vec<&str> = (vpc.subnets.iter().chain(&vpc.security_groups))
        .map(String::as_str)
        .collect();
    all.join(" ")
}
