//! The charts: read by pointer and by keyboard, and as tables.

use serde_json::{Value, json};

use super::edited;
use super::page::{LIMIT, shown, use_page};
use crate::support::{Browser, Server, within};

/// Two weeks of two experiments.
pub(super) fn demo() -> Server {
    Server::start(&["--local", "--demo"])
}

const FIRST: &str = ".goal:first-of-type .chart";

/// What a chart says of the day that is read, and what its label shows.
const READING: &str = r##"(() => {
  const chart = document.querySelector(".goal:first-of-type .chart"), tip = chart.querySelector(".tip")
  return [Number(chart.getAttribute("aria-valuenow")), chart.getAttribute("aria-valuetext"), tip.hidden ? null : tip.querySelector("p").textContent]
})()"##;

/// The days of the table.
const DAYS: &str = r##"(() => {
  document.querySelector(".goal:first-of-type details[data-part=table]").open = true
})()"##;
const TABLE: &str = r##"[...document.querySelectorAll(".goal:first-of-type [data-table=days] tbody tr")].map(row =>
  [...row.children].map(cell => cell.firstChild.textContent + (cell.children[0]?.textContent ?? "")))"##;

#[test]
fn a_day_is_read_by_pointer_and_by_keyboard_and_in_the_table() {
    within(LIMIT, || {
        let server = demo();
        let url = server.ready["dashboard_url"].as_str().unwrap();
        let url = json!(format!("{url}&experiment=button+color"));
        let read = use_page(
            &mut Browser::start(),
            &url,
            json!([
                {"until": shown("button color")},
                {"until": format!("document.querySelector('{FIRST} svg')")},
                {"read": READING},
                {"focus": FIRST},
                {"press": "ArrowLeft"},
                {"read": READING},
                {"press": "Home"},
                {"read": READING},
                {"press": "Escape"},
                {"read": READING},
                {"click": "input[value=by-day]"},
                {"until": format!("document.querySelector('{FIRST}[data-view=by-day] svg')")},
                {"hover": FIRST},
                {"read": READING},
                {"read": format!("document.querySelectorAll('{FIRST} .band').length")},
                {"click": "input[value=so-far]"},
                {"until": format!("document.querySelector('{FIRST}[data-view=so-far] svg')")},
                {"read": format!("document.querySelectorAll('{FIRST} .band').length")},
                {"read": DAYS},
                {"until": "document.querySelector('[data-table=days]')"},
                {"read": TABLE},
                {"read": "document.querySelector('#participants .chart').getAttribute('aria-valuetext')"},
            ]),
        );
        let at =
            |place: usize, part: usize| read[place][part].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (&read[0][0], &read[0][2]),
            (&json!(13), &Value::Null),
            "the last day, unread"
        );
        assert_eq!(
            (&read[1][0], &read[2][0], &read[3][0]),
            (&json!(12), &json!(0), &json!(0))
        );
        // What is said is what is shown, and what the table has.
        let table = read[7].as_array().or(read[8].as_array()).unwrap();
        assert_eq!(table.len(), 14);
        for (place, day) in [(1, 12), (2, 0)] {
            let row = &table[day];
            let date = row[0].as_str().unwrap();
            let said = at(place, 1);
            assert_eq!(at(place, 2), date);
            for (variant, cell) in [("blue", &row[1]), ("red", &row[2])] {
                let (rate, counts) = cell.as_str().unwrap().split_once('%').unwrap();
                let counts = counts.replace(" / ", " of ");
                assert!(said.starts_with(&format!("{date}: ")), "{said}");
                assert!(
                    said.contains(&format!("{variant} {rate}%, {counts} that day")),
                    "{said}"
                );
            }
        }
        assert_eq!(read[3][2], Value::Null, "Escape puts it away");
        assert_ne!(read[4][2], Value::Null, "the pointer reads, too");
        assert_eq!(
            (&read[5], &read[6]),
            (&json!(0), &json!(1)),
            "the safe range is of the rate so far"
        );
        let participants = read[9].as_str().or(read[10].as_str()).unwrap();
        assert!(
            participants.contains("blue ") && !participants.contains('%'),
            "{participants}"
        );
    });
}

/// Somebody tried the page weeks before: the drawing begins with the visitors, the table has all days.
#[test]
fn a_long_empty_beginning_is_not_drawn() {
    within(LIMIT, || {
        let server = demo();
        let url = edited(&server, |snapshot| {
            let days = snapshot["details"]["button color"]["usual"]["days"]
                .as_array_mut()
                .unwrap();
            let mut early = days[0].clone();
            early["day"] = json!("2020-01-01");
            for variant in early["variants"].as_array_mut().unwrap() {
                variant["participants"] = json!(1);
            }
            days.insert(0, early);
        });
        let read = use_page(
            &mut Browser::start(),
            &json!(format!("{url}#experiment=button+color")),
            json!([
                {"until": shown("button color")},
                {"read": format!("document.querySelector('{FIRST}').getAttribute('aria-valuemax')")},
                {"read": "document.querySelector('.goal .chart-place > .small').textContent.includes('1 earlier day')"},
                {"focus": FIRST},
                {"press": "Home"},
                {"read": format!("document.querySelector('{FIRST}').getAttribute('aria-valuetext').includes('2020')")},
                {"read": DAYS},
                {"until": "document.querySelector('[data-table=days]')"},
                {"read": TABLE},
            ]),
        );
        let table = read.as_array().unwrap().last().unwrap().as_array().unwrap();
        assert_eq!(
            (&read[0], &read[1], &read[2]),
            (&json!("13"), &json!(true), &json!(false))
        );
        assert_eq!((table.len(), &table[0][0]), (15, &json!("1 Jan 2020")));
    });
}
