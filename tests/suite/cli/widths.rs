//! The tables of `lamed results`, narrower and narrower.

use super::*;
use crate::support::{Server, line};

#[tokio::test]
async fn what_holds_at_every_look_stays_longest() {
    let server = Server::start(&["--local", "--store", "embedded"]);
    count(
        &server,
        &[
            ("e", "participate", "a", 1000),
            ("e", "participate", "b", 1000),
            ("e", "g", "a", 60),
            ("e", "g", "b", 120),
            ("all", "participate", "a", 10),
            ("all", "participate", "b", 10),
            ("all", "g", "a", 10),
            ("all", "g", "b", 10),
        ],
    )
    .await;
    let mut shown = String::new();
    for columns in ["130", "100", "80", "70", "60", "50", "40", "no number"] {
        let results = line(&server.home, &["results", "--local", "all", "e"])
            .env("COLUMNS", columns)
            .run();
        shown.push_str(&format!("--- {columns}\n{}", results.stdout));
    }
    assert_eq!(shown, WIDTHS);
}

const WIDTHS: &str = "\
--- 130
all
 · Too early: each variant needs 30 visitors and 5 conversions
 g            participants  conversions      rate
 a (control)            10           10  100.00 %
 b                      10           10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245 %)
   - Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends differ.
 g            participants  conversions     rate  change (safe range)                                                chance to win
 a (control)         1,000           60   6.00 %                       │
 b                   1,000          120  12.00 %   +100 % (27 to 245)  │    ├────────────●────────────────────────┤       > 99.9 %
                                                                       0                                     +245 %
--- 100
all
 · Too early: each variant needs 30 visitors and 5 conversions
 g            participants  conversions      rate
 a (control)            10           10  100.00 %
 b                      10           10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245 %)
   - Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends
     differ.
 g            participants     rate  change (safe range)                               chance to win
 a (control)         1,000   6.00 %                       │
 b                   1,000  12.00 %   +100 % (27 to 245)  │  ├───────●──────────────┤       > 99.9 %
                                                          0                    +245 %
--- 80
all
 · Too early: each variant needs 30 visitors and 5 conversions
 g            participants  conversions      rate
 a (control)            10           10  100.00 %
 b                      10           10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245 %)
   - Wait for a full week: only 1 day is counted so far, and visitors of
     weekdays and weekends differ.
 g            participants     rate  change (safe range)  chance to win
 a (control)         1,000   6.00 %
 b                   1,000  12.00 %   +100 % (27 to 245)       > 99.9 %
--- 70
all
 · Too early: each variant needs 30 visitors and 5 conversions
 g            participants  conversions      rate
 a (control)            10           10  100.00 %
 b                      10           10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245 %)
   - Wait for a full week: only 1 day is counted so far, and visitors
     of weekdays and weekends differ.
 g            participants     rate  change (safe range)
 a (control)         1,000   6.00 %
 b                   1,000  12.00 %   +100 % (27 to 245)
--- 60
all
 · Too early: each variant needs 30 visitors and 5
   conversions
 g            participants  conversions      rate
 a (control)            10           10  100.00 %
 b                      10           10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245 %)
   - Wait for a full week: only 1 day is counted so far, and
     visitors of weekdays and weekends differ.
 g            participants     rate  change (safe range)
 a (control)         1,000   6.00 %
 b                   1,000  12.00 %   +100 % (27 to 245)
--- 50
all
 · Too early: each variant needs 30 visitors and 5
   conversions
 g            participants  conversions      rate
 a (control)            10           10  100.00 %
 b                      10           10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245 %)
   - Wait for a full week: only 1 day is counted
     so far, and visitors of weekdays and weekends
     differ.
 g               rate  change (safe range)
 a (control)   6.00 %
 b            12.00 %   +100 % (27 to 245)
--- 40
all
 · Too early: each variant needs 30
   visitors and 5 conversions
 g            participants      rate
 a (control)            10  100.00 %
 b                      10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245
   %)
   - Wait for a full week: only 1 day is
     counted so far, and visitors of
     weekdays and weekends differ.
 g               rate  safe range
 a (control)   6.00 %  │
 b            12.00 %  │ ├────●────────┤
                       0          +245 %
--- no number
all
 · Too early: each variant needs 30 visitors and 5 conversions
 g            participants  conversions      rate
 a (control)            10           10  100.00 %
 b                      10           10  100.00 %

e
 ✓ b wins: 100 % more “g” (likely 27–245 %)
   - Wait for a full week: only 1 day is counted so far, and visitors of weekdays and weekends
     differ.
 g            participants     rate  change (safe range)                               chance to win
 a (control)         1,000   6.00 %                       │
 b                   1,000  12.00 %   +100 % (27 to 245)  │  ├───────●──────────────┤       > 99.9 %
                                                          0                    +245 %
";
