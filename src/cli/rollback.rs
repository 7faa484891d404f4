//! `lamed rollback`

use serde_json::json;

use super::changes::{self, confirm};
use super::deployment::{connect, place};
use super::endpoint::Endpoint;
use super::printer::BOLD;
use super::{CliError, Context, live};
use crate::deploy::plan::{Release, rollback};
use crate::deploy::{Deployment, Purpose};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Go to this release; `lamed status` lists them [default: the release before the live one]
    #[arg(long, value_name = "V")]
    to: Option<u64>,
    /// Also bring back the experiments and the settings of that release
    #[arg(long)]
    with_experiments: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let deployment = Deployment::new(&config)?;
    let aws = connect(context).await?;
    let (observed, account) = deployment.observe(&aws, Purpose::RollBack).await?;
    let live = Release::live(&observed);
    let (to, mut plan) = rollback(&observed, args.to)?;
    if args.with_experiments {
        let changes = deployment.experiments_that_come_back(&aws, &observed, &plan);
        plan.kept.splice(0..0, changes.await?);
    } else {
        plan = (deployment.code_alone(&aws, &observed, plan)).await?;
    }
    let from = live.map_or("none".to_owned(), |release| release.to_string());
    let name = &deployment.name;
    if !plan.is_empty() {
        let what = format!(
            "{BOLD}{name}{BOLD:#} in {}: release {from} → {to}",
            place(account)
        );
        context
            .printer
            .talk(&format!("{what}\n\n{}", changes::text(&plan)));
        for kept in &plan.kept {
            context.printer.talk(kept);
        }
        if !confirm(
            args.yes,
            &format!("Roll back from release {from} to release {to}?"),
        )? {
            return Err(CliError::failed("cancelled: no changes made"));
        }
        changes::apply(context.printer, &aws, None, &observed, &plan).await?;
        let is_disabled = observed.api.as_ref().is_some_and(|api| api.is_disabled);
        let door = deployment.endpoint(&aws, &observed);
        if let Some((base, _)) = door.filter(|_| observed.url().is_some() || !is_disabled) {
            let endpoint = Endpoint { base, key: None };
            live::make_sure(context, &aws, &endpoint, "rolled back").await?;
        }
    }
    if context.json {
        return context.printer.json(&json!({
            "name": name,
            "account": account.id,
            "region": account.region,
            "from": live.map(|release| release.0),
            "to": to.0,
            "changes": plan.changes,
        }));
    }
    let said = if plan.is_empty() {
        "is already live"
    } else {
        "is live"
    };
    context.printer.talk(&format!(
        "release {to} {said}; run `lamed deploy` to apply the config again"
    ));
    Ok(())
}
