//! A DynamoDB: MiniStack's, which all tests share, each with tables of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use lamed::domain::{Secret, Timestamp};
use lamed::store::{
    Counting, Credentials, CredentialsSource, DynamoDbSettings, DynamoDbStore, Store,
};

use super::{Clock, free_port, tools};

/// Where the server listens. It starts with the first test that asks and ends with the tests' process, because then its
/// standard input does.
fn address() -> &'static str {
    static MINISTACK: OnceLock<(Child, String)> = OnceLock::new();
    let (_, address) = MINISTACK.get_or_init(|| {
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/mini.py");
        let mut child = Command::new(tools().join("venv/bin/python"))
            .arg("-B")
            .arg(script)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`tests/run` installs what this needs");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "MiniStack ended early");
        (child, format!("127.0.0.1:{port}"))
    });
    address
}

/// Credentials that MiniStack takes.
struct Anybody;

#[async_trait]
impl CredentialsSource for Anybody {
    async fn credentials(&self) -> Result<Credentials, String> {
        Ok(Credentials {
            access_key_id: "test".to_owned(),
            secret_access_key: Secret::new("s3cret"),
            session_token: None,
            expires: None,
        })
    }
}

/// A table that is nobody else's, empty.
pub struct Table {
    pub settings: DynamoDbSettings,
}

impl Table {
    pub async fn create() -> Self {
        static TABLES: AtomicU64 = AtomicU64::new(0);
        let number = TABLES.fetch_add(1, Ordering::Relaxed);
        let mut settings = DynamoDbSettings::new(format!("lamed-{number}"), "eu-west-1");
        settings.endpoint = Some(format!("http://{}", address()));
        // It is not what is tested: tests wait for it on a slow machine, too.
        settings.timeout = Duration::from_secs(30);
        let table = Self { settings };
        table.store().create_table().await.unwrap();
        table
    }

    pub fn store(&self) -> DynamoDbStore {
        self.store_counting(Counting::default())
    }

    pub fn store_counting(&self, counting: Counting) -> DynamoDbStore {
        self.store_by(counting, Timestamp::now)
    }

    /// One whose clock is the test's.
    pub fn store_at(&self, counting: Counting, clock: &Clock) -> Box<dyn Store> {
        Box::new(self.store_by(counting, clock.reader()))
    }

    fn store_by(
        &self,
        counting: Counting,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> DynamoDbStore {
        let settings = DynamoDbSettings {
            counting,
            ..self.settings.clone()
        };
        DynamoDbStore::with_clock(&settings, Arc::new(Anybody), clock).unwrap()
    }
}
