//! `npx lamed`, in an empty folder.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// A folder in which npm installed these packages, and nothing from elsewhere.
fn installed(packages: &[PathBuf], options: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("package.json"), "{}").unwrap();
    // Its news would stand in what lamed says.
    fs::write(folder.path().join(".npmrc"), "update-notifier=false\n").unwrap();
    let install = ["install", "--offline", "--no-audit", "--no-fund"];
    run(npm(folder.path())
        .args(install)
        .args(options)
        .args(packages));
    folder
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder).env("HOME", folder);
    npm
}

/// The package of this name among those that were made.
fn find(packages: &[PathBuf], name: &str) -> PathBuf {
    let file = format!("{name}-{}.tgz", env!("CARGO_PKG_VERSION"));
    let found = packages
        .iter()
        .find(|path| path.file_name().is_some_and(|name| *name == *file));
    found
        .unwrap_or_else(|| panic!("{file} is not in {packages:?}"))
        .clone()
}

/// Node's name of this processor.
fn platform() -> &'static str {
    match ARCH {
        "aarch64" => "lamed-linux-arm64",
        _ => "lamed-linux-x64",
    }
}

const SERVE: [&str; 6] = [
    "serve",
    "--local",
    "--listen",
    "127.0.0.1:0",
    "--store",
    "embedded",
];

#[test]
fn npx_starts_the_program_and_ends_it() {
    let Some(packages) = packages("npm") else {
        return;
    };
    let folder = installed(&packages, &[]);
    let folder = folder.path();
    let mut npx = Installed::at(Path::new("/usr/bin/env"), folder);
    let words = ["npx", "--offline", "lamed"];
    npx.command.extend(words.map(str::to_owned));
    npx.answers();
    npx.deploys();
    // Ctrl-C reaches npx, its shell, the launcher and the program, and two of them pass it on. With some shells npx
    // ends as it does by a signal, whatever the program says.
    let outcome = npx.line(&SERVE).run_on_terminal(&[("/prod", "\u{3}")]);
    let by_signal = Some(256 - 2);
    assert!(
        outcome.code == Some(0) || outcome.code == by_signal,
        "{outcome}"
    );
    // Who ends npx alone ends its shell, and not what the shell has started.
    let mut server = npx.line(&[&SERVE[..], &["--json"]].concat()).start();
    let ready: Value = serde_json::from_str(server.until("\n")).unwrap();
    server.terminate();
    // Until the last of them has closed its output.
    server.end();
    let url = ready["track_url"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap().split('/').next();
    assert!(TcpStream::connect(address.unwrap()).is_err());
}

#[test]
fn the_launcher_passes_on_signals_and_exit_codes() {
    let Some(packages) = packages("npm") else {
        return;
    };
    let folder = installed(&packages, &[]);
    let folder = folder.path();
    let launcher = Installed::at(&folder.join("node_modules/.bin/lamed"), folder);
    launcher.works();
    let outcome = launcher.line(&SERVE).run_on_terminal(&[("/prod", "\u{3}")]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    // Killed as the program was.
    let mut server = launcher.line(&[&SERVE[..], &["--json"]].concat()).start();
    server.until("\n");
    let program = youngest(&server.pid().to_string());
    run(Command::new("kill").args(["-KILL", &program]));
    assert_eq!(server.end().code, None);

    let own = folder.join("node_modules").join(platform()).join("lamed");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o644)).unwrap();
    let own = own.display().to_string();
    let own = own.replace(folder.to_str().unwrap(), "~");
    launcher.line(&["--version"]).gives(
        127,
        "",
        &format!("error: cannot run {own}: spawn {own} EACCES\n"),
    );
}

#[test]
fn npm_installs_the_manual_with_the_command() {
    let Some(packages) = packages("npm") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let install = [
        "install",
        "--global",
        "--offline",
        "--no-audit",
        "--no-fund",
        "--prefix",
    ];
    let mut npm = npm(folder.path());
    run(npm.args(install).arg(folder.path()).args(&packages));
    let lamed = Installed::at(&folder.path().join("bin/lamed"), folder.path());
    lamed.line(&["--version"]).gives(0, VERSION, "");
    manual_is_found(&folder.path().join("share/man"));
}

#[test]
fn a_launcher_without_its_program_says_what_to_do() {
    let Some(packages) = packages("npm") else {
        return;
    };
    let folder = installed(&[find(&packages, "lamed")], &["--omit=optional"]);
    let launcher = folder.path().join("node_modules/.bin/lamed");
    let lamed = Installed::at(&launcher, folder.path());
    let platform = platform();
    lamed.line(&["--version"]).gives(
        127,
        "",
        &format!(
            "error: cannot find the npm package `{platform}`: run `npm install lamed` again, with optional dependencies\n"
        ),
    );
    let manifest = folder.path().join("node_modules/lamed/package.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace(platform, "lamed-other")).unwrap();
    let platform = platform.replace("lamed-", "");
    lamed.line(&["--version"]).gives(
        127,
        "",
        &format!(
            "error: there is no lamed for {platform}: use the container image, or build lamed from source\n"
        ),
    );
}
