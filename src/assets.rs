//! What is compiled in from `embedded/`, and the description of the API from `docs/`. The Lambda function has the browser client alone.

/// The browser client, as `cargo xtask client` builds it from `embedded/client/src`.
pub mod client {
    /// Stands once in each script, where its config belongs: a JSON object.
    pub const PLACEHOLDER: &str = "__LAMED_CONFIG__";

    /// For `<script src>`: it makes the global `lamed`.
    pub const SCRIPT: &str = include_str!("../embedded/client/lamed.js");

    /// The same as a module.
    pub const MODULE: &str = include_str!("../embedded/client/lamed.mjs");

    /// The types of both.
    #[cfg(feature = "cli")]
    pub const TYPES: &str = include_str!("../embedded/client/lamed.d.ts");
}

/// The config file that `lamed configure` starts from.
#[cfg(feature = "cli")]
pub const CONFIG_TEMPLATE: &str = include_str!("../embedded/config.json");

/// What the API is, for programs: OpenAPI 3.1.
#[cfg(feature = "cli")]
pub const OPENAPI: &str = include_str!("../docs/openapi.json");

/// The frame of the HTML that `lamed snippet --alephbet` prints.
#[cfg(feature = "cli")]
pub const SNIPPET: &str = include_str!("../embedded/snippet.html");

/// The dashboard's page.
#[cfg(feature = "cli")]
pub mod dashboard {
    /// The document, with places for `{{policy}}`, `{{style}}`, `{{script}}` and `{{snapshot}}`.
    pub const FRAME: &str = include_str!("../embedded/dashboard/index.html");

    pub const STYLE: &str = include_str!("../embedded/dashboard/style.css");

    /// One script, in files by what they are about.
    pub const SCRIPT: &str = concat!(
        include_str!("../embedded/dashboard/format.js"),
        include_str!("../embedded/dashboard/state.js"),
        include_str!("../embedded/dashboard/api.js"),
        include_str!("../embedded/dashboard/visible.js"),
        include_str!("../embedded/dashboard/element.js"),
        include_str!("../embedded/dashboard/intervals.js"),
        include_str!("../embedded/dashboard/table.js"),
        include_str!("../embedded/dashboard/chart.js"),
        include_str!("../embedded/dashboard/figures.js"),
        include_str!("../embedded/dashboard/actions.js"),
        include_str!("../embedded/dashboard/experiment.js"),
        include_str!("../embedded/dashboard/start.js"),
        include_str!("../embedded/dashboard/waiting.js"),
        include_str!("../embedded/dashboard/remove.js"),
        include_str!("../embedded/dashboard/live.js"),
        include_str!("../embedded/dashboard/page.js"),
    );
}

/// AlephBet, a client of others: the one version that lamed is tested with.
#[cfg(feature = "cli")]
pub mod alephbet {
    /// Where pages load it from.
    pub const URL: &str = "https://cdn.jsdelivr.net/npm/alephbet@0.27.0/dist/alephbet.min.js";

    /// SHA-384 of that file; a browser refuses anything else.
    pub const INTEGRITY: &str =
        "sha384-4VEL32ya6Zl4KzeC363t/ySCI+riTrRthoaev9aFmg7i5aF8/44TAI0fCz7Vvzha";
}

/// The zip of the Lambda bootstrap for `x86_64` or `arm64`, Lambda's names of the architectures, as
/// far as this build has it: `build.rs` says which it has.
#[cfg(feature = "cli")]
#[must_use]
pub fn bootstrap(architecture: &str) -> Option<&'static [u8]> {
    let bootstraps: &[(&str, &'static [u8])] = include!(concat!(env!("OUT_DIR"), "/bootstraps.rs"));
    let mut named = bootstraps.iter().filter(|(name, _)| *name == architecture);
    named.next().map(|(_, zip)| *zip)
}
