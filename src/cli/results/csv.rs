//! How spreadsheet programs of a locale expect a table.

use std::env;

use clap::ValueEnum;

use crate::report;

/// Languages that write 0,5 for a half.
const DECIMAL_COMMA: [&str; 46] = [
    "af", "az", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fo", "fr",
    "fy", "gl", "hr", "hu", "hy", "id", "is", "it", "ka", "kk", "ky", "lb", "lt", "lv", "mk", "nb",
    "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "tr", "uk",
];

/// Places that write 0.5 although others of the language do not.
const DECIMAL_POINT: [&str; 9] = [
    "de_CH", "de_LI", "it_CH", "es_MX", "es_US", "es_PR", "es_GT", "es_HN", "es_DO",
];

/// What `--csv-separator` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Separator {
    #[value(name = ",")]
    Comma,
    #[value(name = ";")]
    Semicolon,
}

impl Separator {
    /// That of the environment's locale.
    pub(super) fn of_locale() -> Self {
        let set = |name| env::var(name).ok().filter(|locale| !locale.is_empty());
        let locale = ["LC_ALL", "LC_NUMERIC", "LANG"].into_iter().find_map(set);
        Self::of(&locale.unwrap_or_default())
    }

    /// That of `de_DE.UTF-8`.
    fn of(locale: &str) -> Self {
        let place = locale.split(['.', '@']).next().unwrap_or_default();
        let language = place.split('_').next().unwrap_or_default();
        if place == "en_ZA"
            || (DECIMAL_COMMA.contains(&language) && !DECIMAL_POINT.contains(&place))
        {
            Self::Semicolon
        } else {
            Self::Comma
        }
    }
}

impl From<Separator> for report::Separator {
    fn from(separator: Separator) -> Self {
        match separator {
            Separator::Comma => Self::Comma,
            Separator::Semicolon => Self::Semicolon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_that_of_the_locale() {
        let of = [
            "",
            "C",
            "C.UTF-8",
            "POSIX",
            "en_US.UTF-8",
            "ja_JP.UTF-8",
            "de_CH.UTF-8",
            "es_MX",
            "de_DE.UTF-8",
            "de",
            "fr_FR@euro",
            "pt_BR.UTF-8",
            "en_ZA.UTF-8",
        ]
        .map(|locale| Separator::of(locale) == Separator::Semicolon);
        let (commas, semicolons) = of.split_at(8);
        assert!(
            !commas.contains(&true) && !semicolons.contains(&false),
            "{of:?}"
        );
    }
}
