//! The real function behind a real gateway: MiniStack runs what was deployed, as moto does not.

use super::*;
use crate::support::{Client, Executable, Redis, ministack};

/// A deployment through a REST API, over a Redis on this machine.
struct Running {
    home: TempDir,
    redis: Redis,
}

impl Running {
    const NAME: &str = "behind-a-gateway";

    fn configure(&self, namespace: &str) {
        let config = json!({
            "redis": {"host": "127.0.0.1", "port": self.redis.port},
            "namespace": namespace,
            "aws": {"name": Self::NAME, "front_door": "rest_api", "architecture": Executable::NATIVE},
        });
        fs::write(self.home.path().join("config.json"), config.to_string()).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let line = crate::support::line(&self.home, arguments);
        let environment = [
            (
                "AWS_ENDPOINT_URL",
                format!("http://{}", ministack()).as_str(),
            ),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret"),
            ("AWS_REGION", "eu-west-1"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let line = environment
            .into_iter()
            .fold(line, |line, (name, value)| line.env(name, value));
        line.run()
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        outcome
    }

    /// Sends an event, and gives the status and what is said.
    async fn track(&self, uuid: &str) -> (u16, String) {
        let status = self.succeeds(&["status", "--json", "-q"]);
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        let url = status["track_url"].as_str().unwrap();
        let path = url.split_once(ministack()).unwrap().1;
        let query = format!("experiment=color&variant=blue&event=participate&uuid={uuid}");
        let reply = Client::new(ministack())
            .get(&format!("{path}?{query}"))
            .await;
        (reply.status, reply.body)
    }
}

#[tokio::test]
async fn what_is_deployed_counts_goes_back_and_goes_away() {
    let mut running = Running {
        home: crate::cli::home(),
        redis: Redis::durable(),
    };
    running.configure("one");
    running.succeeds(&["deploy", "--yes"]);
    let counted = |yes: bool| (200, json!({"counted": yes}).to_string());
    assert_eq!(running.track("1").await, counted(true));
    assert_eq!(running.track("1").await, counted(false));
    let has = |running: &Running, namespace: &str| {
        let keys = running.redis.keys(0);
        keys.keys()
            .any(|key| key.contains(&format!("{namespace}:")))
    };
    assert!(has(&running, "one") && !has(&running, "two"));

    running.configure("two");
    let outcome = running.succeeds(&["deploy", "--yes"]);
    assert!(outcome.stderr.contains("release 2"), "{outcome}");
    assert_eq!(running.track("1").await, counted(true));
    assert!(has(&running, "two"));
    let again = running.succeeds(&["deploy", "--yes", "--no-preflight"]);
    assert!(again.stderr.contains("no changes needed"), "{again}");

    // The code of the first release, with the settings of today.
    running.succeeds(&["rollback", "--yes"]);
    assert_eq!(running.track("2").await, counted(true));
    running.succeeds(&["rollback", "--to", "2", "--with-experiments", "--yes"]);
    assert_eq!(running.track("2").await, counted(false));

    // What is not well is seen through the front door.
    running.redis.kill();
    let outcome = running.run(&["deploy", "--yes", "--no-preflight"]);
    let said = "the function cannot reach its store: `lamed logs` shows the reason";
    assert!(
        outcome.code == Some(1) && outcome.stderr.contains(said),
        "{outcome}"
    );
    running.redis.restart();
    assert_eq!(running.track("3").await, counted(true));

    running.succeeds(&["destroy", "--yes"]);
    let outcome = running.run(&["status"]);
    let gone = format!(
        "error: `{}-lamed` is not deployed in account ",
        Running::NAME
    );
    assert!(
        outcome.code == Some(1) && outcome.stderr.starts_with(&gone),
        "{outcome}"
    );
}
