//! The command line: one file per subcommand; all output goes through one `Printer`.

mod backup;
mod changes;
mod checks;
mod client;
mod completions;
mod configure;
mod dashboard;
mod delete;
mod demo;
mod deploy;
mod deployment;
mod destroy;
mod doctor;
mod endpoint;
mod error;
mod examples;
mod experiments;
mod fetch;
mod groups;
mod listen;
mod live;
mod log;
mod logs;
mod mistakes;
mod nearby;
mod plan;
mod preflight;
mod printer;
mod ready;
mod results;
mod rollback;
mod running;
mod secrets;
mod serve;
mod signals;
mod snippet;
mod status;
mod stores;
mod table;
mod terminal;
mod verbs;
mod visible;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, ColorChoice, CommandFactory, Parser, Subcommand};

pub use self::error::CliError;
use self::printer::Printer;
use crate::config::{Config, environment};
use crate::domain::Name;

/// An A/B-testing backend that you own.
#[derive(Parser)]
#[command(
    name = "lamed",
    version,
    max_term_width = groups::WIDEST,
    subcommand_value_name = "COMMAND",
    after_help = examples::LAMED
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Use this config file [default: ./config.json, or else ~/.lamed/config.json]
    #[arg(long, global = true, value_name = "FILE", env = environment::CONFIG, hide_env_values = true)]
    config: Option<OsString>,
    /// Use this namespace instead of the one in the config file
    #[arg(long, global = true, value_parser = name)]
    namespace: Option<Name>,
    /// Use this profile of ~/.aws, like the AWS CLI
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Use this AWS region
    #[arg(long, global = true)]
    region: Option<String>,
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    json: bool,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Log more; use `-vv` for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Write logs, warnings and errors to stderr as text, or as one JSON object per line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: log::Format,
    /// Use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API on this machine
    #[command(after_help = examples::SERVE)]
    Serve(serve::Args),
    /// Print the HTML to paste into your pages
    #[command(after_help = examples::SNIPPET)]
    Snippet(snippet::Args),
    /// Find out why a page or an API does not count
    ///
    /// Without a URL, lamed checks the API. With the URL of a page, lamed also checks the HTML of the page: the
    /// tag, its address, the names of experiments, variants and goals, and whether the content security policy (CSP)
    /// of the page lets the script load and send.
    /// The checks count no events. The exit code is 0 if no check fails, otherwise 1.
    #[command(after_help = examples::DOCTOR)]
    Doctor(doctor::Args),
    /// Declare a new experiment in the config file
    #[command(after_help = examples::NEW)]
    New(verbs::NewArgs),
    /// Start an experiment: visitors take part and are counted
    #[command(after_help = examples::START)]
    Start(verbs::Args),
    /// Stop an experiment: all visitors see the control
    ///
    /// The results stay. `lamed start` continues the experiment.
    #[command(after_help = examples::STOP)]
    Stop(verbs::StopArgs),
    /// Ship a variant: all visitors see it, and counting ends
    ///
    /// The results stay.
    #[command(after_help = examples::SHIP)]
    Ship(verbs::ShipArgs),
    /// Start a new run of an experiment: all counts begin at 0
    ///
    /// Each visitor gets a variant again. The results of earlier runs stay.
    #[command(after_help = examples::RESTART)]
    Restart(verbs::Args),
    /// Hide an experiment from lists
    #[command(after_help = examples::ARCHIVE)]
    Archive(verbs::Args),
    /// List the experiments: state, run, weights, participants and verdict
    #[command(after_help = examples::EXPERIMENTS)]
    Experiments(experiments::Args),
    /// Show how many visitors and days an experiment needs
    ///
    /// The effect is the smallest change that you want to find. If it is real, 4 of 5 experiments find it with this many
    /// visitors. (Statisticians call this a power of 80 %.)
    /// "With a plan" means that the config declares `planned_participants`. Such an experiment needs fewer visitors.
    /// Declare it before the start.
    #[command(after_help = examples::PLAN)]
    Plan(plan::Args),
    /// Show the results of experiments
    ///
    /// Tables are as wide as the terminal. If stdout is not a terminal, they are as wide as `COLUMNS` says,
    /// or 100 columns.
    #[command(after_help = examples::RESULTS)]
    Results(results::Args),
    /// Show the results in the browser
    #[command(after_help = examples::DASHBOARD)]
    Dashboard(dashboard::Args),
    /// Delete the counts of an experiment, or of one of its goals or variants
    #[command(after_help = examples::DELETE)]
    Delete(delete::Args),
    /// Create or edit the config file, and check it
    #[command(after_help = examples::CONFIGURE)]
    Configure(configure::Args),
    /// Check whether `lamed serve` on this machine can count
    ///
    /// The exit code is 0 if `/readyz` answers 200, otherwise 1. Use it where `curl` is not available.
    #[command(after_help = examples::READY)]
    Ready(ready::Args),
    /// Copy the SQLite file of a store, also while `lamed serve` counts in it
    ///
    /// The copy holds the counts of one moment. It is complete when the command ends, and `lamed serve` can use it.
    #[command(after_help = examples::BACKUP)]
    Backup(backup::Args),
    /// Check everything that a deployment needs
    #[command(after_help = examples::PREFLIGHT)]
    Preflight(preflight::Args),
    /// Deploy to AWS, or update the deployment
    #[command(after_help = examples::DEPLOY)]
    Deploy(deploy::Args),
    /// Show what is live, and compare it with the config
    #[command(after_help = examples::STATUS)]
    Status(status::Args),
    /// Show the logs of the deployed functions
    #[command(after_help = examples::LOGS)]
    Logs(logs::Args),
    /// Roll back to an earlier release
    ///
    /// Each deploy that changes the functions makes a release: a version of the deployment, with a number.
    #[command(after_help = examples::ROLLBACK)]
    Rollback(rollback::Args),
    /// Delete everything that `lamed deploy` created; keep the counts
    #[command(after_help = examples::DESTROY)]
    Destroy(destroy::Args),
    /// Print a completion script for your shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions(completions::Args),
}

