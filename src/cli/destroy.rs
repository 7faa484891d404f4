//! `lamed destroy`

use serde_json::json;

use super::changes::{self, confirm};
use super::deployment::{connect, place};
use super::printer::BOLD;
use super::{CliError, Context};
use crate::deploy::plan::destroy;
use crate::deploy::{Deployment, Purpose, mapped_domains};
use crate::http::STAGE;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Show the resources that would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Also delete the DynamoDB table with all counts
    #[arg(long)]
    counts: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let deployment = Deployment::new(&config)?;
    let aws = connect(context).await?;
    let (observed, account) = deployment.observe(&aws, Purpose::Destroy).await?;
    let name = &deployment.name;
    let plan = destroy(&observed, name, STAGE, &account.region, args.counts);
    let text = if plan.is_empty() {
        format!("`{name}` is not deployed in {}\n", place(account))
    } else {
        format!(
            "{BOLD}{name}{BOLD:#} in {}\n\n{}",
            place(account),
            changes::text(&plan)
        )
    };
    for kept in &plan.kept {
        context.printer.talk(kept);
    }
    // Before anything is removed.
    if let Some(mapped) = mapped_domains(&observed) {
        return Err(CliError::failed(mapped));
    }
    if args.dry_run && !context.json {
        return context.printer.data(&text);
    }
    if !args.dry_run {
        context.printer.talk(text.trim_end());
    }
    if !args.dry_run && !plan.is_empty() {
        let question = format!("Permanently delete `{name}` from {}?", place(account));
        if !confirm(args.yes, &question)? {
            return Err(CliError::failed("cancelled: no changes made"));
        }
        changes::apply(context.printer, &aws, None, &observed, &plan).await?;
        let counts = match &observed.table {
            None => "; the counts in Redis are kept",
            Some(table) if args.counts && table.ours => ", with all counts",
            Some(_) => "; the counts in DynamoDB are kept",
        };
        context.printer.talk(&format!("deleted{counts}"));
    }
    if context.json {
        return context.printer.json(&json!({
            "name": name,
            "account": account.id,
            "region": account.region,
            "changes": plan.changes,
        }));
    }
    Ok(())
}
