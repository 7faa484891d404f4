//! What `--help` shows at its end, for each subcommand. `tests/suite/cli/help.rs` reads every line of
//! them as lamed does.

pub(super) const LAMED: &str = "\
Examples:
  lamed serve --local      count events on this machine, as the deployed API would
  lamed deploy --dry-run   what deploying to AWS would change
  lamed deploy             deploy, and print the HTML to paste into your pages
  lamed results            what was counted there";

pub(super) const CONFIGURE: &str = "\
Examples:
  lamed configure                                open the config file in your editor
  lamed configure --wizard                       answer questions instead
  lamed configure --schema > config.schema.json  for an editor that completes and checks";

pub(super) const PREFLIGHT: &str = "\
Examples:
  lamed preflight                                    what could stand in the way of `lamed deploy`
  lamed preflight --json                             the same, for CI
  lamed preflight --profile work --region eu-west-1  in another account and region";

pub(super) const DEPLOY: &str = "\
Examples:
  lamed deploy --dry-run     what would be changed
  lamed deploy               change it; asks before something is removed
  lamed deploy --yes --json  in CI";

pub(super) const STATUS: &str = "\
Examples:
  lamed status           what is live, and whether it is what the config describes
  lamed status --reveal  the API key, too
  lamed status --json    has the `drift`, for CI";

pub(super) const ROLLBACK: &str = "\
Examples:
  lamed rollback         to the release before the live one
  lamed rollback --to 3  to that one, as `lamed status` numbers them";

pub(super) const DESTROY: &str = "\
Examples:
  lamed destroy --dry-run  what would be removed
  lamed destroy            remove it, after a question";

pub(super) const LOGS: &str = "\
Examples:
  lamed logs                                    what was logged in the last 10 minutes
  lamed logs --follow                           and what comes, until Ctrl-C
  lamed logs --since 2h --function lamed-track  of one function

With --json it prints one document, {\"events\":[{\"at\",\"function\",\"message\"}]}; \
with --json --follow one such event a line.";

pub(super) const SERVE: &str = "\
Examples:
  lamed serve --local                    try things out: no account, no config
  lamed serve --local --demo             with two sample experiments
  lamed serve --store embedded:lamed.db  a server of your own, counting in one file
  lamed serve --listen 127.0.0.1:8080    counting in the Redis of the config";

pub(super) const READY: &str = "\
Examples:
  lamed ready                          the server at 127.0.0.1:3000
  lamed ready --listen 127.0.0.1:8080  another one";

pub(super) const SNIPPET: &str = "\
Examples:
  lamed snippet --local                             for `lamed serve --local`
  lamed snippet                                     for what is deployed
  lamed snippet --url https://ab.example.com/prod   for a server of your own";

pub(super) const RESULTS: &str = "\
Examples:
  lamed results --local                  what `lamed serve --local` counted
  lamed results 'button color'           one experiment of the deployed API
  lamed results --csv > results.csv      for a spreadsheet
  lamed results --fail-on loser,srm      in CI: exit with 1 when it is so";

pub(super) const DASHBOARD: &str = "\
Examples:
  lamed dashboard                        the deployed API, in the browser
  lamed dashboard --local                `lamed serve --local`
  lamed dashboard --output results.html  a page to send around";

pub(super) const DELETE: &str = "\
Examples:
  lamed delete 'button color'                          an experiment, after a question
  lamed delete 'button color' --goal 'button clicked'  one goal of it
  lamed delete 'button color' --variant red --yes      one variant of it, without a question";

pub(super) const COMPLETIONS: &str = "\
Examples:
  lamed completions bash > ~/.local/share/bash-completion/completions/lamed
  lamed completions zsh > ~/.zfunc/_lamed
  lamed completions fish > ~/.config/fish/completions/lamed.fish";
