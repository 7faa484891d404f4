//! What is compiled in from `embedded/`.

/// The config file that `lamed configure` starts from.
pub const CONFIG_TEMPLATE: &str = include_str!("../embedded/config.json");

/// The frame of the HTML that `lamed snippet` prints.
pub const SNIPPET: &str = include_str!("../embedded/snippet.html");

/// AlephBet, the client: the one version that lamed is tested with.
pub mod alephbet {
    /// Where pages load it from.
    pub const URL: &str = "https://cdn.jsdelivr.net/npm/alephbet@0.27.0/dist/alephbet.min.js";

    /// SHA-384 of that file; a browser refuses anything else.
    pub const INTEGRITY: &str =
        "sha384-4VEL32ya6Zl4KzeC363t/ySCI+riTrRthoaev9aFmg7i5aF8/44TAI0fCz7Vvzha";
}

pub fn bootstrap(_architecture: &str) -> Option<&'static [u8]> {
    None
}
