//! Names and messages as they may go to a terminal: what nobody would see is spelled out, and what
//! would write something else than text with it.
//!
//! The dashboard does the same, by the same rule: `embedded/dashboard/visible.js`.

use std::borrow::Cow;
use std::fmt::Write;

use crate::config::{Config, DEFAULT_NAMESPACE};

/// A message, with each character that is not seen, moves the cursor or turns the direction of the text
/// around as `<U+200B>`.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if unseen(character) && !joins(before, character, rest.peek().copied()) {
            // Writing to memory does not fail.
            let _ = write!(shown, "<U+{:04X}>", u32::from(character));
        } else {
            shown.push(character);
        }
        before = Some(character);
    }
    Cow::Owned(shown)
}

/// A name, or a sentence with names in it: as [`harmless`], and each space at an end of it or beside
/// another one as `␣`.
pub(super) fn visible(name: &str) -> Cow<'_, str> {
    let text = harmless(name);
    if !(text.starts_with(' ') || text.ends_with(' ') || text.contains("  ")) {
        return text;
    }
    let characters: Vec<char> = text.chars().collect();
    let is_space = |at: usize| characters.get(at).is_none_or(|character| *character == ' ');
    let shown = (characters.iter().enumerate()).map(|(at, character)| match character {
        ' ' if at == 0 || is_space(at - 1) || is_space(at + 1) => '␣',
        character => *character,
    });
    Cow::Owned(shown.collect())
}

/// What leaves no trace, or that of a space: control characters, spaces but the usual one, and what
/// Unicode names Default_Ignorable_Code_Point.
fn unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{1680}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether it does its work where it stands: within an emoji, or within a word of a script whose
/// letters join (from Arabic to the scripts of India).
fn joins(before: Option<char>, character: char, after: Option<char>) -> bool {
    let letter = |side: Option<char>| matches!(side, Some('\u{600}'..='\u{dff}'));
    let emoji = |side: Option<char>| {
        matches!(
            side,
            Some(
                '©'
                | '®'
                | '‼'
                | '⁉'
                | '™'
                | 'ℹ'
                | '\u{2190}'..='\u{2bff}'
                | '〰'
                | '〽'
                | '㊗'
                | '㊙'
                | '\u{1f000}'..='\u{1faff}',
            )
        )
    };
    match character {
        '\u{fe0e}' | '\u{fe0f}' => emoji(before) || after == Some('\u{20e3}'),
        '\u{200c}' => letter(before) && letter(after),
        '\u{200d}' => {
            (letter(before) && letter(after))
                || ((emoji(before) || before == Some('\u{fe0f}')) && emoji(after))
        }
        _ => false,
    }
}

/// Which namespace it is about, if that is not the one that everybody begins with.
pub(super) fn of_namespace(config: &Config) -> String {
    match config.namespace.as_str() {
        DEFAULT_NAMESPACE => String::new(),
        other => format!(" in namespace `{}`", visible(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_spelled_out_and_what_does_its_work_stays() {
        for (name, shown) in [
            ("a b", "a b"),
            ("", ""),
            (" ", "␣"),
            (" a  b ", "␣a␣␣b␣"),
            ("a\u{200b}", "a<U+200B>"),
            ("\u{202e}abc", "<U+202E>abc"),
            ("a\u{a0}b", "a<U+00A0>b"),
            ("\u{3164}", "<U+3164>"),
            ("a\u{e0001}", "a<U+E0001>"),
            ("\u{1b}[31m\n", "<U+001B>[31m<U+000A>"),
            ("a\u{200d}b\u{fe0f}", "a<U+200D>b<U+FE0F>"),
            (
                "👩\u{200d}🚀❤\u{fe0f}1\u{fe0f}\u{20e3}",
                "👩\u{200d}🚀❤\u{fe0f}1\u{fe0f}\u{20e3}",
            ),
            ("🏳\u{fe0f}\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
            ("می\u{200c}خواهم\u{200c}", "می\u{200c}خواهم<U+200C>"),
        ] {
            assert_eq!(visible(name), shown);
        }
        assert_eq!(harmless("  a\t"), "  a<U+0009>");
    }
}
