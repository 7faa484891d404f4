//! The chores of this repository.

mod book;
#[path = "../../embedded/builder.rs"]
mod builder;
#[cfg(test)]
mod html;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use builder::Architecture;

const USAGE: &str = "usage: cargo xtask book
       cargo xtask bootstrap [--output DIR] [x86_64] [arm64]
       cargo xtask client
       cargo xtask man

book: build the book of docs/ into target/book.
bootstrap: build the Lambda function as DIR/bootstrap-ARCHITECTURE.zip, for both architectures if none is
           named. DIR is embedded/prebuilt; the next release build uses the files there.
man: render the manual in man/ again, and the chapters of docs/ that are made from the program.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = if arguments == ["man"] {
        render_manual()
    } else if arguments == ["book"] {
        build_book()
    } else if arguments == ["client"] {
        build_client()
    } else if let Some(order) = Order::parse(&arguments) {
        order.fulfil()
    } else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What to build, and where to put it.
struct Order {
    output: PathBuf,
    architectures: Vec<Architecture>,
}

impl Order {
    fn parse(arguments: &[String]) -> Option<Self> {
        let mut arguments = arguments.iter();
        if arguments.next()? != "bootstrap" {
            return None;
        }
        let mut output = workspace().join("embedded/prebuilt");
        let mut architectures = Vec::new();
        while let Some(argument) = arguments.next() {
            if argument == "--output" {
                output = arguments.next()?.into();
            } else {
                let mut all = Architecture::ALL.into_iter();
                architectures.push(all.find(|architecture| architecture.name == argument)?);
            }
        }
        if architectures.is_empty() {
            architectures.extend(Architecture::ALL);
        }
        Some(Self {
            output,
            architectures,
        })
    }

    fn fulfil(self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.output.display());
        fs::create_dir_all(&self.output).map_err(failed)?;
        let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let scratch = target
            .unwrap_or_else(|| workspace().join("target"))
            .join("bootstraps");
        for architecture in &self.architectures {
            let zip = builder::build(workspace(), *architecture, &scratch)?;
            let file = self.output.join(architecture.file());
            fs::write(&file, &zip).map_err(failed)?;
            println!("{} ({} bytes)", file.display(), zip.len());
        }
        Ok(())
    }
}

/// Lets the test that compares the pages write them: it is built with the other tests, so that neither
/// this program nor the binary has to carry what renders them.
fn render_manual() -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What `cargo run` says of this package would make build scripts run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|own| text.starts_with(own))
        {
            command.env_remove(&name);
        }
    }
    let status = command
        .current_dir(workspace())
        .env("LAMED_WRITE_MANUAL", "1")
        .args(["test", "--quiet", "--workspace", "--test", "suite", "--"])
        .args(["--exact", "manual::the_pages_say_what_the_program_does"])
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo failed: {status}"))
    }
}

fn build_book() -> Result<(), String> {
    book::build(&book::folder(), &book::repository()?)?;
    println!("target/book/index.html");
    Ok(())
}

/// Builds the browser client with the esbuild of its lock file.
fn build_client() -> Result<(), String> {
    let folder = workspace().join("embedded/client");
    for arguments in [
        &["ci", "--ignore-scripts", "--no-audit", "--no-fund"][..],
        &["run", "build"],
    ] {
        // On Windows npm is a script, which only the shell of the system finds.
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let status = Command::new(npm)
            .args(arguments)
            .current_dir(&folder)
            .status()
            .map_err(|error| format!("cannot run npm: {error}"))?;
        if !status.success() {
            return Err(format!("`npm {}` ended with {status}", arguments.join(" ")));
        }
    }
    Ok(())
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
