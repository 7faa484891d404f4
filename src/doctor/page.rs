//! What a browser makes of a page with lamed.

use url::Url;

use super::csp::{Block, Code, Place, Policy};
use super::html::{Document, Kind, Script};
use super::names::{Mention, mentions};
use super::tag::{Form, Tag, base_of, is_same, tags};
use crate::preflight::Check;

/// A page as it was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// After redirects.
    pub url: Url,
    /// The address that was asked for.
    pub asked: Url,
    pub status: u16,
    pub content_type: Option<String>,
    /// The values of its `Content-Security-Policy` headers.
    pub policies: Vec<String>,
    pub body: String,
}

/// The API that the page should count with.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub base: &'a str,
    /// Where it has the script.
    pub script: &'a str,
}

/// A page that was read.
#[derive(Debug)]
pub struct Page {
    fetched: Fetched,
    document: Document,
}

impl Page {
    /// Reads the HTML.
    ///
    /// # Errors
    /// When it is no HTML page.
    pub fn read(fetched: Fetched) -> Result<Self, Check> {
        const CHECK: &str = "page";
        let at = fetched.place();
        if fetched.status != 200 {
            return Err(Check::failed(
                CHECK,
                format!("{at} answered {}", fetched.status),
                match fetched.status {
                    401 | 403 => {
                        "lamed sees the page as a visitor who is not signed in: check a page that is public"
                    }
                    _ => "check the URL, and that the web server runs",
                },
            ));
        }
        let content_type = fetched.content_type.as_deref().unwrap_or("text/html");
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !matches!(
            essence.to_ascii_lowercase().as_str(),
            "text/html" | "application/xhtml+xml"
        ) {
            return Err(Check::failed(
                CHECK,
                format!("{at} is `{essence}`, not HTML"),
                "use the URL of a page",
            ));
        }
        Ok(Self {
            document: Document::read(&fetched.body),
            fetched,
        })
    }

    /// Where the page sends events, if it says so.
    #[must_use]
    pub fn track(&self, api: Option<Target>) -> Option<Url> {
        self.tags(api).first()?.track.clone()
    }

    /// Whether these are two addresses of one API, as far as their text says so.
    #[must_use]
    pub fn names(&self, api: Target) -> bool {
        let track = self.track(Some(api));
        track.is_none_or(|track| is_same(&base_of(&track), api.base))
    }

