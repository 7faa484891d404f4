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

/// A maker of telephones, whose models stand in the user agents of their owners.
const NO_CRAWLER: &str = "cubot";

/// Words that name a crawler and end otherwise. They run JavaScript, or fetch what does.
const WORDS: [&str; 16] = [
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
    "prerender",           // renders pages for crawlers
    "ptst",                // WebPageTest
    "yeti",                // Naver
];

/// Where to read about a crawler, as nearly all of them say: `(+https://…)`. No browser does.
const ADDRESS: &[u8] = b"+http";

/// Whether a user agent is a crawler's. Takes less than a microsecond.
pub(super) fn is_crawler(user_agent: &str) -> bool {
    let bytes = user_agent.as_bytes();
    let mut words = bytes.split(|byte| !byte.is_ascii_alphabetic());
    words.any(names_a_crawler) || bytes.windows(ADDRESS.len()).any(|part| part == ADDRESS)
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
        ] {
            assert!(is_crawler(crawler), "{crawler}");
        }
        for visitor in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 Mobile Safari/537.36",
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
