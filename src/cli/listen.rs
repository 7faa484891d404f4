//! Addresses to listen on, as people write them.

use std::borrow::Cow;

use super::CliError;

/// Where a port alone is meant.
const HERE: &str = "127.0.0.1";

/// An address with a host and a port. A port alone (`3050`, `:3050`) is one of this machine.
///
/// # Errors
/// When there is no port, or more than an address.
pub(super) fn host_and_port<'a>(option: &str, text: &'a str) -> Result<Cow<'a, str>, CliError> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return match port.parse::<u16>() {
            Ok(port) => Ok(Cow::Owned(format!("{HERE}:{port}"))),
            Err(_) => Err(CliError::usage(format!(
                "`{option} {text}`: the port must be between 0 and 65535"
            ))),
        };
    }
    if let Some((_, rest)) = text.split_once("://") {
        let address = rest.split('/').next().unwrap_or_default();
        return Err(CliError::usage(format!(
            "`{option} {text}` must be HOST:PORT: use `{option} {address}`"
        )));
    }
    let is_ipv6 = text.ends_with(']') || text.matches(':').count() > 1 && !text.contains(']');
    if is_ipv6 || !text.contains(':') {
        let host = match text.starts_with('[') || !is_ipv6 {
            true => text.to_owned(),
            false => format!("[{text}]"),
        };
        return Err(CliError::usage(format!(
            "`{option} {text}` must be HOST:PORT: add the port, for example `{option} {host}:3000`"
        )));
    }
    Ok(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine() {
        for (text, expected) in [
            ("3050", Ok("127.0.0.1:3050")),
            (":0", Ok("127.0.0.1:0")),
            ("localhost:1", Ok("localhost:1")),
            ("[::1]:1", Ok("[::1]:1")),
            (
                "65536",
                Err("`--listen 65536`: the port must be between 0 and 65535"),
            ),
            (
                "localhost",
                Err(
                    "`--listen localhost` must be HOST:PORT: add the port, for example `--listen localhost:3000`",
                ),
            ),
            (
                "::1",
                Err(
                    "`--listen ::1` must be HOST:PORT: add the port, for example `--listen [::1]:3000`",
                ),
            ),
            (
                "[::1]",
                Err(
                    "`--listen [::1]` must be HOST:PORT: add the port, for example `--listen [::1]:3000`",
                ),
            ),
            (
                "http://127.0.0.1:3000/",
                Err(
                    "`--listen http://127.0.0.1:3000/` must be HOST:PORT: use `--listen 127.0.0.1:3000`",
                ),
            ),
        ] {
            let told = host_and_port("--listen", text).map_err(|error| error.to_string());
            let expected = expected.map(Cow::Borrowed).map_err(str::to_owned);
            assert_eq!(told, expected);
        }
    }
}
