//! The lamed tag of a page: which script it is, and where it sends events.

use url::{Host, Url};

use super::html::{Document, Kind, Script};
use crate::http::{Handler, STAGE};

/// How a page has lamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `<script src=".../lamed.js">`, or another file of `lamed snippet --output`.
    Script,
    /// The script stands in the page: `lamed snippet --inline`.
    Inline,
    /// `import … from ".../lamed.mjs"`
    Import,
    /// `lamed snippet --alephbet`, or a call of AlephBet by hand.
    AlephBet,
}

/// A script of the page that counts.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    pub form: Form,
    pub script: &'a Script,
    /// What is loaded.
    pub src: Option<Url>,
    /// Where events go; none where the page does not say.
    pub track: Option<Url>,
}

/// The names of the client's files.
const FILES: [&str; 2] = ["/lamed.js", "/lamed.mjs"];

/// All tags of a page, in its order. `known` is the address of the script where the config gives it another path.
pub(super) fn tags<'a>(document: &'a Document, page: &Url, known: Option<&Url>) -> Vec<Tag<'a>> {
    let base = document.base.as_deref();
    let base = base
        .and_then(|base| page.join(base).ok())
        .unwrap_or_else(|| page.clone());
    let tag = |script: &'a Script| Tag::of(script, document, &base, known);
    document.scripts.iter().filter_map(tag).collect()
}

impl<'a> Tag<'a> {
    fn of(
        script: &'a Script,
        document: &Document,
        base: &Url,
        known: Option<&Url>,
    ) -> Option<Self> {
        let own_track = script.track.as_deref();
        let track_of = |src: Option<&Url>| match own_track.or(document.track.as_deref()) {
            Some(track) => base.join(track).ok(),
            None => src?.join(Handler::Track.path()).ok(),
        };
        let src = match &script.src {
            Some(src) => Some(base.join(src.trim()).ok()?),
            None => None,
        };
        let (form, src, track) = match &src {
            Some(url) if own_track.is_some() || is_client(url) || Some(url) == known => {
                let track = track_of(Some(url));
                (Form::Script, src, track)
            }
            Some(_) => return None,
            None if own_track.is_some() => (Form::Inline, None, track_of(None)),
            None if is_alephbet(&script.text) => {
                let track = strings(&script.text).find_map(|text| track_in(&text, base));
                (Form::AlephBet, None, track)
            }
            None if script.kind == Kind::Module => {
                let mut strings = strings(&script.text).filter_map(|text| base.join(&text).ok());
                let src = strings.find(is_client)?;
                let track = track_of(Some(&src));
                (Form::Import, Some(src), track)
            }
            None => return None,
        };
        Some(Self {
            form,
            script,
            src,
            track,
        })
    }
}

fn is_client(url: &Url) -> bool {
    FILES.iter().any(|file| url.path().ends_with(file))
}

/// Whether code sends events by AlephBet to lamed, or to what lamed replaces.
fn is_alephbet(code: &str) -> bool {
    let adapters = ["LamedAdapter", "AlephbetAdapter", "GimelAdapter"];
    code.contains("AlephBet") && adapters.iter().any(|adapter| code.contains(adapter))
}

fn track_in(text: &str, base: &Url) -> Option<Url> {
    let url = base.join(text).ok()?;
    let is_track = url.path().ends_with("/track") && matches!(url.scheme(), "http" | "https");
    is_track.then_some(url)
}

/// The strings in code, as far as one line goes.
fn strings(code: &str) -> impl Iterator<Item = String> {
    let mut rest = code;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(['"', '\''])?;
            let quote = rest[start..].chars().next()?;
            let inner = &rest[start + 1..];
            let Some(end) = end_of(inner, quote) else {
                rest = inner;
                continue;
            };
            rest = &inner[end + 1..];
            if let Some(text) = value_of(&inner[..end]) {
                return Some(text);
            }
        }
    })
}

/// The string with which code begins, if it begins with one, and the code after it.
pub(super) fn string_at(code: &str) -> Option<(String, &str)> {
    let quote = (code.chars().next()).filter(|quote| "\"'`".contains(*quote))?;
    let inner = &code[1..];
    let end = end_of(inner, quote)?;
    let text = &inner[..end];
    let is_built = quote == '`' && text.contains("${");
    let value = if is_built { None } else { value_of(text) };
    value.map(|value| (value, &inner[end + 1..]))
}

/// What a string in code means, in JSON's escapes.
fn value_of(inner: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{}\"", inner.replace("\\'", "'"))).ok()
}

