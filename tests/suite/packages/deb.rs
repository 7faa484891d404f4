//! The .deb, in a system that holds its dependencies and nothing else.

use super::*;

/// A folder for `chroot`, into which the packages were copied that the .deb depends on.
struct System {
    root: TempDir,
    as_root: Vec<&'static str>,
}

impl System {
    fn new(as_root: Vec<&'static str>, package: &str) -> Self {
        let system = Self {
            root: tempfile::tempdir().unwrap(),
            as_root,
        };
        // As dpkg lists its files, `/lib` may be a folder or a link to `/usr/lib`; so it may be here.
        system.sh(
            r#"cd "$0"
            mkdir -p usr/lib usr/lib64 usr/bin root var/lib/dpkg/info var/lib/dpkg/updates
            for folder in bin lib lib64; do ln -s "usr/$folder" "$folder"; done
            native=$(dpkg --print-architecture)
            depends=$(dpkg-deb --field "$1" Depends | sed "s/([^)]*)//g; s/ *,/ /g; s/[a-z0-9-]\+/&:$native/g")
            dpkg-query --status $depends >var/lib/dpkg/status
            dpkg-query --listfiles $depends | grep '\.so\(\.[0-9]*\)*$' | grep -v gconv |
                tar --create --directory / --no-recursion --files-from - |
                tar --extract --keep-directory-symlink"#,
            &[package],
        );
        system
    }

    fn dpkg(&self, arguments: &[&str]) {
        self.sh(
            r#"root=$0 && dpkg --root="$root" --log=/dev/null "$@""#,
            arguments,
        );
    }

    /// As root, with the folder as `$0`.
    fn sh(&self, script: &str, arguments: &[&str]) -> String {
        let words = [&self.as_root[..], &["sh", "-euc", script]].concat();
        let mut sh = Command::new(words[0]);
        run(sh.args(&words[1..]).arg(self.root.path()).args(arguments))
    }

    /// Without what dpkg remembers, and what lamed wrote into its home.
    fn files(&self) -> BTreeSet<String> {
        let find =
            r#"cd "$0" && find * -not -type d -not -path 'var/lib/dpkg/*' -not -path 'root/*'"#;
        self.sh(find, &[]).lines().map(str::to_owned).collect()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.sh(r#"cd "$0" && rm -rf -- *"#, &[]);
    }
}

#[test]
fn dpkg_installs_the_package_into_an_empty_system_and_removes_it() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return tell_that_skipped("dpkg");
    }
    let Some(as_root) = as_root() else {
        return;
    };
    let Some(packages) = packages("deb") else {
        return;
    };
    let package = packages[0].to_str().unwrap();
    let system = System::new(as_root.clone(), package);
    let before = system.files();
    system.dpkg(&["--install", package]);

    let root = system.root.path();
    let folder = tempfile::tempdir().unwrap();
    let chroot = ["chroot", root.to_str().unwrap(), "/usr/bin/lamed"];
    let lamed = Installed {
        command: as_root
            .iter()
            .chain(&chroot)
            .map(|word| (*word).to_owned())
            .collect(),
        folder: folder.path().to_owned(),
        home: PathBuf::from("/root"),
        as_root: as_root.clone(),
    };
    lamed.works();
    manual_is_found(&root.join("usr/share/man"));
    let mut added = system.files();
    added.retain(|file| !before.contains(file) && !file.starts_with("usr/share/man/"));
    assert_eq!(
        added.iter().collect::<Vec<_>>(),
        [
            "usr/bin/lamed",
            "usr/share/bash-completion/completions/lamed",
            "usr/share/doc/lamed/changelog.gz",
            "usr/share/doc/lamed/copyright",
            "usr/share/fish/vendor_completions.d/lamed.fish",
            "usr/share/zsh/vendor-completions/_lamed",
        ]
    );

    system.dpkg(&["--remove", "lamed"]);
    assert_eq!(system.files(), before);
}
