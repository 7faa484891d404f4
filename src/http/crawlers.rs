//! Crawlers: programs that read pages for a search engine, a preview or a test, and say so in their
//! user agent.
//!
//! Only those that run JavaScript ever send events, and these come as a new visitor each time and never
//! reach a goal on purpose: counted, they would pull each rate down. A program that drives a browser for its
//! owner (`HeadlessChrome`) is no crawler; it may be the owner's test.
//!
//! A crate would bring a regular-expression engine into the Lambda function, or take every client that is
//! no browser for a crawler. The rules are few: each of the common lists (crawler-user-agents by Martin
//! Monperrus and others, MIT) comes down to them for what runs JavaScript.

/// Words that end so name a crawler: `Googlebot`, `bingbot`, `Baiduspider`.
const ENDINGS: [&str; 3] = ["bot", "crawler", "spider"];

/// A maker of telephones. Apps name it outside of the part that [`is_crawler`] leaves out.
const NO_CRAWLER: &str = "cubot";

/// Words that name a crawler and end otherwise. They run JavaScript, or fetch what does.
const WORDS: [&str; 18] = [
    "archiver",            // ia_archiver
    "bingpreview",         // Bing's pictures of pages
    "catchpoint",          // measures pages
    "datadogsynthetics",   // tests pages
    "externalagent",       // meta-externalagent
    "facebookexternalhit", // Facebook's previews
    "googleother",         // Google's, besides search
    "gtmetrix",            // measures pages
    "inspectiontool",      // Google-InspectionTool
    "lighthouse",          // Chrome-Lighthouse, PageSpeed Insights
    "mediapartners",       // Mediapartners-Google, for advertisements
    "pingdompagespeed",    // measures pages
    "pingdomtms",          // tests pages
    "phantomjs",           // a browser without a window that is no longer made: scrapers run it
    "prerender",           // renders pages for crawlers
    "ptst",                // WebPageTest
    "statuscake",          // measures pages
    "yeti",                // Naver
];

/// Texts that only crawlers have: where to read about them, as nearly all say (`(+https://…)`), and
/// names that are more than one word of letters.
const PARTS: [&str; 2] = ["+http", "site24x7"];

/// Whether a user agent is a crawler's. The time is linear in its length.
///
/// What Android says of the telephone is left out: a model may be called anything.
pub(super) fn is_crawler(user_agent: &str) -> bool {
    let bytes = user_agent.as_bytes();
    if PARTS.iter().any(|part| contains(bytes, part)) {
        return true;
    }
    (top_level(bytes).filter(|part| !is_telephone(part)))
        .flat_map(|part| part.split(|byte| !byte.is_ascii_alphabetic()))
        .any(names_a_crawler)
}

/// The products (`Chrome/138.0`) and the comments in brackets of a user agent, each whole.
fn top_level(user_agent: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut depth = 0_usize;
    user_agent.split(move |byte| {
        let outside = depth == 0;
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => return false,
        }
        outside || depth == 0
    })
}

/// Whether a comment is Android's `Linux; Android 13; MODEL Build/…`. A crawler says `compatible; NAME`.
fn is_telephone(comment: &[u8]) -> bool {
    let mut parts = comment.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    parts.any(|part| part.starts_with(b"Android ")) && !contains(comment, "compatible")
}

/// Whether `text` is in there, in any case.
fn contains(bytes: &[u8], text: &str) -> bool {
    let mut parts = bytes.windows(text.len());
    parts.any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}

fn names_a_crawler(word: &[u8]) -> bool {
    let ends = |ending: &&str| {
        (word.len().checked_sub(ending.len()))
            .is_some_and(|start| word[start..].eq_ignore_ascii_case(ending.as_bytes()))
    };
    let is = |name: &&str| word.eq_ignore_ascii_case(name.as_bytes());
    (ENDINGS.iter().any(ends) && !is(&NO_CRAWLER)) || WORDS.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crawlers_are_told_from_visitors() {
        for crawler in [
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
            "Mozilla/5.0 (compatible; Baiduspider-render/2.0; +http://www.baidu.com/search/spider.html)",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1)",
            "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
            "Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd)",
            "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "archive.org_bot",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.113 Safari/537.36 (+https://whatis.contentkingapp.com)",
            "BOT",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/92.0.4515.159 Safari/537.36 Site24x7",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4758.102 Safari/537.36 StatusCake",
            "StatusCake_Pagespeed_Indev",
            "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
            "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
            "Mozilla/5.0 (Linux; Android 7.0; Moto G (4)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 PetalBot",
            "Mozilla/5.0 (Linux; Android 12; compatible; SomeBot/1.0)",
        ] {
            assert!(is_crawler(crawler), "{crawler}");
        }
        for visitor in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 10; Vertex Neobot Build/QP1A.190711.020; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; U; Android 9; en-us; Yeti (2018)-Bot) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36",
            "Instagram 123.0.0.21.114 Android (28/9; 480dpi; 1080x2160; CUBOT/CUBOT; CUBOT_X18_Plus)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/138.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/440.0]",
            "curl/8.14.1",
            "Robotics Bottle/1",
            "",
            "böt ünd späße",
        ] {
            assert!(!is_crawler(visitor), "{visitor}");
        }
    }
}
