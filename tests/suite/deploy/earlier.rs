//! What earlier builds deployed (`fixtures/earlier`) is taken over in place.

use super::*;

/// The builds that fixtures were made by, with what a deploy of this build then writes where the config
/// and the function are as they were.
const BUILDS: [(&str, &[(&str, usize)]); 1] = [("1.0.0-e4aee2e", &NEWS)];

/// Four paths are given an `OPTIONS` that allows any header. The config names no window, which was a day and
/// becomes 30 days: four functions are given it in a new release. A fifth one and two paths serve `lamed.js`. Two know what is declared.
/// The API compresses replies. The role's policy is one of the region. The role and
/// four functions are given lamed's mark.
const NEWS: [(&str, usize); 21] = [
    ("apigateway:CreateDeployment", 1),
    ("apigateway:CreateResource", 2),
    ("apigateway:DeleteMethod", 4),
    ("apigateway:PutIntegration", 4 + 2 * 2),
    ("apigateway:PutIntegrationResponse", 4 + 2),
    ("apigateway:PutMethod", 4 + 2 * 2),
    ("apigateway:PutMethodResponse", 4 + 2),
    ("apigateway:UpdateRestApi", 1),
    ("iam:DeleteRolePolicy", 1),
    ("iam:PutRolePolicy", 1),
    ("iam:TagRole", 1),
    ("lambda:AddPermission", 2),
    ("lambda:CreateAlias", 1),
    ("lambda:CreateFunction", 1),
    ("lambda:PublishVersion", 4 + 1),
    ("lambda:TagResource", 4),
    ("lambda:UpdateAlias", 4),
    ("lambda:UpdateFunctionCode", 2),
    ("lambda:UpdateFunctionConfiguration", 4),
    ("logs:CreateLogGroup", 1),
    ("logs:PutRetentionPolicy", 1),
];

#[test]
fn a_deployment_of_an_earlier_build_is_taken_over_in_place() {
    for (build, news) in BUILDS {
        for name in ["account", "account-of-python-0.4.3"] {
            println!("{build}, {name}");
            let file = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("fixtures/earlier/{build}/{name}.json"));
            let made: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            let site = Site::of(Aws::numbered(made["account"].as_str().unwrap()));
            site.aws.script("replay.py", &[file.to_str().unwrap()]);
            fs::write(site.home.path().join("function.zip"), function(&made)).unwrap();
            // It says nothing of the front door and the store, as the configs of that time.
            site.configure_just(&config());
            let before = site.aws.state();

            let times =
                |(action, times): &(&'static str, usize)| std::iter::repeat_n(*action, *times);
            let news: Vec<&str> = news.iter().flat_map(times).collect();
            assert_eq!(site.writes_of_deploy(), news);
            assert_eq!(site.writes_of_deploy(), [""; 0]);
            assert_eq!(identity(&site.aws.state()), identity(&before));

            site.build("another");
            let deployed = site.deploy();
            assert!(deployed.stderr.contains("+ created version lamed-track"));
            assert_eq!(site.writes_of_deploy(), [""; 0]);
            let after = site.aws.state();
            assert_eq!(identity(&after), identity(&before));
            let status = site
                .line(&["status", "--json", "--bootstrap", "function.zip"])
                .run();
            let status: Value = serde_json::from_str(&status.stdout).unwrap();
            assert_eq!(
                (&status["drift"], &status["releases"]),
                (&json!([]), &json!([3, 2, 1]))
            );
            let url = format!(
                "{}/restapis/{}/prod/_user_request_/track",
                site.aws.url(),
                before["apis"][0]["id"].as_str().unwrap()
            );
            assert_eq!(status["track_url"], url);
        }
    }
}

/// The function that the build deployed: the last one that was created or updated with.
fn function(made: &Value) -> Vec<u8> {
    let mut calls = made["calls"].as_array().unwrap().iter().rev();
    let zip = calls.find_map(|call| {
        let body = &call["body"];
        let zip = body["Code"]["ZipFile"].as_str();
        zip.or(body["ZipFile"].as_str())
    });
    BASE64_STANDARD.decode(zip.unwrap()).unwrap()
}

/// What pages and programs of the user know of it: it must stay.
fn identity(account: &Value) -> Value {
    let (api, key) = (&account["apis"][0], &account["api_keys"][0]);
    for made_up in [&api["id"], &key["id"], &key["value"]] {
        assert!(made_up.is_string(), "{account:#}");
    }
    json!([
        account["apis"].as_array().unwrap().len(),
        api["id"],
        key["id"],
        key["value"]
    ])
}
