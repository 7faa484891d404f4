//! What `--help` shows at its end, for each subcommand. `tests/suite/cli/help.rs` reads every line of
//! them as lamed does.

pub(super) const LAMED: &str = "\
Examples:
  lamed serve --local --demo  look at two example experiments
  lamed serve --local         serve the API on this machine, as AWS would
  lamed snippet --local       print the HTML to paste into your pages
  lamed results --local       show the results";

pub(super) const CONFIGURE: &str = "\
Examples:
  lamed configure                                open the config file in your editor
  lamed configure --wizard                       answer questions instead
  lamed configure --schema > config.schema.json  write the schema for your editor";

pub(super) const PREFLIGHT: &str = "\
Examples:
  lamed preflight                                    find problems before `lamed deploy`
  lamed preflight --policy                           print an IAM policy for a user who deploys
  lamed preflight --json                             print the checks as JSON, for CI
  lamed preflight --profile work --region eu-west-1  check another account and region";

pub(super) const DEPLOY: &str = "\
Examples:
  lamed deploy --dry-run     show what would change
  lamed deploy               deploy; ask before resources are deleted
  lamed deploy --yes --json  deploy without questions and print JSON, for CI";

pub(super) const STATUS: &str = "\
Examples:
  lamed status           show what is live, and compare it with the config
  lamed status --reveal  also show the API key
  lamed status --json    print JSON for CI; `drift` lists the differences";

pub(super) const ROLLBACK: &str = "\
Examples:
  lamed rollback         go back to the release before the live one
  lamed rollback --to 3  go to release 3; `lamed status` lists the releases";

pub(super) const DESTROY: &str = "\
Examples:
  lamed destroy --dry-run  show what would be deleted
  lamed destroy            ask, then delete it";

pub(super) const LOGS: &str = "\
Examples:
  lamed logs                                    show the logs of the last 10 minutes
  lamed logs --follow                           also show new lines, until Ctrl-C
  lamed logs --since 2h --function lamed-track  show the logs of one function

With --json, lamed prints one document: {\"events\":[{\"at\",\"function\",\"message\"}]}. \
With --json --follow, it prints one such event per line.";

pub(super) const SERVE: &str = "\
Examples:
  lamed serve --local                    try lamed without an account or a config file
  lamed serve --local --demo             start with two example experiments
  lamed serve --store embedded:lamed.db  run your own server, and count in one file
  lamed serve --listen 127.0.0.1:8080    run your own server, and count in the Redis of the config";

pub(super) const READY: &str = "\
Examples:
  lamed ready                          check the server at 127.0.0.1:3000
  lamed ready --listen 127.0.0.1:8080  check the server at another address";

pub(super) const BACKUP: &str = "\
Examples:
  lamed backup copy.db --store embedded:lamed.db     copy the store; refuse if `copy.db` exists
  lamed backup --json copy.db --store embedded:a.db  print the size as JSON";

pub(super) const PLAN: &str = "\
Examples:
  lamed plan --rate 5% --effect 10% --daily 1000  from 5 % to 5.5 %, with 1,000 visitors a day
  lamed plan 'button color' --local               use the counted rate and visitors
  lamed plan 'button color' --rate 5%             use this rate, and the declared variants";

pub(super) const SNIPPET: &str = "\
Examples:
  lamed snippet --local                             send events to `lamed serve --local`
  lamed snippet                                     send events to the deployed API
  lamed snippet --url https://ab.example.com/prod   send events to your own server
  lamed snippet --local --inline                    put the whole script into the page";

pub(super) const DOCTOR: &str = "\
Examples:
  lamed doctor --local                        check `lamed serve --local`
  lamed doctor --local http://localhost:8080  check a page on this machine, too
  lamed doctor https://shop.example.com/      check a page and the deployed API
  lamed doctor --json                         print the checks as JSON, for CI";

pub(super) const RESULTS: &str = "\
Examples:
  lamed results --local                  show the results of `lamed serve --local`
  lamed results 'button color'           show one experiment of the deployed API
  lamed results --csv > results.csv      write a file for a spreadsheet
  lamed results --fail-on loser,srm      for CI: exit with 1 on a loser or an uneven split";

pub(super) const DASHBOARD: &str = "\
Examples:
  lamed dashboard                        show the deployed API in the browser
  lamed dashboard --local                show `lamed serve --local`
  lamed dashboard --output results.html  write a page to share";

pub(super) const DELETE: &str = "\
Examples:
  lamed delete 'button color'                          ask, then delete an experiment
  lamed delete 'button color' --goal 'button clicked'  delete one of its goals
  lamed delete 'button color' --variant red --yes      delete one of its variants without asking";

pub(super) const COMPLETIONS: &str = "\
Examples:
  lamed completions bash > ~/.local/share/bash-completion/completions/lamed
  lamed completions zsh > ~/.zfunc/_lamed
  lamed completions fish > ~/.config/fish/completions/lamed.fish";

pub(super) const EXPERIMENTS: &str = "\
Examples:
  lamed experiments          list the experiments of the deployed API
  lamed experiments --local  list those of `lamed serve --local`
  lamed experiments --all    include archived experiments";

pub(super) const NEW: &str = "\
Examples:
  lamed new price --variants old,new --goal 'order placed'  declare a draft
  lamed new price --variants old=80,new=20 --start          start it at once, with weights
  lamed new price --variants old,new --users --yes          for users who are signed in";

pub(super) const START: &str = "\
Examples:
  lamed start 'button color'        let visitors take part
  lamed start 'button color' --yes  do not ask for confirmation";

pub(super) const STOP: &str = "\
Examples:
  lamed stop 'button color'        show the control to all visitors
  lamed stop 'button color' --yes  do not ask for confirmation";

pub(super) const SHIP: &str = "\
Examples:
  lamed ship 'button color' red        show red to all visitors
  lamed ship 'button color' red --yes  do not ask for confirmation";

pub(super) const RESTART: &str = "\
Examples:
  lamed restart 'button color'        begin the next run
  lamed restart 'button color' --yes  do not ask for confirmation";

pub(super) const ARCHIVE: &str = "\
Examples:
  lamed archive 'button color'        hide it from lists and from the dashboard
  lamed archive 'button color' --yes  do not ask for confirmation";
