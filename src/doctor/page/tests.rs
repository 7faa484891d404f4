use super::*;
use crate::preflight::Status;

const TARGET: Target = Target {
    base: "https://ab.x/prod",
    script: "https://ab.x/prod/lamed.js",
};

fn page(url: &str, policies: &[&str], body: &str) -> Page {
    Page::read(Fetched {
        url: url.parse().unwrap(),
        asked: url.parse().unwrap(),
        status: 200,
        content_type: Some("Text/HTML; charset=utf-8".to_owned()),
        policies: policies.iter().map(ToString::to_string).collect(),
        body: body.to_owned(),
    })
    .unwrap()
}

/// The checks that are not well, by name.
fn wrong(page: &Page, elsewhere: Option<Result<(), String>>) -> Vec<(&'static str, Status)> {
    (page.checks(Some(TARGET), elsewhere).iter())
        .filter(|check| check.status != Status::Ok)
        .map(|check| (check.check, check.status))
        .collect()
}

#[test]
fn each_trouble_has_its_check() {
    use Status::{Failed, Warning};
    let tag = "<script src=https://ab.x/prod/lamed.js></script>";
    let meta =
        |policy: &str| format!("<meta http-equiv=Content-Security-Policy content=\"{policy}\">");
    /// Policies in headers, the page, and what fails or warns.
    type Case = (
        &'static [&'static str],
        String,
        &'static [(&'static str, Status)],
    );
    let cases: [Case; 15] = [
        (&[], tag.to_owned(), &[]),
        (&[], "<p>nothing".to_owned(), &[("tag", Failed)]),
        (&[], format!("{tag}{tag}"), &[("tag", Warning)]),
        (&[], format!("<body>{tag}"), &[("position", Warning)]),
        (
            &[],
            tag.replace(" src", " async src"),
            &[("position", Warning)],
        ),
        (
            &[],
            tag.replace(" src", " defer src"),
            &[("position", Warning)],
        ),
        (
            &[],
            tag.replace(" src", " type=text/plain src"),
            &[("tag", Warning)],
        ),
        (&[], tag.replace("ab.x", "other.x"), &[("address", Warning)]),
        (
            &[],
            tag.replace("https://ab.x", "http://other.x"),
            &[("address", Warning), ("https", Failed)],
        ),
        (
            &["script-src 'self'"],
            tag.to_owned(),
            &[("CSP, script", Failed)],
        ),
        (
            &["default-src 'self'"],
            tag.to_owned(),
            &[("CSP, script", Failed), ("CSP, events", Failed)],
        ),
        (
            &["script-src ab.x; connect-src ab.x"],
            format!("{tag}<script>lamed.run('a', {{}})</script>"),
            &[("CSP, script", Failed)],
        ),
        (
            &["connect-src ab.x, connect-src 'self'"],
            tag.to_owned(),
            &[("CSP, events", Failed)],
        ),
        (
            &[],
            meta("default-src 'self'") + tag,
            &[("CSP, script", Failed), ("CSP, events", Failed)],
        ),
        // Too late for the script, in time for its events.
        (
            &[],
            format!("{tag}{}", meta("default-src 'self'")),
            &[("CSP, events", Failed)],
        ),
    ];
    for (policies, body, expected) in cases {
        let page = page("https://shop.x/", policies, &body);
        assert_eq!(wrong(&page, Some(Ok(()))), expected, "{policies:?} {body}");
    }
    let silent = page("https://shop.x/", &[], &tag.replace("ab.x", "other.x"));
    assert!(!silent.names(TARGET));
    let nobody = Some(Err("connection refused".to_owned()));
    assert_eq!(wrong(&silent, nobody), [("address", Failed)]);
    // Nothing that AlephBet cannot change.
    let alephbet = "<body><script>new AlephBet.LamedAdapter('https://ab.x/prod/track')</script>";
    assert_eq!(wrong(&page("http://shop.x/", &[], alephbet), None), []);
    // A browser trusts this machine.
    let here = tag.replace("https://ab.x", "http://127.0.0.1:3000");
    let here = page("https://shop.x/", &[], &here);
    assert_eq!(wrong(&here, Some(Ok(()))), [("address", Warning)]);
}
