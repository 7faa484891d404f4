//! The scripts of a page, and what else of its HTML decides whether they run.
//!
//! The tokenizer is `html5gum`, which follows the HTML standard (comments, quotes, entities, text of scripts) and
//! depends on no other crate.

use std::collections::BTreeMap;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{HtmlString, Spanned, StartTag, Token, Tokenizer};

use super::names::Mention;

/// What of a page is looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// The address that others are relative to: `<base href>`.
    pub base: Option<String>,
    /// `data-track` of `<html>`.
    pub track: Option<String>,
    /// The policies in `<meta>` of the head.
    pub policies: Vec<String>,
    pub scripts: Vec<Script>,
    /// What the attributes of elements name.
    pub mentions: Vec<Mention>,
}

/// A script element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub src: Option<String>,
    pub text: String,
    pub kind: Kind,
    pub nonce: Option<String>,
    pub integrity: Option<String>,
    /// `data-track`
    pub track: Option<String>,
    pub is_async: bool,
    pub is_deferred: bool,
    pub in_head: bool,
    /// How many policies in `<meta>` stand before it. Later ones do not bind it.
    pub policies: usize,
}

/// What a browser does with a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Classic,
    Module,
    /// Nothing: its `type` says so.
    Data(String),
}

/// Where in the page the tokenizer is.
struct Place {
    in_head: bool,
    /// The element whose text is no text of the page.
    inside: Option<&'static str>,
    /// How many `<template>` are open: what is in them is not there yet.
    templates: usize,
}

/// Elements that stand in a head, too. The first other one begins the body.
const OF_HEAD: [&str; 10] = [
    "html", "head", "base", "link", "meta", "noscript", "script", "style", "template", "title",
];

/// Those with text that nobody sees.
const WITH_TEXT: [&str; 4] = ["noscript", "script", "style", "title"];

impl Document {
    /// Reads a page as a browser would, and never fails: every text is a page.
    pub(super) fn read(html: &str) -> Self {
        let mut document = Self::default();
        let mut place = Place {
            in_head: true,
            inside: None,
            templates: 0,
        };
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter).flatten() {
            match token {
                Token::StartTag(tag) => document.open(&tag, &mut place),
                Token::EndTag(tag) => place.close(&text_of(&tag.name)),
                Token::String(text) => document.add_text(&text_of(&text.value), &mut place),
                _ => {}
            }
        }
        document
    }

    fn open(&mut self, tag: &StartTag<()>, place: &mut Place) {
        let name = text_of(&tag.name);
        let attributes = Attributes(&tag.attributes);
        place.in_head &= OF_HEAD.contains(&name.as_str());
        place.inside = WITH_TEXT.into_iter().find(|element| *element == name);
        if name == "template" {
            place.templates += 1;
        }
        if place.templates > 0 {
            return;
        }
        self.mentions.extend(attributes.mentions());
        match name.as_str() {
            "html" => self.track = self.track.take().or_else(|| attributes.get("data-track")),
            "base" => self.base = self.base.take().or_else(|| attributes.get("href")),
            "meta" if place.in_head && attributes.is("http-equiv", "content-security-policy") => {
                self.policies.extend(attributes.get("content"));
            }
            "script" => self.scripts.push(Script {
                src: attributes.get("src"),
                text: String::new(),
                kind: attributes.kind(),
                nonce: attributes.get("nonce"),
                integrity: attributes.get("integrity"),
                track: attributes.get("data-track"),
                is_async: attributes.get("async").is_some(),
                is_deferred: attributes.get("defer").is_some(),
                in_head: place.in_head,
                policies: self.policies.len(),
            }),
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str, place: &mut Place) {
        match place.inside {
            Some("script") if place.templates == 0 => {
                if let Some(script) = self.scripts.last_mut() {
                    script.text.push_str(text);
                }
            }
            Some(_) => {}
            None if place.templates == 0 && !text.trim().is_empty() => place.in_head = false,
            None => {}
        }
    }
}

impl Place {
    fn close(&mut self, name: &str) {
        if self.inside == Some(name) {
            self.inside = None;
        }
        match name {
            "template" => self.templates = self.templates.saturating_sub(1),
            "head" => self.in_head = false,
            _ => {}
        }
    }
}

struct Attributes<'a>(&'a BTreeMap<HtmlString, Spanned<HtmlString, ()>>);