/// What a command has to work with.
struct Context {
    config_file: Option<PathBuf>,
    namespace: Option<Name>,
    profile: Option<String>,
    region: Option<String>,
    json: bool,
    verbose: bool,
    printer: Printer,
}

impl Context {
    /// Loads the config, says its warnings, and puts the command line over it.
    fn config(&self) -> Result<Config, CliError> {
        let config = self.load()?;
        for warning in &config.warnings {
            self.printer.warn(warning);
        }
        Ok(config)
    }

    /// As [`Self::config`], without a word.
    fn load(&self) -> Result<Config, CliError> {
        let mut config = Config::load(self.config_file.as_deref())?;
        let password = config
            .redis
            .as_ref()
            .and_then(|redis| redis.password.as_ref());
        password.into_iter().for_each(secrets::know);
        if let Some(namespace) = &self.namespace {
            config.namespace = namespace.clone();
        }
        Ok(config)
    }
}

/// All that the command line takes.
#[must_use]
pub fn command() -> clap::Command {
    groups::grouped(Cli::command())
}

/// Runs the command line: 0 done, 1 the work failed, 2 bad usage or config.
#[must_use]
pub fn main() -> ExitCode {
    completions::answer();
    let cli = mistakes::parse();
    let Global {
        config,
        namespace,
        profile,
        region,
        json,
        quiet,
        verbose,
        log_format,
        color,
    } = cli.global;
    let printer = Printer::new(quiet, color, log_format);
    log::start(quiet, verbose, log_format);
    // Redis and HTTPS share it; a second provider would make rustls refuse to choose.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let context = Context {
        // As good as none, when a script left its variable empty.
        config_file: config.filter(|file| !file.is_empty()).map(PathBuf::from),
        namespace,
        // As good as none, too: so the AWS CLI has it.
        profile: profile.filter(|profile| !profile.is_empty()),
        region: region.filter(|region| !region.is_empty()),
        json,
        verbose: verbose > 0,
        printer,
    };
    let result = match cli.command {
        Command::Configure(args) => configure::run(&context, args),
        Command::Preflight(args) => block_on(preflight::run(&context, args)),
        Command::Deploy(args) => block_on(deploy::run(&context, args)),
        Command::Status(args) => block_on(status::run(&context, args)),
        Command::Rollback(args) => block_on(rollback::run(&context, args)),
        Command::Destroy(args) => block_on(destroy::run(&context, args)),
        Command::Logs(args) => block_on(logs::run(&context, args)),
        Command::Serve(args) => serve::run(&context, args),
        Command::Ready(args) => ready::run(&context, &args),
        Command::Backup(args) => backup::run(&context, &args),
        Command::Plan(args) => plan::run(&context, &args),
        Command::Snippet(args) => snippet::run(&context, args),
        Command::Doctor(args) => doctor::run(&context, &args),
        Command::Results(args) => results::run(&context, args),
        Command::Experiments(args) => experiments::run(&context, args),
        Command::New(args) => verbs::new(&context, args),
        Command::Start(args) => verbs::start(&context, args),
        Command::Stop(args) => verbs::stop(&context, args),
        Command::Ship(args) => verbs::ship(&context, args),
        Command::Restart(args) => verbs::restart(&context, args),
        Command::Archive(args) => verbs::archive(&context, args),
        Command::Dashboard(args) => dashboard::run(&context, args),
        Command::Delete(args) => delete::run(&context, args),
        Command::Completions(args) => completions::run(&context, &args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            context.printer.error(&error);
            error.exit_code()
        }
    }
}

/// Runs a command that waits for the network.
fn block_on<T>(command: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CliError::failed(format!("cannot start: {error}")))?;
    let result = runtime.block_on(command);
    // A name server that does not answer keeps nobody waiting: looking up a name cannot be stopped.
    runtime.shutdown_background();
    result
}

/// Reads a name from the command line.
fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|error| format!("the name {error}"))
}