    fn tags(&self, api: Option<Target>) -> Vec<Tag<'_>> {
        let known = api.and_then(|api| Url::parse(api.script).ok());
        tags(&self.document, &self.fetched.url, known.as_ref())
    }

    /// All checks, in the order in which they are shown. `elsewhere` says whether an API answers at an address that
    /// is not the one of `api`.
    #[must_use]
    pub fn checks(&self, api: Option<Target>, elsewhere: Option<Result<(), String>>) -> Vec<Check> {
        let mut checks = vec![Check::ok("page", self.fetched.place())];
        let tags = self.tags(api);
        checks.push(tag_check(&tags, api));
        let Some(tag) = tags.first() else {
            return checks;
        };
        checks.extend(address_check(tag, api, elsewhere));
        checks.extend(position_check(tag));
        checks.extend(self.mixed_content(tag));
        let policies = self.policies();
        checks.push(self.script_check(tag, &policies));
        checks.extend(self.connection_check(tag, &policies));
        checks
    }

    /// What the HTML names; none where the page has no tag whose experiments lamed declares.
    pub(super) fn mentions(&self) -> Option<Vec<Mention>> {
        let tags = self.tags(None);
        let is_ours = tags.first().is_some_and(|tag| tag.form != Form::AlephBet);
        is_ours.then(|| mentions(&self.document))
    }

    /// Whether the page has scripts that are not read here, and may name more.
    pub(super) fn has_other_code(&self) -> bool {
        let tags = self.tags(None);
        let is_tag = |script: &&Script| tags.iter().any(|tag| std::ptr::eq(tag.script, *script));
        (self.document.scripts.iter())
            .any(|script| (script.src.is_some() || script.kind == Kind::Module) && !is_tag(&script))
            || tags.iter().any(|tag| tag.form == Form::Import)
    }

    /// With the number of `<meta>` policies that stand before it, for each in a `<meta>`.
    fn policies(&self) -> Vec<(Option<usize>, Policy)> {
        let headers = (self.fetched.policies.iter())
            .flat_map(|text| Policy::all(text, Place::Header))
            .map(|policy| (None, policy));
        let metas = self.document.policies.iter().enumerate();
        let metas = metas.flat_map(|(at, text)| {
            Policy::all(text, Place::Meta).map(move |policy| (Some(at), policy))
        });
        headers.chain(metas).collect()
    }

    /// The first policy that keeps a script from running.
    fn blocked(
        &self,
        script: &Script,
        code: &Code,
        policies: &[(Option<usize>, Policy)],
    ) -> Option<Block> {
        let bind = |at: &Option<usize>| at.is_none_or(|at| at < script.policies);
        let (nonce, integrity) = (script.nonce.as_deref(), script.integrity.as_deref());
        (policies.iter().filter(|(at, _)| bind(at)))
            .find_map(|(_, policy)| policy.blocks_script(&self.fetched.url, code, nonce, integrity))
    }

    fn script_check(&self, tag: &Tag, policies: &[(Option<usize>, Policy)]) -> Check {
        const CHECK: &str = "CSP, script";
        let code = match (&tag.src, tag.form) {
            (Some(src), Form::Script) => Code::From(src),
            _ => Code::Inline(&tag.script.text),
        };
        if let Some(block) = self.blocked(tag.script, &code, policies) {
            return blocked_script(CHECK, "the tag", &block, &code);
        }
        // A module is loaded by a script that runs, from an address that is allowed, too.
        if let (Some(src), Form::Import) = (&tag.src, tag.form) {
            let code = Code::From(src);
            if let Some(block) = self.blocked(tag.script, &code, policies) {
                return blocked_script(CHECK, "the module", &block, &code);
            }
        }
        let calls = self.document.scripts.iter().filter(|script| {
            script.src.is_none() && script.text.contains("lamed.") && script.track.is_none()
        });
        for script in calls {
            let code = Code::Inline(&script.text);
            if let Some(block) = self.blocked(script, &code, policies) {
                return blocked_script(
                    CHECK,
                    "a script in the page that calls lamed",
                    &block,
                    &code,
                );
            }
        }
        Check::ok(
            CHECK,
            match policies.is_empty() {
                true => "the page has no policy",
                false => "the policy of the page lets the script run",
            },
        )
    }

    fn connection_check(&self, tag: &Tag, policies: &[(Option<usize>, Policy)]) -> Option<Check> {
        const CHECK: &str = "CSP, events";
        let track = tag.track.as_ref().filter(|_| !policies.is_empty())?;
        let mut blocks = (policies.iter())
            .filter_map(|(_, policy)| policy.blocks_connection(&self.fetched.url, track));
        Some(match blocks.next() {
            Some(Block { by, .. }) => Check::failed(
                CHECK,
                format!("the browser sends no events to {}: {by}", origin(track)),
                format!("add `{}` to `connect-src`", origin(track)),
            ),
            None => Check::ok(CHECK, "the policy of the page lets events pass"),
        })
    }

    /// What a browser does not load or send from a page with `https`.
    fn mixed_content(&self, tag: &Tag) -> Option<Check> {
        const CHECK: &str = "https";
        if self.fetched.url.scheme() != "https" {
            return None;
        }
        let unsafe_one = |url: &&Url| url.scheme() == "http" && !is_here(url);
        let url = [&tag.src, &tag.track];
        let url = url.into_iter().flatten().find(unsafe_one)?;
        Some(Check::failed(
            CHECK,
            format!("the page has `https`, but the tag names {url}: browsers block that"),
            "serve the API with `https`, and use that address in the tag",
        ))
    }
}

impl Fetched {
    /// `https://a.x/ → https://a.x/en/`
    fn place(&self) -> String {
        match self.url == self.asked {
            true => self.url.to_string(),
            false => format!("{} (redirected to {})", self.asked, self.url),
        }
    }
}

