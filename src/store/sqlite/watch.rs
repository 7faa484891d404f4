//! Whether the file that is open still is the one at its path, and whole. SQLite does not look: it goes on
//! in a file that was removed, and all that it acknowledges then is lost at the next start.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::log;

/// Looks at the files of a store each time before and after something is written.
pub(super) struct Watch {
    main: Watched,
    /// The write-ahead log, where there is one.
    log: Option<Watched>,
    /// Open for as long as the connection is: closing it would release the locks that SQLite has on it.
    file: File,
    header: Header,
    /// Whether what the log holds was put into the file since a file went away.
    rescued: bool,
    /// Why nothing more can be done with the file before a restart.
    damage: Option<String>,
}

/// A file, and how it looked last.
struct Watched {
    path: PathBuf,
    id: Id,
    size: u64,
    modified: Option<SystemTime>,
}

/// Device and inode: what a path can stop to mean.
type Id = (u64, u64);

/// What the first page says of the file.
#[derive(Clone, Copy, Default)]
struct Header {
    bytes: u64,
    /// Counts changes of the first page. It never goes back.
    changes: u32,
}

enum Trouble {
    /// A file is not where it was. It may come back.
    Away(String),
    /// The file is not whole, and what is in memory no longer fits to it.
    Damage(String),
}

impl Watch {
    /// Watches the files of an open connection.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut log: OsString = path.into();
        log.push("-wal");
        Ok(Self {
            main: Watched::new(path.to_owned())?,
            log: Watched::new(log.into()).ok(),
            header: Header::read(&file)?.unwrap_or_default(),
            file,
            rescued: false,
            damage: None,
        })
    }

    /// How large the log is, or was when it was there last.
    pub(super) fn log_size(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.size)
    }

    /// Looks at the files: `Err` says what is wrong. A file that went away gets all that was acknowledged
    /// before, for it may be kept under another name.
    pub(super) fn check(&mut self, connection: &Connection) -> Result<(), String> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        match self.look(connection) {
            Ok(()) => {
                self.rescued = false;
                Ok(())
            }
            Err(Trouble::Away(reason)) => {
                if !self.rescued {
                    self.rescued = log::empty(connection).is_ok();
                }
                Err(reason)
            }
            Err(Trouble::Damage(reason)) => {
                // Closing must not write pages of the old file into what is there now.
                let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
                self.damage = Some(reason.clone());
                Err(reason)
            }
        }
    }

    fn look(&mut self, connection: &Connection) -> Result<(), Trouble> {
        let found = self.main.find()?;
        let (size, modified) = (found.len(), found.modified().ok());
        // Only a checkpoint writes into it.
        if (size, modified) != (self.main.size, self.main.modified) {
            self.compare(size)?;
            (self.main.size, self.main.modified) = (size, modified);
        }
        if let Some(log) = &mut self.log {
            let size = log.find()?.len();
            if size < log.size && size < needed(connection) {
                return Err(log.damaged("was truncated"));
            }
            log.size = size;
        }
        Ok(())
    }

    /// Whether the file, which was written to, can be what a checkpoint left.
    fn compare(&mut self, size: u64) -> Result<(), Trouble> {
        let header = match Header::read(&self.file) {
            Ok(Some(header)) => header,
            Ok(None) => return Err(self.main.damaged("was overwritten")),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(self.main.damaged("was truncated"));
            }
            Err(error) => return Err(Trouble::Away(self.main.text(&error.to_string()))),
        };
        // A checkpoint of another program may be under way: the file is shorter than it will be, but it
        // does not shrink below what it says.
        if size < self.main.size && size < header.bytes {
            return Err(self.main.damaged("was truncated"));
        }
        if header.changes.wrapping_sub(self.header.changes) > u32::MAX / 2 {
            return Err(self.main.damaged("was overwritten with another file"));
        }
        self.header = header;
        Ok(())
    }
}

impl Watched {
    fn new(path: PathBuf) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        Ok(Self {
            id: id(&found),
            size: found.len(),
            modified: found.modified().ok(),
            path,
        })
    }

    fn find(&self) -> Result<Metadata, Trouble> {
        let away = |what: &str| {
            let remedy = "put it back, or restart lamed";
            Trouble::Away(self.text(&format!("{what} while lamed uses it: {remedy}")))
        };
        match fs::metadata(&self.path) {
            Ok(found) if id(&found) == self.id => Ok(found),
            Ok(_) => Err(away("was replaced by another file")),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(away("was removed or moved")),
            Err(error) => Err(Trouble::Away(self.text(&error.to_string()))),
        }
    }

    fn damaged(&self, what: &str) -> Trouble {
        let remedy = "stop lamed, and restore a backup";
        Trouble::Damage(self.text(&format!("{what} while lamed uses it: {remedy}")))
    }

    fn text(&self, what: &str) -> String {
        format!("`{}` {what}", self.path.display())
    }
}

impl Header {
    /// `None` where the file is not one of SQLite.
    fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; 100];
        read_start(file, &mut bytes)?;
        if !bytes.starts_with(b"SQLite format 3\0") {
            return Ok(None);
        }
        let number = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let page = match u16::from_be_bytes([bytes[16], bytes[17]]) {
            1 => 65_536,
            page => u64::from(page),
        };
        Ok(Some(Self {
            bytes: page * u64::from(number(28)),
            changes: number(24),
        }))
    }
}

/// How long the log has to be for the commits in it. SQLite fails to read one that is shorter.
fn needed(connection: &Connection) -> u64 {
    let frames = log::checkpoint(connection, "PASSIVE").map(|log| log.frames);
    let page = connection.pragma_query_value(None, "page_size", |row| row.get::<_, u64>(0));
    match (frames, page) {
        (Ok(0), _) => 0,
        (Ok(frames), Ok(page)) => 32 + frames * (24 + page),
        _ => u64::MAX,
    }
}

#[cfg(unix)]
fn read_start(file: &File, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn read_start(mut file: &File, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek};
    file.rewind()?;
    file.read_exact(bytes)
}

#[cfg(unix)]
fn id(found: &Metadata) -> Id {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn id(_: &Metadata) -> Id {
    (0, 0)
}
