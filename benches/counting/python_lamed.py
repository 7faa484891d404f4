"""Python lamed 0.4.3's handlers in a loop of this process, its logging switched off; prints one line of JSON.

    python_lamed.py PORT new SECONDS    new events, of 2 experiments with 2 variants each
    python_lamed.py PORT event          one new event
    python_lamed.py PORT all            what /experiments replies
"""

import importlib.util
import itertools
import json
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings


def load(port):
    """Imports lamed as its Lambda function would: configured by the working directory, with its own redis-py."""
    with open("config.json", "w") as file:
        json.dump({"redis": {"host": "127.0.0.1", "port": port}, "uuid_expiry_seconds": 86400}, file)
    package = importlib.util.find_spec("lamed").submodule_search_locations[0]
    sys.path.insert(0, os.path.join(package, "vendor"))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    from lamed import lamed
    return lamed


def track(lamed, number):
    lamed.track({
        "experiment": ("button color", "headline")[number % 2],
        "variant": ("blue", "red")[number // 2 % 2],
        "event": "participate",
        "uuid": f"{number // 4:08x}-0000-4000-8000-{0:012x}",
    }, None)


def track_for(lamed, seconds):
    taken = []
    start = before = time.perf_counter()
    for number in itertools.count():
        track(lamed, number)
        now = time.perf_counter()
        taken.append(now - before)
        before = now
        if now - start > seconds:
            ms = sorted(1000 * t for t in taken)
            return {
                "requests": len(ms),
                "seconds": now - start,
                "p50": statistics.median(ms),
                "p99": ms[len(ms) * 99 // 100],
            }


def all_experiments(lamed):
    start = time.perf_counter()
    reply = lamed.all({}, None)
    elapsed = time.perf_counter() - start
    return {"ms": 1000 * elapsed, "bytes": len(json.dumps(reply, separators=(",", ":")))}


with tempfile.TemporaryDirectory() as directory:
    os.chdir(directory)
    lamed = load(int(sys.argv[1]))
    if sys.argv[2] == "new":
        print(json.dumps(track_for(lamed, float(sys.argv[3]))))
    elif sys.argv[2] == "event":
        print(json.dumps(track(lamed, 0)))
    else:
        print(json.dumps(all_experiments(lamed)))
    os.chdir("/")  # a working directory cannot be removed everywhere
