//! What a running server takes of a config that changes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{
    color, config_of, counted, declare, followed, logged, readiness, serve, stores, track,
};
use crate::support::{Redis, line};

#[tokio::test]
async fn a_run_stands_on_what_was_declared_when_it_began() {
    let redis = Redis::start(&[]);
    for store in stores(&redis).await {
        let server = serve(&store, &json!({"color": color(&json!({"sample": 0.1}))}));
        // Before the first event anything may change.
        let variants = json!({"blue": 1, "red": 3});
        let first = |more: serde_json::Value| {
            let mut declared = color(&json!({"variants": variants, "sample": 0.1}));
            (declared.as_object_mut().unwrap()).extend(more.as_object().unwrap().clone());
            json!({"color": declared})
        };
        declare(&server, &first(json!({})));
        logged(&server, "config changed: `color`: `variants` changed", 1).await;
        assert_eq!(track(&server, "color", "participate", "1").await, true);

        declare(&server, &json!({"color": color(&json!({"sample": 0.1}))}));
        let log = logged(&server, "cannot use the changed config: ", 1).await;
        let reason = "config.json: experiment `color`: the variants changed from {blue: 1, red: 3} to {blue: 1, red: 1}; \
                      undo the change, or start a new run with `lamed restart`";
        assert!(log.contains(reason), "{log}");
        assert_eq!(readiness(&server).await, (200, json!("degraded")));
        assert_eq!(followed(&server).await[0]["variants"][1], json!(["red", 3]));
        declare(&server, &first(json!({})));
        logged(&server, "config changed: the experiments stay the same", 1).await;
        assert_eq!(readiness(&server).await, (200, json!("ready")));

        // A sample grows, and does not shrink any more.
        declare(&server, &first(json!({"sample": 0.5})));
        logged(&server, "`color`: sample 0.1 → 0.5", 1).await;
        assert_eq!(track(&server, "color", "participate", "2").await, true);
        declare(&server, &first(json!({"sample": 0.4})));
        logged(
            &server,
            "`sample` fell from 0.5 to 0.4: you can only raise it",
            1,
        )
        .await;

        // Another run is another experiment: the same keys count again, and what is late does not.
        declare(&server, &json!({"color": color(&json!({"run": 2}))}));
        logged(&server, "`color`: run 1 → 2, sample 0.5 → 1", 1).await;
        let url = format!("http://{}/prod", server.address);
        let results = |more: &[&str]| {
            let results = ["results", "--url", &url, "--api-key", &server.key];
            line(&server.home, &[&results, more].concat()).run()
        };
        let nothing = results(&["color"]);
        assert!(
            (nothing.stderr).starts_with("error: no events of run 2 of experiment `color` yet: ")
                && (nothing.stderr).ends_with("; `--run 1` shows the run before\n"),
            "{nothing}"
        );
        let list = results(&[]);
        assert_eq!(
            list.stderr,
            "no events yet, except of earlier runs or archived experiments\n1 earlier run or archived experiment not \
             shown: use `--all`\n",
            "{list}"
        );
        for (experiment, is_counted) in [("color", false), ("color #2", true), ("color #2", false)]
        {
            let counted = track(&server, experiment, "participate", "1").await;
            assert_eq!(counted, is_counted, "{experiment}");
        }
        assert_eq!(
            counted(&server).await,
            [("color".to_owned(), 2), ("color #2".to_owned(), 1)]
        );
        let runs = followed(&server).await;
        assert_eq!(runs[0]["run"], 2);
        assert_eq!(
            (
                &runs[1]["run"],
                &runs[1]["earlier"],
                &runs[1]["variants"][1]
            ),
            (&json!(1), &json!(true), &json!(["red", 3]))
        );
        let all = results(&[]);
        assert!(all.stdout.starts_with("color (run 2)\n"), "{all}");
        assert!(
            all.stderr
                .ends_with("1 earlier run or archived experiment not shown: use `--all`\n"),
            "{all}"
        );
        let second = results(&["color"]);
        assert!(second.stdout.starts_with("color (run 2)\n"), "{second}");
        assert!(
            (second.stderr)
                .ends_with("`color` was restarted: `--run 1` shows the run before this one\n"),
            "{second}"
        );
        let first = results(&["color", "--run", "1"]);
        assert!(
            first.stdout.starts_with("color (run 1, ended)\n"),
            "{first}"
        );
        assert_eq!(results(&["--all"]).stdout.matches("color").count(), 2);
        let doctor = ["doctor", "--url", &url, "--api-key", &server.key];
        let doctor = line(&server.home, &doctor).run();
        assert!(
            doctor.stdout.contains(" 3 participants in all runs, "),
            "{doctor}"
        );
        let missing = results(&["color", "--run", "7"]).stderr;
        assert_eq!(missing, "error: no events of run 7 of experiment `color`\n");
    }
}