impl Attributes<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let value = self.0.get(name.as_bytes())?;
        Some(text_of(&value.value))
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name)
            .is_some_and(|given| given.trim().eq_ignore_ascii_case(value))
    }

    fn mentions(&self) -> impl Iterator<Item = Mention> {
        let experiment = self.get("data-lamed");
        let variant = (experiment.clone().zip(self.get("data-lamed-variant")))
            .map(|(experiment, variant)| Mention::Variant(experiment, variant));
        let goal = self.get("data-lamed-goal").map(Mention::Goal);
        [experiment.map(Mention::Experiment), variant, goal]
            .into_iter()
            .flatten()
    }

    fn kind(&self) -> Kind {
        let given = self.get("type").unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" => Kind::Classic,
            "module" => Kind::Module,
            text if text.ends_with("/javascript")
                || text.ends_with("/x-javascript")
                || text.ends_with("/ecmascript") =>
            {
                Kind::Classic
            }
            _ => Kind::Data(given),
        }
    }
}

fn text_of(text: &HtmlString) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    fn scripts(html: &str) -> Vec<Script> {
        Document::read(html).scripts
    }

    #[test]
    fn attributes_are_read_in_all_quotes_and_cases() {
        for html in [
            r#"<script src="a?b&amp;c">"#,
            "<SCRIPT SRC='a?b&amp;c'>",
            "<script\n\tSrc=a?b&amp;c\n>",
            "<script src = \"a?b&c\" src=other />",
            "<!-- <script src=no> --><title><script src=no></title><script src=a?b&c>",
            "<template><script src=no></script></template><script src=a?b&c>",
            "<style>a</style><script>x = '<script src=no>'</script><script src=a?b&c>",
        ] {
            let found: Vec<_> = (scripts(html).into_iter())
                .filter_map(|script| script.src)
                .collect();
            assert_eq!(found, ["a?b&c"], "{html}");
        }
        let found = scripts("<script async DEFER nonce=n integrity=i data-track=t>x < y</script>z");
        let expected = Script {
            text: "x < y".to_owned(),
            nonce: Some("n".to_owned()),
            integrity: Some("i".to_owned()),
            track: Some("t".to_owned()),
            is_async: true,
            is_deferred: true,
            in_head: true,
            ..Script::default()
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn the_head_ends_where_a_browser_ends_it() {
        for (html, in_head) in [
            ("<!doctype html><script>", true),
            (
                "<html>\n<head> <title>t</title><meta charset=utf-8> <script>",
                true,
            ),
            ("<head><noscript><p></noscript><link><script>", true),
            ("<head></head><script>", false),
            ("<title>t</title>text<script>", false),
            ("<head><div></div><script>", false),
            ("<body><script>", false),
        ] {
            assert_eq!(scripts(html)[0].in_head, in_head, "{html}");
        }
    }

    #[test]
    fn policies_bind_what_follows_them() {
        let html = "<html data-track=/t><base href=/a/><base href=/b/><script></script>\
                    <META HTTP-EQUIV=Content-Security-Policy CONTENT=\"default-src 'self'\">\
                    <script type=text/plain></script><body><meta http-equiv=content-security-policy content=no>";
        let document = Document::read(html);
        assert_eq!(document.base.as_deref(), Some("/a/"));
        assert_eq!(document.track.as_deref(), Some("/t"));
        assert_eq!(document.policies, ["default-src 'self'"]);
        let bound: Vec<usize> = (document.scripts.iter()).map(|one| one.policies).collect();
        assert_eq!(bound, [0, 1]);
        assert_eq!(
            document.scripts[1].kind,
            Kind::Data("text/plain".to_owned())
        );
    }

    /// Pieces that mean something to a tokenizer, in any order: it never fails, and what follows a clean end is
    /// found.
    #[test]
    fn any_text_is_a_page() {
        const PIECES: [&str; 24] = [
            "<",
            ">",
            "</",
            "/>",
            "<!--",
            "-->",
            "<script",
            "</script>",
            "\"",
            "'",
            "=",
            " ",
            "src",
            "<title>",
            "</title>",
            "&amp",
            "&#x",
            "<template>",
            "</template>",
            "<![CDATA[",
            "\0",
            "\u{e9}",
            "<!doctype",
            "data-track",
        ];
        // Closes whatever may be open.
        const CLEAN: &str = "-->\"'></script></title></style></template>";
        let mut random = rand::rng();
        for _ in 0..2_000 {
            let length = random.random_range(0..40);
            let text: String = (0..length)
                .map(|_| PIECES[random.random_range(0..PIECES.len())])
                .collect();
            let closed = format!("{text}{}<script src=last></script>", CLEAN.repeat(40));
            let last = scripts(&closed).pop().and_then(|script| script.src);
            assert_eq!(last.as_deref(), Some("last"), "{text:?}");
            Document::read(&text);
        }
    }
}
