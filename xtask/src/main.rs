//! The chores of this repository.

#[path = "../../embedded/builder.rs"]
mod builder;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use builder::Architecture;

const USAGE: &str = "usage: cargo xtask bootstrap [--output DIR] [x86_64] [arm64]

Builds the Lambda bootstrap as DIR/bootstrap-ARCHITECTURE.zip (both architectures where none is named;
DIR is embedded/prebuilt, from where the next release build takes them).";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some(order) = Order::parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match order.fulfil() {
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

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
