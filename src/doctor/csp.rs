//! A page's Content Security Policy: whether a browser would run a script and send events under it.
//!
//! Source: Content Security Policy Level 3 (W3C), "Does element match source list", "Match url to source expression".

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256, Sha384, Sha512};
use url::Url;

/// One policy. A page may have many, and each of them has to allow what the page does.
#[derive(Debug)]
pub(super) struct Policy {
    /// The first of each name counts.
    directives: Vec<(String, Vec<String>)>,
    /// Where it stands, for messages.
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Header,
    Meta,
}

/// What a policy is asked about a script element.
pub(super) enum Code<'a> {
    /// It loads this.
    From(&'a Url),
    /// It holds this.
    Inline(&'a str),
}

/// Why something is not allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// What forbids it: `` `default-src 'self'` in the `Content-Security-Policy` header ``
    pub by: String,
    /// Whether addresses do not count: only the nonce or the hash of a script does.
    pub needs_nonce: bool,
}

/// The directives that decide about script elements and about requests of scripts; the first one that is there
/// does.
const SCRIPT: [&str; 3] = ["script-src-elem", "script-src", "default-src"];
const CONNECT: [&str; 2] = ["connect-src", "default-src"];

impl Policy {
    /// The policies of a header or a `<meta>`, which commas separate.
    pub(super) fn all(text: &str, place: Place) -> impl Iterator<Item = Self> {
        text.split(',').map(move |policy| Self {
            directives: directives(policy),
            place,
        })
    }

    fn decisive(&self, names: &[&str]) -> Option<&(String, Vec<String>)> {
        let of = |name: &&str| self.directives.iter().find(|(given, _)| given == name);
        names.iter().find_map(of)
    }

    fn block(&self, (name, sources): &(String, Vec<String>)) -> Block {
        let place = match self.place {
            Place::Header => "the `Content-Security-Policy` header",
            Place::Meta => "the `<meta>` of the page",
        };
        let directive = format!("{name} {}", sources.join(" "));
        Block {
            by: format!("`{}` in {place}", directive.trim_end()),
            needs_nonce: has(sources, "'strict-dynamic'"),
        }
    }

    /// Whether it keeps a script element from running.
    pub(super) fn blocks_script(
        &self,
        page: &Url,
        code: &Code,
        nonce: Option<&str>,
        integrity: Option<&str>,
    ) -> Option<Block> {
        let directive = self.decisive(&SCRIPT)?;
        let sources = &directive.1;
        let has_nonce = nonce.is_some_and(|nonce| {
            !nonce.is_empty() && sources.iter().any(|source| nonce_of(source) == Some(nonce))
        });
        let allowed = has_nonce
            || match code {
                Code::From(url) => {
                    has_hashes(sources, integrity)
                        || (!has(sources, "'strict-dynamic'") && matches(sources, url, page))
                }
                Code::Inline(text) => allows_inline(sources) || has_hash_of(sources, text),
            };
        (!allowed).then(|| self.block(directive))
    }

    /// Whether it keeps scripts from sending to this address.
    pub(super) fn blocks_connection(&self, page: &Url, to: &Url) -> Option<Block> {
        let directive = self.decisive(&CONNECT)?;
        (!matches(&directive.1, to, page)).then(|| self.block(directive))
    }
}

fn directives(policy: &str) -> Vec<(String, Vec<String>)> {
    let mut directives: Vec<(String, Vec<String>)> = Vec::new();
    for directive in policy.split(';') {
        let mut words = directive.split_ascii_whitespace();
        let Some(name) = words.next().map(str::to_ascii_lowercase) else {
            continue;
        };
        if directives.iter().all(|(given, _)| *given != name) {
            directives.push((name, words.map(str::to_owned).collect()));
        }
    }
    directives
}

fn has(sources: &[String], keyword: &str) -> bool {
    (sources.iter()).any(|source| source.eq_ignore_ascii_case(keyword))
}

/// `n` of `'nonce-n'`
fn nonce_of(source: &str) -> Option<&str> {
    let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
    let (word, nonce) = inner.split_at_checked(6)?;
    word.eq_ignore_ascii_case("nonce-").then_some(nonce)
}