/// Where a string ends; none where its line does before.
fn end_of(inner: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in inner.char_indices() {
        match character {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// The base of an API whose `track` has this address: without `/track`.
#[must_use]
pub fn base_of(track: &Url) -> String {
    let mut base = track.clone();
    base.set_query(None);
    base.set_fragment(None);
    let text = base.to_string();
    let text = text.trim_end_matches('/');
    text.strip_suffix("/track").unwrap_or(text).to_owned()
}

/// Whether two base URLs lead to one API, as far as their text says so.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let parts = |base: &str| {
        let url = Url::parse(base).ok()?;
        let host = url.host()?.to_owned();
        let here = match &host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        };
        let path = url.path().trim_end_matches('/');
        // A function URL needs no stage.
        let path = match path.strip_suffix(&format!("/{STAGE}")) {
            Some(path) if host.to_string().ends_with(".on.aws") => path,
            _ => path,
        };
        Some((
            url.scheme().to_owned(),
            if here { None } else { Some(host.clone()) },
            url.port_or_known_default(),
            path.to_owned(),
        ))
    };
    parts(one).is_some() && parts(one) == parts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(html: &str) -> Vec<(Form, Option<String>, Option<String>)> {
        let document = Document::read(html);
        let page = Url::parse("https://shop.x/a/page").unwrap();
        let known = Url::parse("https://shop.x/ab/stats.js").unwrap();
        let tags = tags(&document, &page, Some(&known));
        (tags.into_iter())
            .map(|tag| {
                (
                    tag.form,
                    tag.src.map(|url| url.to_string()),
                    tag.track.map(|url| url.to_string()),
                )
            })
            .collect()
    }

    #[test]
    fn a_tag_is_found_in_every_form() {
        let one = |form, src: Option<&str>, track: Option<&str>| {
            vec![(form, src.map(str::to_owned), track.map(str::to_owned))]
        };
        let (js, mjs) = ("https://ab.x/prod/lamed.js", "https://ab.x/prod/lamed.mjs");
        let track = Some("https://ab.x/prod/track");
        for (html, expected) in [
            (
                "<script src=https://ab.x/prod/lamed.js?v=1></script>",
                one(Form::Script, Some("https://ab.x/prod/lamed.js?v=1"), track),
            ),
            (
                "<base href=https://ab.x/x/><script src=../prod/lamed.js></script>",
                one(Form::Script, Some(js), track),
            ),
            (
                "<script src='/my.js' data-track='//ab.x/prod/track'></script>",
                one(Form::Script, Some("https://shop.x/my.js"), track),
            ),
            (
                "<script src=/ab/stats.js></script>",
                one(
                    Form::Script,
                    Some("https://shop.x/ab/stats.js"),
                    Some("https://shop.x/ab/track"),
                ),
            ),
            (
                "<script data-track=https://ab.x/prod/track>(()=>{})()</script>",
                one(Form::Inline, None, track),
            ),
            (
                "<script type=module>import lamed from 'https://ab.x/prod/lamed.mjs'</script>",
                one(Form::Import, Some(mjs), track),
            ),
            (
                "<html data-track=/t><script type=module>import * as l from \"https://ab.x/prod/lamed.mjs\";</script>",
                one(Form::Import, Some(mjs), Some("https://shop.x/t")),
            ),
            (
                "<script>new AlephBet.LamedAdapter('https://ab.x/prod/track', 'n')</script>",
                one(Form::AlephBet, None, track),
            ),
            (
                "<script src=https://cdn.x/alephbet.min.js></script><script>don't(\"\nlamed.js</script>",
                Vec::new(),
            ),
        ] {
            assert_eq!(found(html), expected, "{html}");
        }
    }

    #[test]
    fn the_snippets_of_lamed_are_found() {
        let page = crate::assets::SNIPPET
            .replace("{{track_url}}", r#""https://ab.x/prod/track\u003fa""#)
            .replace("{{namespace}}", "\"n\"");
        let track = "https://ab.x/prod/track?a".to_owned();
        assert_eq!(found(&page), [(Form::AlephBet, None, Some(track))]);
    }

    #[test]
    fn one_api_has_many_addresses() {
        for (one, other, same) in [
            (
                "http://127.0.0.1:3000/prod",
                "http://localhost:3000/prod/",
                true,
            ),
            (
                "http://127.0.0.1:3000/prod",
                "http://localhost:3001/prod",
                false,
            ),
            ("https://a.x/prod", "https://A.X:443/prod", true),
            ("https://a.x/prod", "http://a.x/prod", false),
            ("https://a.x/prod", "https://a.x", false),
            (
                "https://a.lambda-url.eu-west-1.on.aws",
                "https://a.lambda-url.eu-west-1.on.aws/prod",
                true,
            ),
        ] {
            assert_eq!(is_same(one, other), same, "{one} {other}");
        }
        let track = Url::parse("https://ab.x/prod/track?a#b").unwrap();
        assert_eq!(base_of(&track), "https://ab.x/prod");
    }
}
