//! What a check of links needs to know of an HTML page.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// A page as a check of links sees it.
pub struct Page {
    /// The values of `href` and `src`.
    pub links: Vec<String>,
    /// The values of `id`.
    pub ids: BTreeSet<String>,
    /// How many words it has outside of its navigation.
    pub words: usize,
}

impl Page {
    /// Reads well-formed HTML as mdBook writes it: text has no `<`, and values are in double quotes.
    pub fn read(html: &str) -> Self {
        let mut page = Self {
            links: Vec::new(),
            ids: BTreeSet::new(),
            words: 0,
        };
        let mut rest = html;
        while let Some((_, after)) = rest.split_once('<') {
            // The contents of these are no HTML.
            let skipped = ["!--", "script", "style"]
                .into_iter()
                .zip(["-->", "</script>", "</style>"])
                .find(|(start, _)| after.starts_with(start));
            let (tag, text) = after.split_once('>').unwrap_or((after, ""));
            // `<base>` is the place of the 404 page.
            if !tag.starts_with("base ") {
                page.attributes(tag);
            }
            rest = match skipped {
                Some((_, end)) => after.split_once(end).map_or("", |(_, rest)| rest),
                None => text,
            };
        }
        let main = html.split("<main>").nth(1).unwrap_or_default();
        page.words = main
            .split("</main>")
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .count();
        page
    }

    fn attributes(&mut self, tag: &str) {
        let mut parts = tag.split('"');
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            let value = value.replace("&amp;", "&").replace("&#x27;", "'");
            match name.trim_start().trim_end_matches('=').rsplit(' ').next() {
                Some("href" | "src") => self.links.push(value),
                Some("id") => {
                    self.ids.insert(value);
                }
                _ => {}
            }
        }
    }
}

/// Where a link of a page in `folder` leads, as a path in the book.
pub fn resolve(folder: &Path, link: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}
