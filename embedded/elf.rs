//! What the builder does with the executable itself.

use object::LittleEndian;
use object::elf::{FileHeader64, PT_GNU_EH_FRAME, VER_FLG_WEAK};
use object::read::elf::{FileHeader, ProgramHeader};

/// Refuses an executable that a system with the C library `max` could not load.
pub fn check_glibc(executable: &[u8], max: (u32, u32)) -> Result<(), String> {
    let too_new: Vec<String> = needed_versions(executable)
        .map_err(|error| format!("the bootstrap is no ELF file: {error}"))?
        .into_iter()
        .filter(|name| glibc(name).is_some_and(|version| version > max))
        .collect();
    if too_new.is_empty() {
        return Ok(());
    }
    let (major, minor) = max;
    Err(format!(
        "the bootstrap needs {} of the C library, and Lambda's provided.al2023 has GLIBC_{major}.{minor}: \
         build it on a system that is not newer",
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

/// Clears the sorted table by which a panic finds the function of an address, and says that there is
/// none: the unwinder then goes through `.eh_frame` from its start. A panic takes longer, and the zip is
/// 2 % smaller.
///
/// `.eh_frame_hdr` begins with a version and how three things are encoded: where `.eh_frame` is, the
/// number of entries, the entries. Then come these ("Exception Frames", Linux Standard Base 5.0).
pub fn clear_search_table(executable: &mut [u8]) -> object::Result<()> {
    /// As linkers write it: relative to here in 4 bytes, 4 bytes, relative to the section in 4 bytes each.
    const WITH_TABLE: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
    const OMITTED: u8 = 0xff;
    let elf = FileHeader64::<LittleEndian>::parse(&*executable)?;
    let endian = elf.endian()?;
    let segments = elf.program_headers(endian, &*executable)?;
    let header = (segments.iter())
        .find(|segment| segment.p_type(endian) == PT_GNU_EH_FRAME)
        .map(|segment| segment.file_range(endian));
    let Some((start, length)) = header else {
        return Ok(());
    };
    let (start, length) = (start as usize, length as usize);
    let header = (executable.get_mut(start..)).and_then(|rest| rest.get_mut(..length));
    if let Some([version, frames, count, entries, rest @ ..]) = header
        && [*version, *frames, *count, *entries] == WITH_TABLE
        && let Some((_frames, table)) = rest.split_first_chunk_mut::<4>()
    {
        (*count, *entries) = (OMITTED, OMITTED);
        table.fill(0);
    }
    Ok(())
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
            refusal.contains("provided.al2023 has GLIBC_2.2: "),
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
