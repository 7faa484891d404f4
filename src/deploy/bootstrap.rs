//! `--bootstrap FILE`: a zip of the Lambda function that is not the embedded one.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use zip::ZipArchive;

use super::from_config::SetupError;
use crate::config::Architecture;

/// What Lambda takes by a direct upload, in bytes.
///
/// Source: "Lambda quotas", AWS documentation.
const MAX_BYTES: u64 = 50 * 1024 * 1024;

/// Reads the zip, and makes sure that Lambda could run what is in it.
pub(super) fn read(path: &Path) -> Result<(Architecture, Vec<u8>), SetupError> {
    let wrong = |why: &str| SetupError::Usage(format!("`--bootstrap {}`: {why}", path.display()));
    let mut zip = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut zip))
        .map_err(|error| wrong(&format!("cannot read the file: {error}")))?;
    if zip.len() as u64 > MAX_BYTES {
        return Err(wrong("the file is larger than 50 MB, the limit of Lambda"));
    }
    let mut archive = ZipArchive::new(Cursor::new(&zip)).map_err(|_| wrong("not a zip file"))?;
    let mut entry = (archive.by_name("bootstrap"))
        .map_err(|_| wrong("the zip must contain a file `bootstrap`, which Lambda runs"))?;
    let mut head = [0; 20];
    // A shorter one is no program, either.
    let _ = entry.read_exact(&mut head);
    let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
    let architecture = architecture(&head).ok_or_else(|| {
        wrong("`bootstrap` in the zip must be a Linux program for arm64 or x86_64")
    })?;
    if !executable {
        return Err(wrong("`bootstrap` in the zip must be marked as executable"));
    }
    drop(entry);
    Ok((architecture, zip))
}

/// The processor that an ELF file is for.
///
/// Source: System V ABI, "ELF header": 64 bits, little-endian, `e_machine` at byte 18.
fn architecture(head: &[u8; 20]) -> Option<Architecture> {
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    match u16::from_le_bytes([head[18], head[19]]) {
        62 => Some(Architecture::X86_64),
        183 => Some(Architecture::Arm64),
        _ => None,
    }
}
