//! Gives the binary its Lambda bootstraps: `OUT_DIR/bootstraps.rs` lists them for `src/assets.rs`.

#[cfg(feature = "cli")]
#[path = "embedded/builder.rs"]
mod builder;

#[cfg(not(feature = "cli"))]
fn main() {
    // The library alone, which the bootstrap itself is made of.
    println!("cargo::rerun-if-changed=build.rs");
}

#[cfg(feature = "cli")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::fmt::Write;

    let mut list = String::from("&[\n");
    for (architecture, file) in embed::bootstraps()? {
        writeln!(list, "    ({architecture:?}, include_bytes!({file:?})),")?;
    }
    list.push_str("]\n");
    std::fs::write(embed::out_dir()?.join("bootstraps.rs"), list)?;
    Ok(())
}

#[cfg(feature = "cli")]
mod embed {
    use std::env;
    use std::error::Error;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::builder::{self, Architecture};

    /// The variable that names a folder of prebuilt zips.
    const PREBUILT: &str = "LAMED_BOOTSTRAP_DIR";

    pub fn out_dir() -> Result<PathBuf, env::VarError> {
        env::var("OUT_DIR").map(PathBuf::from)
    }

    /// The zips to embed, by architecture: the prebuilt ones where there are some, else, in a release
    /// build, one for this machine's architecture.
    pub fn bootstraps() -> Result<Vec<(&'static str, PathBuf)>, Box<dyn Error>> {
        println!("cargo::rerun-if-changed=build.rs");
        println!("cargo::rerun-if-changed=embedded/builder.rs");
        println!("cargo::rerun-if-changed=embedded/elf.rs");
        println!("cargo::rerun-if-env-changed={PREBUILT}");
        if let Some(folder) = env::var_os(PREBUILT).filter(|folder| !folder.is_empty()) {
            let folder = PathBuf::from(folder);
            if !folder.is_dir() {
                return Err(format!("{PREBUILT} must be a folder: {}", folder.display()).into());
            }
            println!("cargo::rerun-if-changed={}", folder.display());
            let found = prebuilt(&folder)?;
            if !found.is_empty() {
                return Ok(found);
            }
            println!(
                "cargo::warning=`{}` ({PREBUILT}) contains no zip of the Lambda function",
                folder.display()
            );
        }
        // As a whole: a file that is not there yet cannot be watched.
        println!("cargo::rerun-if-changed=embedded");
        let found = prebuilt(Path::new("embedded/prebuilt"))?;
        if !found.is_empty() {
            return Ok(found);
        }
        // The published crate is this package alone.
        if !Path::new("embedded/bootstrap").exists() {
            println!(
                "cargo::warning=this build does not include the Lambda function: this source package does \
                 not contain it (run `cargo xtask bootstrap` before `cargo package` to add it); \
                 `lamed deploy` will need `--bootstrap FILE`"
            );
            return Ok(Vec::new());
        }
        if env::var("PROFILE").as_deref() != Ok("release") {
            return Ok(Vec::new());
        }
        for source in ["Cargo.lock", "Cargo.toml", "src"] {
            println!("cargo::rerun-if-changed={source}");
        }
        Ok(built()?.into_iter().collect())
    }

    fn prebuilt(folder: &Path) -> Result<Vec<(&'static str, PathBuf)>, Box<dyn Error>> {
        let mut found = Vec::new();
        for architecture in Architecture::ALL {
            let file = folder.join(architecture.file());
            if file.exists() {
                let copy = out_dir()?.join(architecture.file());
                fs::copy(&file, &copy)?;
                found.push((architecture.name, copy));
            }
        }
        Ok(found)
    }

    /// This machine's own, built now. The binary does without where that cannot be: `deploy` then
    /// says how to get one.
    fn built() -> Result<Option<(&'static str, PathBuf)>, Box<dyn Error>> {
        let Some(architecture) = Architecture::host() else {
            println!(
                "cargo::warning=this build does not include the Lambda function: it can be built only on \
                 Linux (x86_64 or aarch64)"
            );
            return Ok(None);
        };
        let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
        match builder::build(&workspace, architecture, &out_dir()?.join("bootstrap")) {
            Ok(zip) => {
                let file = out_dir()?.join(architecture.file());
                fs::write(&file, zip)?;
                Ok(Some((architecture.name, file)))
            }
            Err(error) => {
                println!("cargo::warning=this build does not include the Lambda function: {error}");
                Ok(None)
            }
        }
    }
}
