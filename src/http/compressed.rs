//! The browser client as it is sent to those who take it compressed.

use super::Reply;

/// The reply of the browser client as it is sent, and its body where that is compressed. The compressed form has an
/// `ETag` of its own, as that stands for exact bytes. `compressed` gives the form of a body by its own `ETag`.
pub(crate) fn choose<T>(
    mut reply: Reply,
    takes_gzip: bool,
    compressed: impl FnOnce(&str, &str) -> Option<T>,
) -> (Reply, Option<T>) {
    let tag = reply.headers.iter_mut().find(|(name, _)| name == "ETag");
    let Some((_, tag)) = tag else {
        return (reply, None);
    };
    let mut body = None;
    if takes_gzip {
        let plain = tag.clone();
        body = match reply.status {
            200 => compressed(&plain, &reply.body),
            _ => None,
        };
        if body.is_some() || reply.status != 200 {
            *tag = format!("\"{}-gzip\"", plain.trim_matches('"')).into();
        }
    }
    let mut reply = reply.with("Vary", "Accept-Encoding");
    if body.is_some() {
        reply.body.clear();
        reply = reply.with("Content-Encoding", "gzip");
    }
    (reply, body)
}

/// Whether the lines of `Accept-Encoding` allow gzip (RFC 9110, 12.5.3). What is named goes before `*`.
pub(crate) fn takes_gzip<'a>(lines: impl IntoIterator<Item = &'a str>) -> bool {
    let lines = lines.into_iter();
    let listed: Vec<(&str, bool)> = lines
        .flat_map(|line| line.split(','))
        .map(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let quality = quality.trim().trim_start_matches(['q', 'Q', '=', ' ']);
            (
                name.trim(),
                quality.parse::<f32>().is_ok_and(|quality| quality > 0.0),
            )
        })
        .collect();
    let of = |wanted: &[&str]| {
        let mut named = (listed.iter()).filter(|(name, _)| {
            wanted
                .iter()
                .any(|wanted| name.eq_ignore_ascii_case(wanted))
        });
        named.next().map(|(_, allowed)| *allowed)
    };
    of(&["gzip", "x-gzip"])
        .or_else(|| of(&["*"]))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value| takes_gzip([value]);
        for yes in [
            "gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, GZIP;q=0.5",
            "*",
            "x-gzip",
        ] {
            assert!(takes(yes), "{yes}");
        }
        for no in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "*, gzip; q=0.000",
            "*;q=0",
        ] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip([]));
    }
}
