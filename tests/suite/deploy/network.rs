//! The way to AWS: credentials that fail, proxies, and authorities of companies.

use std::fs;
use std::time::Duration;

use sha1::Digest as _;

use super::*;
use crate::support::aws::{REGION, Tls};
use crate::support::{line, make_certificates};

impl Site {
    /// A command with the profiles of this text, and nothing else of AWS in its environment.
    fn with_profiles(&self, profiles: &str, arguments: &[&str]) -> Line {
        let file = self.home.path().join("profiles");
        fs::write(&file, profiles).unwrap();
        line(&self.home, &[arguments, &["--region", REGION]].concat())
            .env("AWS_ENDPOINT_URL", self.aws.url())
            .env("AWS_CONFIG_FILE", file.to_str().unwrap())
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }
}

/// Fails, and says this alone.
#[track_caller]
fn fails(line: Line, said: &str) {
    let outcome = line.run();
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(1), format!("error: {said}\n").as_str())
    );
}

#[test]
fn credentials_that_fail_say_why() {
    let site = Site::new();
    let profiles = format!(
        "[default]
credential_process = sh -c 'echo the vault is sealed >&2; exit 3'
[profile lost]
source_profile = gone
role_arn = arn:aws:iam::{0}:role/x
[profile keys]
aws_access_key_id = AKIATEST
aws_secret_access_key = secret
[profile refused]
source_profile = keys
role_arn = arn:aws:iam::{0}:role/x
[sso-session company]
sso_region = {REGION}
sso_start_url = https://company.example/start
[profile signed-out]
sso_session = company
sso_account_id = {0}
sso_role_name = dev
",
        site.aws.account
    );
    let status =
        |arguments: &[&str]| site.with_profiles(&profiles, &[&["status"], arguments].concat());
    let process = "cannot get the AWS credentials of the profile `default`: Error retrieving credentials: external \
                   process exited with code exit status: 3. Stderr: the vault is sealed";
    fails(status(&[]), process);
    let lost = "the profile `lost` needs the profile `gone`, which ~/.aws does not define";
    fails(status(&["--profile", "lost"]), lost);
    fails(status(&[]).env("AWS_PROFILE", "lost"), lost);
    let signed_out =
        "the profile `signed-out` is not signed in: run `aws sso login --profile signed-out`";
    fails(status(&["--profile", "signed-out"]), signed_out);
    site.sign_in("company", "2020-01-01T00:00:00Z");
    let expired =
        "the sign-in of the profile `signed-out` expired: run `aws sso login --profile signed-out`";
    fails(status(&["--profile", "signed-out"]), expired);
    site.aws.deny("sts:AssumeRole");
    let refused = format!(
        "cannot get the AWS credentials of the profile `refused`: `sts:AssumeRole`: User: arn:aws:iam::{}:user/moto is not \
         authorized to perform: sts:AssumeRole on resource: * because no identity-based policy allows the sts:AssumeRole \
         action (AccessDenied)",
        site.aws.account
    );
    fails(status(&["--profile", "refused"]), &refused);
}

impl Site {
    /// As `aws sso login` leaves it.
    fn sign_in(&self, session: &str, until: &str) {
        let name: String = sha1::Sha1::digest(session)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let folder = self.home.path().join(".aws/sso/cache");
        fs::create_dir_all(&folder).unwrap();
        let token = json!({"accessToken": "of the test", "expiresAt": until, "region": REGION});
        fs::write(folder.join(format!("{name}.json")), token.to_string()).unwrap();
    }
}

#[test]
fn calls_go_through_the_proxy_that_the_environment_names() {
    let site = Site::new();
    let elsewhere = |names: &[&str]| {
        let line = site
            .line(&["status"])
            .env("AWS_ENDPOINT_URL", "http://aws.example");
        let line = names
            .iter()
            .fold(line, |line, name| line.env(name, site.aws.url()));
        line.run()
    };
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        site.aws.reset();
        let outcome = elsewhere(&[name]);
        assert!(
            outcome.stderr.contains("is not deployed in account"),
            "{name}: {outcome}"
        );
        assert_ne!(site.aws.calls(), [], "{name}");
    }
    // Hosts that are named go without it.
    site.aws.reset();
    let line = site
        .line(&["status"])
        .env("HTTP_PROXY", "http://127.0.0.1:9");
    let outcome = line.env("NO_PROXY", "localhost,127.0.0.1").run();
    assert!(
        outcome.stderr.contains("is not deployed in account"),
        "{outcome}"
    );
}

