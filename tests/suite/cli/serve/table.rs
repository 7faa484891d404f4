//! `lamed serve` over a table of DynamoDB.

use serde_json::json;
use tempfile::TempDir;

use super::serve;
use crate::cli::home;
use crate::support::dynamodb::{self, Proxy, Table};
use crate::support::{Outcome, free_port, make_certificates, query};

#[tokio::test]
async fn serve_says_what_keeps_it_from_a_table() {
    let serve = |home: &TempDir, store: &str| {
        serve(home, &["--store", store]).env("AWS_EC2_METADATA_DISABLED", "true")
    };
    let without = home();
    let error =
        "error: no AWS region is set: use `--region`, set `AWS_REGION`, or run `aws configure`\n";
    serve(&without, "dynamodb:lamed").gives(1, "", error);
    let error = "error: no AWS credentials found: run `aws configure` or `aws sso login`, or set \
                 `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`\n";
    let line = serve(&without, "dynamodb:lamed").env("AWS_REGION", "eu-west-1");
    line.gives(1, "", error);

    let table = Table::create().await;
    let home = home();
    dynamodb::give_access(home.path(), table.settings.endpoint.as_ref().unwrap());
    let Outcome { code, stderr, .. } = serve(&home, "dynamodb:missing").run();
    let begins = "error: cannot use the DynamoDB table `missing` in eu-west-1: it does not exist: create it with \
                  `aws dynamodb create-table --region eu-west-1 --table-name missing ";
    assert!(code == Some(1) && stderr.starts_with(begins), "{stderr}");
    dynamodb::give_access(home.path(), &format!("http://127.0.0.1:{}", free_port()));
    let Outcome { code, stderr, .. } = serve(&home, &table.name()).run();
    assert!(
        code == Some(1) && stderr.contains(": cannot connect: "),
        "{stderr}"
    );
    dynamodb::give_access(home.path(), "127.0.0.1");
    let Outcome { code, stderr, .. } = serve(&home, &table.name()).run();
    assert!(
        code == Some(1) && stderr.contains("is not a URL"),
        "{stderr}"
    );
}

#[tokio::test]
async fn serve_speaks_tls_to_who_a_trusted_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let proxy = Proxy::start_with_tls(folder.path());
    let (_, port) = proxy.address.rsplit_once(':').unwrap();
    let home = home();
    dynamodb::give_access(home.path(), &format!("https://localhost:{port}"));
    let said = |authority: &str| {
        let line = serve(&home, &["--store", "dynamodb:missing"]);
        let line = line.env("SSL_CERT_FILE", folder.path().join(authority));
        line.run().stderr
    };
    // MiniStack's own words: all of the way works.
    let stderr = said("ca.crt");
    assert!(stderr.contains("it does not exist: create it"), "{stderr}");
    let stderr = said("other.crt");
    assert!(
        stderr.contains("TLS: invalid peer certificate: UnknownIssuer"),
        "{stderr}"
    );
}

#[tokio::test]
async fn serve_counts_in_a_table() {
    let table = Table::create().await;
    let mut server = table.serve(home(), "127.0.0.1:0", &[]);
    assert_eq!(server.ready["store"], table.name());
    let place = table.settings.to_string();
    assert!(
        server.log().contains(&format!("counts in {place}")) || server.log().is_empty(),
        "{}",
        server.log()
    );
    let path = format!(
        "/prod/track?{}",
        query(&[
            ("experiment", "e"),
            ("variant", "v"),
            ("event", "g"),
            ("uuid", "1")
        ])
    );
    for counted in [true, false] {
        let reply = server.client().get(&path).await;
        assert_eq!(reply.json(), json!({"counted": counted}));
    }
    let ready = server.client().get("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()["store"].clone()),
        (200, json!("dynamodb")),
        "{ready:?}"
    );
    server.terminate();
    assert_eq!(server.wait().0.code(), Some(0));
    let server = table.serve(home(), "127.0.0.1:0", &[]);
    assert_eq!(
        server.client().get(&path).await.json(),
        json!({"counted": false})
    );
}