fn tag_check(tags: &[Tag], api: Option<Target>) -> Check {
    const CHECK: &str = "tag";
    let Some(tag) = tags.first() else {
        let src = api.map_or("https://HOST/prod/lamed.js", |api| api.script);
        return Check::failed(
            CHECK,
            "the HTML of the page has no lamed tag",
            format!(
                "put `<script src=\"{src}\"></script>` into the `<head>`; lamed cannot see a tag that a script or a \
                 tag manager adds"
            ),
        );
    };
    if let Kind::Data(kind) = &tag.script.kind {
        return Check::warning(
            CHECK,
            format!("browsers do not run the tag: it has `type=\"{kind}\"`"),
            "remove the `type`; if a consent tool changes it, use `data-consent` of lamed instead",
        );
    }
    let found = match (tag.form, &tag.src) {
        (Form::Script, Some(src)) => src.to_string(),
        (Form::Import, Some(src)) => format!("a module imports {src}"),
        (Form::AlephBet, _) => "AlephBet, in the page".to_owned(),
        _ => "the script is in the page".to_owned(),
    };
    if tags.len() > 1 {
        return Check::warning(
            CHECK,
            format!("the page has {} lamed tags; the first: {found}", tags.len()),
            "keep one of them",
        );
    }
    Check::ok(CHECK, found)
}

fn address_check(
    tag: &Tag,
    api: Option<Target>,
    elsewhere: Option<Result<(), String>>,
) -> Option<Check> {
    const CHECK: &str = "address";
    let Some(track) = &tag.track else {
        return Some(Check::warning(
            CHECK,
            "the page does not say where it sends events",
            "compare the address in your code with the output of `lamed snippet`",
        ));
    };
    let named = base_of(track);
    let Some(api) = api else {
        return Some(Check::ok(
            CHECK,
            format!("the page sends events to {named}"),
        ));
    };
    if is_same(&named, api.base) {
        return Some(Check::ok(
            CHECK,
            format!("the page sends events to {named}"),
        ));
    }
    Some(match elsewhere {
        Some(Err(why)) => Check::failed(
            CHECK,
            format!(
                "the page sends events to {named}, but no lamed API answers at this address: {why}"
            ),
            format!(
                "use the tag that `lamed snippet` prints: `<script src=\"{}\"></script>`",
                api.script
            ),
        ),
        _ => Check::warning(
            CHECK,
            format!(
                "the page sends events to {named}, but you asked about {}",
                api.base
            ),
            format!("to check the other API, use `--url {named}`; ignore this if both are one API"),
        ),
    })
}

/// Whether the variant is there before the page is painted. AlephBet decides later in any case.
fn position_check(tag: &Tag) -> Option<Check> {
    const CHECK: &str = "position";
    let script = tag.script;
    let late = match tag.form {
        Form::AlephBet => return None,
        Form::Import => "a module runs after the page is shown",
        _ if script.kind == Kind::Module => "a module runs after the page is shown",
        Form::Script if script.is_async => "the tag is `async`",
        Form::Script if script.is_deferred => "the tag has `defer`",
        _ if !script.in_head => "the tag is not in the `<head>`",
        _ => {
            return Some(Check::ok(
                CHECK,
                "in the `<head>`, before the page is shown",
            ));
        }
    };
    Some(Check::warning(
        CHECK,
        format!("{late}: visitors may see the control before their variant"),
        "put the tag into the `<head>`, without `async`, `defer` or `type=\"module\"`",
    ))
}

fn blocked_script(check: &'static str, what: &str, block: &Block, code: &Code) -> Check {
    let remedy = match code {
        Code::From(_) if block.needs_nonce => {
            "give the tag the `nonce` of the page, as your other scripts have it".to_owned()
        }
        Code::From(url) => format!("add `{}` to `script-src`", origin(url)),
        Code::Inline(_) => {
            "give it the `nonce` of the page, or move the code into a file of your site".to_owned()
        }
    };
    Check::failed(
        check,
        format!("the browser blocks {what}: {}", block.by),
        remedy,
    )
}

/// `https://a.x:8443`
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Browsers trust this machine without `https`.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
