use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn policy(text: &str) -> Policy {
    Policy::all(text, Place::Header).next().unwrap()
}

#[test]
fn sources_match_as_in_the_standard() {
    for (source, page, to, allowed) in [
        ("*", "https://p.x/", "http://a.x/t", true),
        ("'none'", "https://p.x/", "https://p.x/t", false),
        ("'self'", "https://p.x/", "https://p.x/t", true),
        ("'SELF'", "http://p.x/", "https://p.x/t", true),
        ("'self'", "https://p.x/", "http://p.x/t", false),
        ("'self'", "https://p.x/", "https://p.x:444/t", false),
        ("'self'", "http://p.x:80/", "http://p.x/t", true),
        ("https:", "http://p.x/", "https://a.x/t", true),
        ("http:", "http://p.x/", "https://a.x/t", true),
        ("https:", "http://p.x/", "http://a.x/t", false),
        ("a.x", "https://p.x/", "https://a.x/t", true),
        ("a.x", "https://p.x/", "http://a.x/t", false),
        ("a.x", "http://p.x/", "https://A.X/t", true),
        ("*.a.x", "https://p.x/", "https://b.a.x/t", true),
        ("*.a.x", "https://p.x/", "https://a.x/t", false),
        ("https://a.x", "https://p.x/", "https://a.x:8443/t", false),
        ("https://a.x:*", "https://p.x/", "https://a.x:8443/t", true),
        ("a.x:8443", "https://p.x/", "https://a.x:8443/t", true),
        ("http://a.x:80", "http://p.x/", "https://a.x/t", true),
        (
            "https://a.x/prod/",
            "https://p.x/",
            "https://a.x/prod/track",
            true,
        ),
        (
            "https://a.x/prod/",
            "https://p.x/",
            "https://a.x/production",
            false,
        ),
        (
            "https://a.x/prod",
            "https://p.x/",
            "https://a.x/prod/track",
            false,
        ),
        (
            "https://a.x/a%20b",
            "https://p.x/",
            "https://a.x/a%20b",
            true,
        ),
        (
            "http://127.0.0.1:*",
            "http://p.x/",
            "http://127.0.0.1:3000/t",
            true,
        ),
        (
            "http://[::1]:3000",
            "http://p.x/",
            "http://[::1]:3000/t",
            true,
        ),
    ] {
        let policy = policy(&format!("connect-src {source}"));
        let block = policy.blocks_connection(&url(page), &url(to));
        assert_eq!(block.is_none(), allowed, "{source} {page} {to}: {block:?}");
    }
}

#[test]
fn scripts_are_allowed_by_address_nonce_or_hash() {
    let page = url("https://p.x/");
    let from = url("https://a.x/lamed.js");
    let hash = "'sha256-LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564='"; // of `foo`
    let digest = hash.trim_matches('\'');
    let external = Code::From(&from);
    let inline = Code::Inline("foo");
    for (text, code, nonce, integrity, allowed) in [
        ("", &external, None, None, true),
        ("img-src 'none'", &inline, None, None, true),
        ("default-src 'self'", &external, None, None, false),
        (
            "default-src 'self'; script-src a.x",
            &external,
            None,
            None,
            true,
        ),
        (
            "script-src a.x; script-src-elem 'self'",
            &external,
            None,
            None,
            false,
        ),
        (
            "script-src 'none'; script-src a.x",
            &external,
            None,
            None,
            false,
        ),
        ("script-src 'nonce-n'", &external, Some("n"), None, true),
        ("script-src 'nonce-n'", &external, Some("N"), None, false),
        (
            "script-src 'nonce-n' 'strict-dynamic' https:",
            &external,
            None,
            None,
            false,
        ),
        (
            "script-src 'nonce-n' 'strict-dynamic'",
            &external,
            Some("n"),
            None,
            true,
        ),
        (
            &format!("script-src {hash}"),
            &external,
            None,
            Some(digest),
            true,
        ),
        (
            &format!("script-src {hash}"),
            &external,
            None,
            Some("sha256-x"),
            false,
        ),
        ("script-src a.x", &inline, None, None, false),
        ("script-src 'unsafe-inline'", &inline, None, None, true),
        (
            "script-src 'unsafe-inline' 'nonce-n'",
            &inline,
            None,
            None,
            false,
        ),
        (
            "script-src 'unsafe-inline' 'nonce-n'",
            &inline,
            Some("n"),
            None,
            true,
        ),
        (&format!("script-src {hash}"), &inline, None, None, true),
        (
            &format!("script-src {hash}"),
            &Code::Inline("bar"),
            None,
            None,
            false,
        ),
    ] {
        let block = policy(text).blocks_script(&page, code, nonce, integrity);
        assert_eq!(block.is_none(), allowed, "{text}: {block:?}");
    }
    let both: Vec<Policy> = Policy::all("script-src a.x, script-src 'self'", Place::Meta).collect();
    let blocks = |policy: &Policy| policy.blocks_script(&page, &external, None, None);
    let blocks: Vec<Option<Block>> = both.iter().map(blocks).collect();
    let by = "`script-src 'self'` in the `<meta>` of the page".to_owned();
    let needs_nonce = false;
    assert_eq!(blocks, [None, Some(Block { by, needs_nonce })]);
}
