//! The DynamoDB table's part of the plan.

use super::missing;
use super::step::{Group, Plan, Step, Words};
use crate::deploy::desired::{Desired, DesiredTable};
use crate::deploy::observed::Observed;

/// Before all that counts in it.
pub(super) fn plan(plan: &mut Plan, desired: &Desired, wanted: &DesiredTable, observed: &Observed) {
    let name = wanted.name.as_str();
    let mut push = |step, words| plan.push(Group::Table, step, words);
    let tags = desired.marked_tags();
    let Some(there) = &observed.table else {
        let words = Words::create("table", name).detail("on demand");
        push(Step::CreateTable, words.detail("protected from deletion"));
        push(
            Step::SetExpiry,
            Words::update("table", name).detail("old keys expire"),
        );
        push(
            Step::BackUpTable,
            Words::update("table", name).detail("backups for 35 days"),
        );
        return;
    };
    if !there.is_active {
        push(
            Step::AwaitTable,
            Words::update("table", name).detail("wait until it is ready"),
        );
    }
    if !there.is_protected {
        let words = Words::update("table", name).detail("protected from deletion");
        push(Step::ProtectTable(true), words);
    }
    if !there.expires {
        push(
            Step::SetExpiry,
            Words::update("table", name).detail("old keys expire"),
        );
    }
    if !there.is_backed_up {
        push(
            Step::BackUpTable,
            Words::update("table", name).detail("backups for 35 days"),
        );
    }
    if missing(&tags, &there.tags) {
        push(Step::TagTable, Words::update("table", name).detail("tags"));
    }
    if !there.ours {
        plan.foreign.push(format!("table `{name}`"));
    }
}

/// The counts stay, unless they are to go with the rest.
pub(super) fn remove(plan: &mut Plan, observed: &Observed, counts: bool) {
    let Some(there) = &observed.table else {
        return;
    };
    let name = there.name.as_str();
    if !there.ours {
        plan.kept
            .push(format!("table `{name}` stays: lamed did not make it"));
    } else if !counts {
        plan.kept.push(format!(
            "table `{name}` stays with the counts: use `--counts` to delete it, too"
        ));
    } else {
        if there.is_protected {
            let words = Words::update("table", name).detail("can be deleted");
            plan.push(Group::Narrowing, Step::ProtectTable(false), words);
        }
        let words = Words::delete("table", name).detail("with all counts");
        plan.push(Group::Narrowing, Step::DeleteTable, words.destructive());
    }
}