#[test]
fn authorities_of_a_company_are_trusted_where_they_are_named() {
    let site = Site::new();
    let home = site.home.path();
    make_certificates(home);
    let server = Tls::start(home, &site.aws);
    let to_tls = |line: Line| {
        line.env(
            "AWS_ENDPOINT_URL",
            format!("https://localhost:{}", server.port),
        )
    };
    let keys = "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n";
    let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let trusting = format!("{keys}ca_bundle = {}\n", path("ca.crt"));
    for line in [
        to_tls(site.with_profiles(keys, &["status"])).env("AWS_CA_BUNDLE", path("ca.crt")),
        to_tls(site.with_profiles(keys, &["status"])).env("SSL_CERT_FILE", path("ca.crt")),
        to_tls(site.with_profiles(&trusting, &["status"])),
    ] {
        let outcome = line.run();
        assert!(
            outcome.stderr.contains("is not deployed in account"),
            "{outcome}"
        );
    }
    let outcome = to_tls(site.with_profiles(&trusting, &["status"]))
        .env("AWS_CA_BUNDLE", path("other.crt"))
        .run();
    assert!(outcome.stderr.contains("certificate"), "{outcome}");
    fails(
        to_tls(site.with_profiles(keys, &["status"])).env("AWS_CA_BUNDLE", "none.pem"),
        "`AWS_CA_BUNDLE`: cannot use `none.pem`: No such file or directory (os error 2)",
    );
    fails(
        to_tls(site.with_profiles(keys, &["status"])).env("AWS_CA_BUNDLE", "config.json"),
        "`AWS_CA_BUNDLE`: cannot use `config.json`: it contains no certificate in PEM format",
    );
}

/// As a small container is.
#[test]
fn a_system_without_authorities_is_told_what_to_install() {
    let site = Site::new();
    let home = site.home.path();
    make_certificates(home);
    let server = Tls::start(home, &site.aws);
    let status = || {
        let keys = "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n";
        site.with_profiles(keys, &["status"])
            .env("SSL_CERT_FILE", "/dev/null")
            .env("SSL_CERT_DIR", "/dev/null")
    };
    let by_tls = format!("https://localhost:{}", server.port);
    let outcome = status().env("AWS_ENDPOINT_URL", by_tls).run();
    let told = "UnknownIssuer: this system has no certificate authorities: install the package `ca-certificates`, \
                or set `SSL_CERT_FILE`\n";
    assert!(outcome.stderr.ends_with(told), "{outcome}");
    // An emulator without TLS needs none.
    let outcome = status().run();
    assert!(
        outcome.stderr.contains("is not deployed in account"),
        "{outcome}"
    );
}

/// On a slow line, several uploads would keep each other from ending.
#[test]
fn zips_go_up_one_at_a_time() {
    let site = Site::new();
    site.aws.latency(Duration::from_millis(50));
    site.deploy();
    site.build("second");
    site.deploy();
    for (action, most) in [
        ("lambda:CreateFunction", 1),
        ("lambda:UpdateFunctionCode", 1),
        ("logs:CreateLogGroup", 5),
    ] {
        assert_eq!(site.aws.at_once(action), most, "{action}");
    }
}

/// As the AWS CLI names the services: with an underscore for the space in `API Gateway`.
#[test]
fn the_services_section_of_a_profile_leads_every_call() {
    let site = Site::new();
    let services = [
        "api_gateway",
        "cloudwatch_logs",
        "dynamodb",
        "iam",
        "lambda",
        "sts",
    ];
    let profiles = |services: &[&str]| {
        let mut text = "[default]
aws_access_key_id = AKIATEST
aws_secret_access_key = secret
services = local
[services local]
"
        .to_owned();
        for service in services {
            text += &format!("{service} =\n  endpoint_url = {}\n", site.aws.url());
        }
        let file = site.home.path().join("profiles");
        fs::write(&file, text).unwrap();
        file
    };
    let run = |file: &std::path::Path, arguments: &[&str]| {
        let line = line(&site.home, &[arguments, &["--region", REGION]].concat())
            .env("AWS_CONFIG_FILE", file.to_str().unwrap())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        // What is not obeyed ends here, and not in AWS.
        line.env("HTTPS_PROXY", "http://127.0.0.1:9").run()
    };
    for door in ["rest_api", "function_url"] {
        site.configure(&with(
            "/aws",
            json!({"front_door": door, "name": door.replace('_', "-")}),
        ));
        let arguments = [&DEPLOY[..], &["--yes"]].concat();
        let outcome = run(&profiles(&services), &arguments);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        assert!(outcome.stdout.contains(&site.aws.url()), "{outcome}");
    }
    let outcome = run(
        &profiles(&services),
        &["preflight", "--bootstrap", "function.zip"],
    );
    let account = format!("arn:aws:iam::{}:user/moto in {REGION}", site.aws.account);
    assert!(outcome.stdout.contains(&account), "{outcome}");
    // Each by itself, and an address that is none is refused.
    for (service, action) in
        services
            .iter()
            .zip(["apigateway", "logs", "dynamodb", "iam", "lambda", "sts"])
    {
        if action == "dynamodb" {
            continue;
        }
        let others: Vec<&str> = services
            .iter()
            .copied()
            .filter(|one| one != service)
            .collect();
        let outcome = run(&profiles(&others), &["status"]);
        let asked = format!("cannot reach AWS for `{action}:");
        assert!(outcome.stderr.contains(&asked), "{service}: {outcome}");
    }
    let file = profiles(&["iam"]);
    let text = fs::read_to_string(&file).unwrap().replace("http://", "");
    fs::write(&file, text).unwrap();
    fails(
        line(&site.home, &["status", "--region", REGION])
            .env("AWS_CONFIG_FILE", file.to_str().unwrap()),
        "`endpoint_url` in `~/.aws/config` is not a URL: set it to a URL such as http://127.0.0.1:4566, or unset it",
    );
}
