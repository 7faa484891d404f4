//! SQLite files.

use lamed::store::{Location, SqliteStore};

use super::*;

/// A copy of the fixture, opened when the story has ended.
fn open(folder: &Path, fixture_name: &str, counting: Counting) -> Site {
    let file = folder.join("lamed.db");
    fs::copy(fixture(format!("{fixture_name}.db")), &file).unwrap();
    let clock = Clock::new();
    for step in story() {
        if let Step::Pass(time) = step {
            clock.advance(time);
        }
    }
    let store = SqliteStore::open_with_clock(&Location::File(file), counting, clock.reader());
    Site {
        store: Arc::new(store.unwrap()),
        clock,
    }
}

#[tokio::test]
async fn a_file_of_an_earlier_build_goes_on() {
    for build in BUILDS {
        for (name, window, now) in [
            ("sqlite-day", Some(DAY), Some(DAY)),
            ("sqlite-day", Some(DAY), default_window()),
            ("sqlite-day", Some(DAY), None),
            ("sqlite-forever", None, None),
        ] {
            let name = format!("{build}/{name}");
            println!("{name} → {now:?}");
            let folder = tempfile::tempdir().unwrap();
            let site = open(folder.path(), &name, counting(Dedupe::default(), now));
            let replies = fs::read_to_string(fixture(format!("{name}.replies"))).unwrap();
            site.goes_on_from(&replies, remembered(window)).await;
            if now.is_none() {
                site.clock.advance(1_000 * DAY);
                let sent = remembered(window);
                let outcomes = site.store.track(&sent[..100]).await.unwrap();
                assert_eq!(outcomes, [Outcome::Duplicate; 100]);
            }
            site.takes_values(&remembered(window)).await;
            assert_eq!(site.delete_all(&replies).await, COUNTERS);
        }
    }
}

#[tokio::test]
async fn the_namespaces_of_an_earlier_file_are_taken_over() {
    for build in BUILDS {
        let name = format!("{build}/sqlite-day");
        let replies = fs::read_to_string(fixture(format!("{name}.replies"))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let counting = Counting {
            max_namespaces: 1,
            ..Counting::default()
        };
        let site = open(folder.path(), &name, counting);
        site.takes_its_namespaces_over(&replies).await;
    }
}

fn default_window() -> Option<i64> {
    let window = Counting::default().window?;
    Some(i64::try_from(window.as_millis()).unwrap())
}
