//! Zips of the Lambda function: the one of `--bootstrap FILE`, and the files beside its program.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::from_config::SetupError;
use crate::config::Architecture;
use crate::function::EXPERIMENTS;

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

/// The zip with one file more. Equal parts give equal bytes.
pub(super) fn with_file(zip: &[u8], name: &str, content: &[u8]) -> Result<Vec<u8>, SetupError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let add = || -> ZipResult<Vec<u8>> {
        let mut writer = ZipWriter::new_append(Cursor::new(zip.to_vec()))?;
        writer.start_file(name, options)?;
        writer.write_all(content)?;
        Ok(writer.finish()?.into_inner())
    };
    add().map_err(|error| {
        SetupError::Usage(format!(
            "cannot add `{name}` to the zip of the Lambda function: {error}"
        ))
    })
}

/// A file beside the program.
pub(super) fn file_in(zip: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).ok()?;
    let mut content = Vec::new();
    let mut entry = archive.by_name(name).ok()?;
    entry.read_to_end(&mut content).ok()?;
    Some(content)
}

/// The program of one zip with the experiments of another; `None` where they are the same. The scripts stay that were
/// compressed with the program: they are found by what they are, so those of other experiments are not.
pub(super) fn with_experiments_of(zip: &[u8], live: &[u8]) -> Result<Option<Vec<u8>>, SetupError> {
    let Some(experiments) = file_in(live, EXPERIMENTS) else {
        return Ok(None);
    };
    if file_in(zip, EXPERIMENTS).as_ref() == Some(&experiments) {
        return Ok(None);
    }
    let read = || -> ZipResult<Vec<u8>> {
        let mut archive = ZipArchive::new(Cursor::new(zip))?;
        let mut bare = ZipWriter::new(Cursor::new(Vec::new()));
        for place in 0..archive.len() {
            let entry = archive.by_index_raw(place)?;
            if entry.name()? != EXPERIMENTS {
                bare.raw_copy_file(entry)?;
            }
        }
        Ok(bare.finish()?.into_inner())
    };
    let bare = read().map_err(|error| {
        SetupError::Usage(format!(
            "cannot read the zip of the earlier release: {error}"
        ))
    })?;
    with_file(&bare, EXPERIMENTS, &experiments).map(Some)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_takes_one_file_more() {
        let options = SimpleFileOptions::default().unix_permissions(0o755);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("bootstrap", options).unwrap();
        writer.write_all(b"program").unwrap();
        let zip = writer.finish().unwrap().into_inner();
        let both = with_file(&zip, "a.json", b"{}").unwrap();
        assert_eq!(both, with_file(&zip, "a.json", b"{}").unwrap());
        let mut archive = ZipArchive::new(Cursor::new(both.as_slice())).unwrap();
        for (name, mode, text) in [("bootstrap", 0o755, "program"), ("a.json", 0o644, "{}")] {
            let mut entry = archive.by_name(name).unwrap();
            assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(mode));
            let mut found = String::new();
            entry.read_to_string(&mut found).unwrap();
            assert_eq!(found, text);
        }
        let twice = with_file(&both, "a.json", b"{}");
        let Err(SetupError::Usage(error)) = twice else {
            panic!("{twice:?}");
        };
        assert!(error.starts_with("cannot add `a.json`"), "{error}");
    }
}
