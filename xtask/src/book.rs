//! The book: `docs/` as HTML.

use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use mdbook_driver::book::{Book, BookItem, Chapter};
use mdbook_preprocessor::errors::Result as Done;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::workspace;

/// Where `cargo xtask book` puts it.
pub fn folder() -> PathBuf {
    workspace().join("target/book")
}

/// Builds the book, with `repository` as the address of what is not in it.
pub fn build(destination: &Path, repository: &str) -> Result<(), String> {
    let failed = |error| format!("the book: {error:#}");
    let mut book = MDBook::load(workspace().join("docs")).map_err(failed)?;
    book.config.build.build_dir = destination.to_owned();
    (book.config)
        .set("output.html.git-repository-url", repository)
        .map_err(failed)?;
    book.with_preprocessor(Outside(repository.to_owned()));
    book.build().map_err(failed)
}

/// The address of the repository: what Cargo.toml says.
pub fn repository() -> Result<String, String> {
    let path = workspace().join("Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let lines = text.lines();
    lines
        .filter_map(|line| line.strip_prefix("repository = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .next()
        .ok_or_else(|| "Cargo.toml names no `repository`".to_owned())
}

/// On GitHub `../src/lib.rs` is a file beside `docs/`. In the book it is a page of the repository.
struct Outside(String);

impl Preprocessor for Outside {
    fn name(&self) -> &'static str {
        "outside"
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> Done<Book> {
        book.for_each_mut(|item| {
            if let BookItem::Chapter(Chapter { content, .. }) = item {
                *content = content.replace("](../", &format!("]({}/blob/HEAD/", self.0));
            }
        });
        Ok(book)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;

    use super::*;
    use crate::html::{self, Page};

    const REPOSITORY: &str = "https://git.example/someone/lamed";

    /// All that is in a folder, by its path there.
    fn files(folder: &Path) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut open = vec![folder.to_owned()];
        while let Some(place) = open.pop() {
            for entry in fs::read_dir(place).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.insert(path.strip_prefix(folder).unwrap().to_owned());
                }
            }
        }
        found
    }

    /// What is wrong with the links of these pages.
    fn dead_links(pages: &BTreeMap<PathBuf, Page>, folder: &Path) -> Vec<String> {
        let mut dead = Vec::new();
        for (path, page) in pages {
            for link in &page.links {
                if let Some(ours) = link.strip_prefix(&format!("{REPOSITORY}/blob/HEAD/")) {
                    let file = ours.split('#').next().unwrap();
                    if !workspace().join(file).exists() {
                        dead.push(format!("{}: {link}", path.display()));
                    }
                    continue;
                }
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = match file {
                    "" => path.clone(),
                    file => html::resolve(path.parent().unwrap(), file),
                };
                let lives = match pages.get(&target) {
                    Some(page) => anchor.is_empty() || page.ids.contains(anchor),
                    None => anchor.is_empty() && folder.join(&target).is_file(),
                };
                if !lives {
                    dead.push(format!("{}: {link}", path.display()));
                }
            }
        }
        dead
    }

    #[test]
    fn every_link_of_the_book_leads_somewhere_and_no_chapter_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        build(folder, REPOSITORY).unwrap();
        let pages: BTreeMap<PathBuf, Page> = (files(folder).into_iter())
            .filter(|file| file.extension().is_some_and(|e| e == "html"))
            .map(|file| {
                let page = Page::read(&fs::read_to_string(folder.join(&file)).unwrap());
                (file, page)
            })
            .collect();
        assert_eq!(dead_links(&pages, folder), [""; 0]);
        let links: usize = pages.values().map(|page| page.links.len()).sum();
        assert!(links > 500, "only {links} links were found");

        let summary = fs::read_to_string(workspace().join("docs/SUMMARY.md")).unwrap();
        for entry in fs::read_dir(workspace().join("docs")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") && name != "SUMMARY.md" {
                assert!(
                    summary.contains(&format!("]({name})")),
                    "SUMMARY.md: {name}"
                );
                let page = &pages[&PathBuf::from(name.replace(".md", ".html"))];
                assert!(page.words > 20, "{name} is empty");
            }
        }
    }

    /// The test above would see it.
    #[test]
    fn dead_links_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let text = r##"<h2 id="a">A</h2> <a href="#a"> <a href="#b"> <a href="x.html"> <a href="here.html#a">
            <a href="here.html#c"> <img src="no.png"> <code>href="code.html"</code>"##;
        let pages = BTreeMap::from([(PathBuf::from("here.html"), Page::read(text))]);
        assert_eq!(
            dead_links(&pages, folder.path()),
            ["#b", "x.html", "here.html#c", "no.png"].map(|link| format!("here.html: {link}"))
        );
    }

    #[test]
    fn the_repository_is_the_one_of_the_package() {
        let named = repository().unwrap();
        assert!(
            named.starts_with("https://") && !named.ends_with('/'),
            "{named}"
        );
    }
}