#[tokio::test]
async fn limits_and_the_rest_of_what_can_change_do_without_a_restart() {
    let redis = Redis::start(&[]);
    for store in stores(&redis).await {
        let server = serve(&store, &json!({}));
        assert_eq!(track(&server, "one", "participate", "1").await, true);
        let config =
            json!({"max_counters": 1, "accept": "any", "namespace": "other", "dedupe": "flags"});
        fs::write(config_of(&server), config.to_string()).unwrap();
        let log = logged(&server, "config changed: the experiments stay the same", 1).await;
        assert!(
            log.contains(
                "restart the server to change `namespace`, `uuid_expiry_seconds`, `dedupe`"
            ),
            "{log}"
        );
        // Said once, and nothing of a Redis that the server does not use.
        let config = json!({"max_counters": 1, "namespace": "other", "dedupe": "flags", "redis": {"port": 1},
            "experiments": {"one": {}}});
        fs::write(config_of(&server), config.to_string()).unwrap();
        let log = logged(&server, "`one` is new (running)", 1).await;
        assert_eq!(log.matches("restart the server").count(), 1, "{log}");
        let path = "/prod/track?experiment=two&variant=red&event=participate&uuid=1";
        assert_eq!(server.client().get(path).await.status, 429);
        let config = json!({"accept": "declared", "experiments": {"three": color(&json!({}))}});
        fs::write(config_of(&server), config.to_string()).unwrap();
        logged(&server, "`three` is new (running)", 1).await;
        assert_eq!(server.client().get(path).await.status, 400);
        assert_eq!(track(&server, "three", "participate", "1").await, true);
    }
}

/// Whatever is done to the file: never a crash, never a mix, and the last word counts.
#[tokio::test]
async fn a_config_that_is_written_badly_is_refused_until_it_is_whole() {
    let good = json!({"color": color(&json!({"state": "stopped"}))});
    let server = serve("embedded", &json!({"color": color(&json!({}))}));
    let (file, whole) = (config_of(&server), json!({"experiments": good}).to_string());
    let is_running = async || {
        track(
            &server,
            "color",
            "participate",
            &format!("{:?}", std::time::Instant::now()),
        )
        .await
    };

    fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    let log = logged(&server, "cannot use the changed config: ", 1).await;
    assert!(log.contains("config.json:1:"), "{log}");
    assert_eq!(readiness(&server).await, (200, json!("degraded")));
    fs::write(&file, "").unwrap();
    logged(&server, "the file is empty", 1).await;
    fs::remove_file(&file).unwrap();
    logged(&server, "file not found", 1).await;
    fs::create_dir(&file).unwrap();
    logged(&server, "cannot read the file: Is a directory", 1).await;
    fs::remove_dir(&file).unwrap();
    fs::write(&file, [0xff, 0xfe, 0x7b]).unwrap();
    logged(&server, "the file is not UTF-8 text", 1).await;
    assert_eq!(is_running().await, true);
    // By rename, as editors do, with another mode.
    let other = file.with_extension("new");
    fs::write(&other, &whole).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&other, &file).unwrap();
    logged(&server, "`color`: state running → stopped", 1).await;
    assert_eq!(readiness(&server).await, (200, json!("ready")));
    assert_eq!(is_running().await, false);

    // A hundred times as fast as may be, in place.
    let before = server.log();
    for edit in 1..=100 {
        let state = if edit % 2 == 0 { "draft" } else { "running" };
        let mut all = json!({"color": color(&json!({"state": state}))});
        all[format!("edit {edit}")] = color(&json!({}));
        fs::write(&file, json!({"experiments": all}).to_string()).unwrap();
    }
    let log = logged(&server, "`edit 100` is new", 1).await;
    let refused = log[before.len()..]
        .lines()
        .filter(|line| line.contains("cannot use the changed config"));
    assert_eq!(refused.count(), 0, "{log}");
    assert_eq!(is_running().await, false);
}
