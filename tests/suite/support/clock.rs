//! A clock that stands still until it is set, for a Redis, for our own stores and for the Lambda function.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lamed::domain::Timestamp;
use tempfile::TempDir;

pub struct Clock {
    folder: TempDir,
    file: File,
    /// Milliseconds since 1970.
    now: Arc<AtomicI64>,
}

impl Clock {
    /// Starts at a time that begins no slice of anything.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Self {
            file: File::create(folder.path().join("now")).unwrap(),
            folder,
            now: Arc::default(),
        };
        clock.advance(1_795_392_123_456);
        clock
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn advance(&self, milliseconds: i64) {
        let now = self.now() + milliseconds;
        self.file.write_all_at(&now.to_ne_bytes(), 0).unwrap();
        self.now.store(now, Ordering::SeqCst);
    }

    /// For a store in this process.
    pub fn reader(&self) -> impl Fn() -> Timestamp + Send + 'static {
        let now = self.now.clone();
        move || Timestamp(now.load(Ordering::SeqCst))
    }

    /// For another process, of the machine that `compiler` compiles for.
    pub(super) fn environment(&self, compiler: &str) -> Vec<(&'static str, OsString)> {
        vec![
            ("LD_PRELOAD", self.library(compiler).into()),
            ("TEST_CLOCK", self.folder.path().join("now").into()),
        ]
    }

    fn library(&self, compiler: &str) -> PathBuf {
        let source = self.folder.path().join("clock.c");
        let library = self.folder.path().join("clock.so");
        fs::write(&source, include_str!("clock.c")).unwrap();
        let mut cc = Command::new(compiler);
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]);
        assert!(cc.arg(&library).arg(&source).status().unwrap().success());
        library
    }
}
