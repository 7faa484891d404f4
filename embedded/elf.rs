//! What the builder asks of the executable: which C library it needs.

use object::LittleEndian;
use object::elf::{FileHeader64, VER_FLG_WEAK};
use object::read::elf::FileHeader;

/// Refuses an executable that a system with the C library `max` could not load.
pub fn check_glibc(executable: &[u8], max: (u32, u32)) -> Result<(), String> {
    let too_new: Vec<String> = needed_versions(executable)
        .map_err(|error| format!("the bootstrap is not an ELF file: {error}"))?
        .into_iter()
        .filter(|name| glibc(name).is_some_and(|version| version > max))
        .collect();
    if too_new.is_empty() {
        return Ok(());
    }
    let (major, minor) = max;
    Err(format!(
        "the bootstrap needs {} of the C library, but provided.al2023 of Lambda has GLIBC_{major}.{minor}: \
         build it on an older system",
        too_new.join(", ")
    ))
}

/// The versions of symbols without which the executable is not loaded.
fn needed_versions(executable: &[u8]) -> object::Result<Vec<String>> {
    let header = FileHeader64::<LittleEndian>::parse(executable)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, executable)?;
    let mut names = Vec::new();
    let Some((mut needs, link)) = sections.gnu_verneed(endian, executable)? else {
        return Ok(names);
    };
    let strings = sections.strings(endian, executable, link)?;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            if !version.vna_flags.get(endian).contains(VER_FLG_WEAK) {
                let name = version.name(endian, strings)?;
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok(names)
}

/// `GLIBC_2.34` as `(2, 34)`.
fn glibc(name: &str) -> Option<(u32, u32)> {
    let (major, minor) = name.strip_prefix("GLIBC_")?.split_once('.')?;
    // `2.2.5` counts as 2.2.
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::env;
    use std::fs;

    #[test]
    fn an_executable_for_newer_systems_is_refused() {
        let this = fs::read(env::current_exe().unwrap()).unwrap();
        assert_eq!(check_glibc(&this, (2, 99)), Ok(()));
        let refusal = check_glibc(&this, (2, 2)).unwrap_err();
        assert!(refusal.contains("needs GLIBC_2."), "{refusal}");
        assert!(
            refusal.contains("provided.al2023 of Lambda has GLIBC_2.2: "),
            "{refusal}"
        );
        assert!(check_glibc(b"#!/bin/sh", (2, 99)).is_err());
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(glibc("GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc("GLIBC_2.4") < glibc("GLIBC_2.34"));
        assert_eq!(glibc("GCC_3.0"), None);
    }
}
