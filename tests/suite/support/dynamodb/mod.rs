//! A DynamoDB: MiniStack's, which all tests share, each with tables of its own; and a proxy before it that makes what
//! MiniStack does not make: conflicts of transactions, throttling, answers that are lost.

mod proxy;

use std::fs;
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
use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::proxy::{Proxy, Trouble};
use super::{Client, Clock, Server, free_port, tools};

const REGION: &str = "eu-west-1";

/// Where the server listens. It starts with the first test that asks and ends with the tests' process, because then its
/// standard input does.
pub fn address() -> &'static str {
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
pub struct Anybody;

#[async_trait]
impl CredentialsSource for Anybody {
    async fn credentials(&self) -> Result<Credentials, String> {
        Ok(Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("s3cret"),
            session_token: Some(Secret::new("t0ken")),
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
        let mut settings = DynamoDbSettings::new(format!("lamed-{number}"), REGION);
        settings.endpoint = Some(format!("http://{}", address()));
        // It is not what is tested: tests wait for it on a slow machine, too.
        settings.timeout = Duration::from_secs(30);
        let table = Self { settings };
        table.store().create_table().await.unwrap();
        table
    }

    /// The same table behind a proxy.
    pub fn behind(&self, proxy: &Proxy) -> Self {
        let mut settings = self.settings.clone();
        settings.endpoint = Some(format!("http://{}", proxy.address));
        Self { settings }
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

    /// For `--store`.
    pub fn name(&self) -> String {
        format!("dynamodb:{}", self.settings.table)
    }

    /// A server that counts here.
    pub fn serve(&self, home: TempDir, listen: &str, arguments: &[&str]) -> Server {
        let endpoint = self.settings.endpoint.as_ref().unwrap();
        give_access(home.path(), endpoint);
        let store = self.name();
        let arguments = [arguments, &["--store", &store]].concat();
        Server::start_in(home, listen, &arguments)
    }

    /// Asks MiniStack itself.
    pub async fn ask(&self, operation: &str, mut body: Value) -> Value {
        body["TableName"] = self.settings.table.as_str().into();
        let scope = format!("AKIDEXAMPLE/20261130/{REGION}/dynamodb/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
            ("authorization", authorization.as_str()),
        ];
        let mut client = Client::new(address());
        let reply = client
            .send("POST", "/", &headers, &body.to_string())
            .await
            .unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// All keys of the table that begin so, in order: `pk sk`.
    pub async fn keys(&self, start: &str) -> Vec<String> {
        let items = self.ask("Scan", json!({})).await;
        let mut keys: Vec<String> = (items["Items"].as_array().unwrap().iter())
            .map(|item| {
                let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
                format!("{} {}", text("pk"), text("sk"))
            })
            .filter(|key| key.starts_with(start))
            .collect();
        keys.sort();
        keys
    }
}

/// A home in which all AWS tools find the region, credentials and MiniStack.
pub fn give_access(home: &Path, endpoint: &str) {
    let folder = home.join(".aws");
    fs::create_dir_all(&folder).unwrap();
    let config = format!("[default]\nregion = {REGION}\nendpoint_url = {endpoint}\n");
    fs::write(folder.join("config"), config).unwrap();
    let credentials =
        "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s3cret\n";
    fs::write(folder.join("credentials"), credentials).unwrap();
}
