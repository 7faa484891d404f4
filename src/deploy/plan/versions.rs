//! Which versions of a function are kept for a rollback, and which go.

use super::deploy::{NEW_ROLE, Planner};
use super::release;
use super::step::{Change, Group, Plan, Step, Words};
use crate::deploy::desired::{KEPT_VERSIONS, LIVE};
use crate::deploy::observed;

impl Planner<'_> {
    /// Keeps the newest, and what any alias points to.
    pub(super) fn old_versions(&self, plan: &mut Plan, name: &str) {
        let Some(there) = self.observed.functions.get(name) else {
            return;
        };
        let publishes = plan.changes.iter().any(
            |change| matches!(&change.step, Step::Publish { name: published, .. } if published == name),
        );
        let moves =
            |change: &Change| matches!(&change.step, Step::MoveAlias(moved, _) if moved == name);
        let live_moves = plan.changes.iter().any(moves);
        // Of versions that differ only in their experiments, the newest is enough: rollbacks take today's.
        let mut kept = Vec::new();
        let mut old = Vec::new();
        for version in there.versions.iter().rev() {
            let same =
                |other: &&observed::Version| release::same_but_for_experiments(version, other);
            let is_new = publishes && self.differs_in_experiments(name, version);
            let room = KEPT_VERSIONS - usize::from(publishes);
            if is_new || kept.iter().any(same) || kept.len() == room {
                old.push(version);
            } else {
                kept.push(version);
            }
        }
        let used = |number: u64| {
            (there.aliases.iter())
                .any(|(alias, version)| *version == number && !(live_moves && alias == LIVE))
        };
        for version in old.into_iter().rev() {
            if !used(version.number) {
                plan.push(
                    Group::OldVersions(name.to_owned()),
                    Step::DeleteVersion(name.to_owned(), version.number),
                    Words::delete("version", format!("{name}:{}", version.number)),
                );
            }
        }
    }

    /// Whether a version is what is wanted but for the experiments.
    fn differs_in_experiments(&self, name: &str, version: &observed::Version) -> bool {
        let mut functions = self.desired.functions.iter();
        let wanted = functions.find(|function| function.name == name);
        release::code_of(version) == Some(self.desired.code.id())
            && wanted.is_some_and(|function| {
                let differences = self.differences(function, &version.configuration);
                differences.iter().all(|difference| difference == NEW_ROLE)
            })
    }
}
