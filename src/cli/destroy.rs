//! `lamed destroy`

use serde_json::json;

use super::changes::{self, confirm};
use super::deployment::{Deployment, connect, place};
use super::printer::BOLD;
use super::{CliError, Context};
use crate::deploy::plan::destroy;
use crate::http::STAGE;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Show what would be removed, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), CliError> {
    let config = context.config()?;
    let deployment = Deployment::new(&config)?;
    let aws = connect(context).await?;
    let (observed, account) = deployment.observe(&aws, None).await?;
    let name = &deployment.name;
    let plan = destroy(&observed, name, STAGE);
    let text = if plan.is_empty() {
        format!("there is nothing of `{name}` in {}\n", place(account))
    } else {
        format!(
            "{BOLD}{name}{BOLD:#} in {}\n\n{}",
            place(account),
            changes::text(&plan)
        )
    };
    if args.dry_run && !context.json {
        return context.printer.data(&text);
    }
    if !args.dry_run {
        context.printer.talk(text.trim_end());
    }
    if !args.dry_run && !plan.is_empty() {
        let question = format!("Remove all of this from {} for good?", place(account));
        if !confirm(args.yes, &question)? {
            return Err(CliError::failed("nothing was removed"));
        }
        changes::apply(context.printer, &aws, None, &observed, &plan).await?;
        context
            .printer
            .talk("removed; the counts in Redis are still there");
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
