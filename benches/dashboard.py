#!/usr/bin/env python3
"""How long the dashboard takes with 1,000 experiments, in a real browser.

    benches/dashboard.py          after `tests/run`, which installs the browser and what drives it

Counts two variants and a goal of each of 1,000 experiments, opens the page 10 times as a new visitor, and prints the
median with the minimum and the maximum, in milliseconds: until the list is shown, until an experiment of it is, and
the time of the two requests that the page makes for that, by themselves.
"""

import json
import os
import pathlib
import statistics
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPERIMENTS = 1000
RUNS = 10


def count(track_url):
    events = [
        {"experiment": f"experiment {number}", "event": event, "variant": variant, "uuid": str(uuid)}
        for number in range(EXPERIMENTS)
        for event, variant, times in [("participate", "a", 4), ("participate", "b", 4), ("bought", "a", 2), ("bought", "b", 1)]
        for uuid in range(times)
    ]
    for start in range(0, len(events), 100):
        body = json.dumps(events[start : start + 100]).encode()
        urllib.request.urlopen(urllib.request.Request(track_url, body)).read()


def requests(url):
    """The time of the page's requests, without the page."""
    base, session = url.split("#session=")
    start = time.perf_counter()
    for path in ["/experiments", "/experiment?experiment=experiment+0"]:
        urllib.request.urlopen(urllib.request.Request(base + path, headers={"Authorization": f"Bearer {session}"})).read()
    return 1000 * (time.perf_counter() - start)


class Browser:
    def __init__(self, target):
        environment = dict(os.environ, LAMED_TEST_TOOLS=str(target / "test-tools"))
        driver = ["node", str(ROOT / "tests/browser/driver.mjs")]
        self.process = subprocess.Popen(driver, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)

    def shown(self, url):
        shown = "document.getElementById('title')?.textContent === 'experiment 0'"
        listed = "document.querySelectorAll('#list a[data-experiment]').length"
        link = "document.querySelector('#list a[data-experiment=\"experiment 0\"]')"
        steps = [
            {"until": listed},
            {"read": "performance.now()"},
            {"read": listed},
            {"read": f"[window.clicked = performance.now(), {link}.click()][0]"},
            {"until": shown},
            {"read": "performance.now() - window.clicked"},
        ]
        print(json.dumps({"do": "use", "url": url, "steps": steps}), file=self.process.stdin, flush=True)
        listed, rows, _, shown = json.loads(self.process.stdout.readline())["read"]
        assert rows == EXPERIMENTS, rows
        return listed, shown


def row(what, figures):
    print(f"{what:<44} {statistics.median(figures):>9.0f} {min(figures):>9.0f} {max(figures):>9.0f}")


def main():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=ROOT, check=True)
    serve = [str(target / "dist/lamed"), "serve", "--local", "--listen", "127.0.0.1:0", "--json", "--store", "embedded"]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE)
    browser = Browser(target)
    try:
        ready = json.loads(server.stdout.readline())
        count(ready["track_url"])
        url = ready["dashboard_url"]
        print(f"{'ms':<44} {'median':>9} {'min':>9} {'max':>9}")
        listed, shown = zip(*(browser.shown(url) for _ in range(RUNS)))
        row(f"{EXPERIMENTS} experiments listed", listed)
        row("one of them shown, after a click", shown)
        row("the page's two requests alone", [requests(url) for _ in range(RUNS)])
    finally:
        browser.process.terminate()
        server.terminate()


if __name__ == "__main__":
    main()
