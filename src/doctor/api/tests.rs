use super::*;

fn answer(status: u16, body: &str) -> Result<Answer, String> {
    Ok(Answer {
        status,
        date: None,
        body: body.to_owned(),
    })
}

fn failure(status: u16) -> Option<Result<Found, Failure>> {
    Some(Err(Failure {
        status,
        message: format!("answered {status}"),
        answered: true,
    }))
}

/// The checks that are not well.
fn wrong(change: impl FnOnce(&mut Answers)) -> Vec<(&'static str, Status, String)> {
    let (namespace, wanted) = (Name::stored("n".to_owned()), Name::stored("a".to_owned()));
    let mut answers = Answers {
        base: "https://ab.x/prod",
        home: Home::Elsewhere,
        probe: answer(200, r#"{"counted":false}"#),
        meant: None,
        script: answer(200, r#"{"namespace":"n","experiments":[{"name":"a"}]}"#),
        counted: None,
        namespace: &namespace,
        wanted: vec![&wanted],
        drafts: Vec::new(),
        declared: &[],
        now: SystemTime::UNIX_EPOCH + Duration::from_hours(1_000),
    };
    change(&mut answers);
    (api_checks(&answers).into_iter())
        .filter(|check| check.status != Status::Ok)
        .map(|check| (check.check, check.status, check.found))
        .collect()
}

#[test]
fn answers_mean_what_gateways_mean_by_them() {
    let key = ("API key", Status::Warning);
    let store = |status| vec![("store", status), key];
    for (probe, expected) in [
        (answer(200, r#"{"counted":false}"#), vec![key]),
        (answer(200, "<html>"), vec![("API", Status::Failed)]),
        (
            answer(400, r#"{"message":"`uuid` is missing"}"#),
            store(Status::Warning),
        ),
        (
            answer(403, r#"{"message":"Forbidden"}"#),
            vec![("API", Status::Failed)],
        ),
        (answer(404, ""), vec![("API", Status::Failed)]),
        (
            answer(429, r#"{"message":"Too Many Requests"}"#),
            store(Status::Warning),
        ),
        (
            answer(
                500,
                r#"{"message":"the store failed: the log has the reason"}"#,
            ),
            store(Status::Failed),
        ),
        (
            answer(502, r#"{"message":"Internal server error"}"#),
            vec![("API", Status::Failed)],
        ),
        (
            answer(
                503,
                r#"{"message":"the store cannot be reached: try again"}"#,
            ),
            store(Status::Failed),
        ),
        (Err("refused".to_owned()), vec![("API", Status::Failed)]),
    ] {
        let said = format!("{probe:?}");
        let wrong = wrong(|answers| answers.probe = probe);
        let wrong: Vec<_> = wrong
            .iter()
            .map(|(check, status, _)| (*check, *status))
            .collect();
        assert_eq!(wrong, expected, "{said}");
    }
}

#[test]
fn a_clock_may_be_off_by_a_minute() {
    let hour = SystemTime::UNIX_EPOCH + Duration::from_hours(1_000);
    let minute = Duration::from_mins(1);
    let second = Duration::from_secs(1);
    for (date, found) in [
        (hour + minute, None),
        (hour - minute, None),
        (hour + minute + second, Some("61 seconds ahead of")),
        (hour - 5 * minute, Some("5 minutes behind")),
        (hour + 300 * minute, Some("5 hours ahead of")),
    ] {
        let wrong = wrong(|answers| answers.probe.as_mut().unwrap().date = Some(date));
        let said = wrong.iter().find(|(check, ..)| *check == "clock");
        let expected =
            found.map(|off| format!("the clock of the API is {off} the clock of this machine"));
        assert_eq!(said.map(|(_, _, found)| found.clone()), expected);
    }
}

#[test]
fn the_script_and_the_key_have_their_own_lines() {
    let last = |change: &dyn Fn(&mut Answers)| wrong(|answers| change(answers)).remove(0);
    let served =
        |body: &'static str| move |answers: &mut Answers| answers.script = answer(200, body);
    for (body, found) in [
        (
            r#"{"namespace":"n","experiments":[]}"#,
            "without `a` of your config",
        ),
        (
            r#"{"namespace":"m","experiments":[{"name":"a"}]}"#,
            "the script counts in namespace `m`, but you asked about `n`",
        ),
        ("not found", "the API does not serve it: it answered 200"),
    ] {
        assert_eq!(last(&served(body)).2, found);
    }
    let refused = last(&|answers| answers.counted = failure(403));
    assert_eq!((refused.0, refused.1), ("API key", Status::Failed));
    let broken = last(&|answers| answers.counted = failure(500));
    assert_eq!((broken.0, broken.1), ("events", Status::Failed));
}

#[test]
fn a_draft_is_no_missing_experiment() {
    let checks = wrong(|answers| {
        answers.script = answer(200, r#"{"namespace":"n","experiments":[]}"#);
        answers.drafts = std::mem::take(&mut answers.wanted);
    });
    let told = "served, but `a` is a draft: it does nothing".to_owned();
    assert!(
        checks.contains(&("lamed.js", Status::Warning, told)),
        "{checks:?}"
    );
}