/// The algorithm and the digest of `'sha256-…'`, in the usual alphabet.
fn hash_of(source: &str) -> Option<(String, String)> {
    let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
    let (algorithm, digest) = inner.split_once('-')?;
    let algorithm = algorithm.to_ascii_lowercase();
    let known = matches!(algorithm.as_str(), "sha256" | "sha384" | "sha512");
    known.then(|| (algorithm, digest.replace('-', "+").replace('_', "/")))
}

fn allows_inline(sources: &[String]) -> bool {
    let stricter = |source: &String| nonce_of(source).is_some() || hash_of(source).is_some();
    has(sources, "'unsafe-inline'")
        && !has(sources, "'strict-dynamic'")
        && !sources.iter().any(stricter)
}

fn has_hash_of(sources: &[String], text: &str) -> bool {
    (sources.iter().filter_map(|source| hash_of(source))).any(|(algorithm, digest)| {
        let ours = match algorithm.as_str() {
            "sha256" => BASE64_STANDARD.encode(Sha256::digest(text)),
            "sha384" => BASE64_STANDARD.encode(Sha384::digest(text)),
            _ => BASE64_STANDARD.encode(Sha512::digest(text)),
        };
        ours == digest
    })
}

/// Whether the policy names all hashes that the tag demands of the script.
fn has_hashes(sources: &[String], integrity: Option<&str>) -> bool {
    let demanded = integrity.unwrap_or_default();
    let mut demanded = demanded.split_ascii_whitespace().peekable();
    demanded.peek().is_some()
        && demanded.all(|hash| {
            let hash = hash.split('?').next().unwrap_or_default();
            let demanded = hash_of(&format!("'{hash}'"));
            demanded.is_some() && sources.iter().any(|source| hash_of(source) == demanded)
        })
}

/// Whether an address is among the sources.
fn matches(sources: &[String], url: &Url, page: &Url) -> bool {
    sources.iter().any(|source| is_source(source, url, page))
}

fn is_source(source: &str, url: &Url, page: &Url) -> bool {
    if source == "*" {
        return matches!(url.scheme(), "http" | "https") || url.scheme() == page.scheme();
    }
    if source.eq_ignore_ascii_case("'self'") {
        let same_host = url.host_str() == page.host_str();
        let same_port = url.port_or_known_default() == page.port_or_known_default();
        let both_usual = url.port().is_none() && page.port().is_none();
        let safer = page.scheme() == "http" && url.scheme() == "https";
        return same_host
            && ((url.scheme() == page.scheme() && same_port)
                || (safer && (both_usual || same_port)));
    }
    if source.starts_with('\'') {
        return false;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return is_scheme(scheme, url);
    }
    is_host(source, url, page)
}

/// A safer scheme is allowed where the other one is.
fn is_scheme(scheme: &str, url: &Url) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    scheme == url.scheme()
        || matches!(
            (scheme.as_str(), url.scheme()),
            ("http" | "ws" | "wss", "https") | ("ws", "http")
        )
}

/// `[SCHEME://]HOST[:PORT][/PATH]`
fn is_host(source: &str, url: &Url, page: &Url) -> bool {
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => (page.scheme(), source),
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    is_scheme(scheme, url)
        && is_host_name(host, url.host_str().unwrap_or_default())
        && is_port(port, url)
        && is_path(path, url.path())
}

fn is_host_name(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(end) => end.starts_with('.') && host.ends_with(end),
        None => pattern == host,
    }
}

fn is_port(port: Option<&str>, url: &Url) -> bool {
    match port {
        Some("*") => true,
        // 443 where the policy says 80: the safer scheme again.
        Some("80") if url.scheme() == "https" => url.port().is_none(),
        Some(port) => port.parse().ok() == url.port_or_known_default(),
        None => url.port().is_none(),
    }
}

fn is_path(pattern: &str, path: &str) -> bool {
    let decoded = |text: &str| -> Vec<u8> { percent_encoding::percent_decode_str(text).collect() };
    let (wanted, given) = (decoded(pattern), decoded(path));
    match wanted.last() {
        None => true,
        Some(b'/') if wanted == b"/" => true,
        Some(b'/') => given.starts_with(&wanted),
        Some(_) => wanted == given,
    }
}

#[cfg(test)]
mod tests;
