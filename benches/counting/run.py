#!/usr/bin/env python3
"""How fast events are counted, what remembering one costs, and how often Redis is asked; each beside its like.

    tests/run --no-run          once: it installs Python lamed
    benches/counting/run.py     the release binary, built first where it is not

    --only serve,redis,python   some of: speed of `lamed serve`, of Redis alone, of Python lamed; bytes; trips
    --dedupe compact            one of the two ways of remembering, compact and flags
    --ten-million               bytes for 10,000,000 events as well (many minutes)
    --seconds 5 --rounds 6      of each measurement of speed
    --lamed PATH                another binary
    --json                      one JSON document instead of tables

Starts the Redis (which keeps nothing on disk), the servers and wrk; SQLite's file is under $TMPDIR, so that has to
be on a disk. 50 connections everywhere, one process for Python lamed. Speeds are medians of rounds in which all take
turns, each from an empty store, with the minimum and the maximum, and so are their ratios, taken round by round; the
counters must say afterwards what was sent.

"Replayed" are the very commands that `serve` sent for new events, recorded once and sent again, one at a time on each
connection: redis-benchmark can vary no more than a number in a command, which is enough for flags. There both are
shown, so that the replaying can be trusted.
"""

import argparse
import functools
import json
import operator
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

from tools import Proxy, Redis, Server, encode, record, redis_benchmark, replay, uuid, wrk

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
TOOLS = pathlib.Path(os.environ.get("LAMED_TEST_TOOLS", TARGET / "test-tools")).resolve()
PARTS = ["serve", "redis", "python", "bytes", "trips"]
POOL = 1_000
PYTHON = "Python lamed 0.4.3"


def say(text):
    print(text, file=sys.stderr, flush=True)


def python_lamed(port, *arguments):
    command = [TOOLS / "venv/bin/python", HERE / "python_lamed.py", str(port), *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


# --- speed -------------------------------------------------------------------------------------------------------


def serve(options, seconds, pool=None, **where):
    """wrk at a server; with `pool`, all that it sends was counted before."""
    with Server.started(options.lamed, **where) as server:
        if pool:
            server.post_all(
                (experiment, variant, "participate", uuid(number))
                for number in range(pool) for experiment in ("button color", "headline") for variant in ("blue", "red")
            )
        server.counted()
        result = wrk(server, seconds, pool or "new")
        least, most = (4 * pool, 4 * pool) if pool else (result["requests"], result["requests"] + 50)
        if not least <= server.counted() <= most:
            raise SystemExit(f"{server.counted()} were counted, not {least} to {most}")
    return result


def straight(redis, send):
    """What goes straight to Redis: each event is new. These runs are short, so one goes before that warms all up."""
    send()
    redis.ask("FLUSHALL")
    result = send()
    if redis.counted() < result["requests"] * 0.999:  # redis-benchmark may draw a number twice
        raise SystemExit(f"{redis.counted()} of {result['requests']} events were counted")
    return result


def contenders(options, redis):
    """Name -> (what measures it once, the names that it is divided by)."""
    found = {}
    serving = functools.partial(serve, options, options.seconds)
    for dedupe in options.dedupe:
        over_redis = functools.partial(serving, port=redis.port, dedupe=dedupe)
        new, replayed, benchmark = f"serve, {dedupe}, new events", f"replayed, {dedupe}", "redis-benchmark, flags"
        flags = dedupe == "flags"
        if "serve" in options.only:
            found[new] = over_redis, [benchmark if flags else replayed, PYTHON]
            found[f"serve, {dedupe}, duplicates"] = functools.partial(over_redis, pool=POOL), [new]
        if "redis" in options.only:
            say(f"recording what serve sends, {dedupe}")
            redis.ask("FLUSHALL")
            commands = record(redis, over_redis)
            if len(commands) < redis.counted():  # more, where the script asked for more levels of sets
                raise SystemExit(f"{len(commands)} commands were recorded for {redis.counted()} events")
            send = functools.partial(replay, redis, commands)
            found[replayed] = functools.partial(straight, redis, send), [benchmark if flags else "replayed, flags"]
            if flags:
                literal = commands[0].split(b"\r\n")[2::2]
                literal[6] = b"f" * 28 + b"__rand_int__"  # its fourth key is the flag
                send = functools.partial(redis_benchmark, redis, len(commands), literal)
                found[benchmark] = functools.partial(straight, redis, send), []
    if "serve" in options.only:
        memory = "serve, in memory, new events"
        file = functools.partial(serving, store="embedded:{home}/lamed.db")
        found["serve, SQLite file, new events"] = file, [memory]
        found[memory] = functools.partial(serving, store="embedded"), []
    if "python" in options.only:
        found[PYTHON] = functools.partial(python_lamed, redis.port, "new", str(options.seconds)), []
    return found


def speed(options, redis):
    found = contenders(options, redis)
    results = {name: [] for name in found}
    for number in range(options.rounds):
        for name in [*found][:: -1 if number % 2 else 1]:  # there and back, for nobody to profit from a place
            redis.ask("FLUSHALL")
            result = found[name][0]()
            results[name].append({**result, "rate": result["requests"] / result["seconds"]})
            say(f"round {number + 1}: {name} {results[name][-1]['rate']:,.0f}")
    rows = []
    for name, runs in results.items():
        rates = [run["rate"] for run in runs]
        against = {base: [run["rate"] for run in results[base]] for base in found[name][1] if base in results}
        middle = lambda key: None if runs[0][key] is None else statistics.median(run[key] for run in runs)
        rows.append({
            "what": name,
            "events/s": statistics.median(rates), "min": min(rates), "max": max(rates),
            "p50 ms": middle("p50"), "p99 ms": middle("p99"),
            "ratio": {base: statistics.median(map(operator.truediv, rates, bases)) for base, bases in against.items()},
        })
    return rows


# --- bytes -------------------------------------------------------------------------------------------------------


def remembered(options, redis, dedupe, events):
    """The bytes of one counter and all that it remembers, and the error of its count when some events came twice."""
    exposures = lambda variant, count: (("headline", variant, "participate", uuid(n)) for n in range(count))
    with Server.started(options.lamed, port=redis.port, dedupe=dedupe) as server:
        server.post_all(exposures("warm", 100))
    before = redis.memory()
    with Server.started(options.lamed, port=redis.port, dedupe=dedupe) as server:
        server.post_all(exposures("blue", events))
    used = redis.memory() - before
    with Server.started(options.lamed, port=redis.port, dedupe=dedupe) as server:
        server.post_all(exposures("blue", 1_000))
        return used, (server.counted() - 100) / events - 1


def hyperloglog(redis, events):
    """The same for HyperLogLogs of Redis, as many as give a mean and a worst error."""
    keys = max(1, min(20, 10_000_000 // events))
    redis.ask("PFADD", "warm", "warm")
    redis.ask("PFCOUNT", "warm")
    before, errors = redis.memory(), []
    for key in range(keys):
        for at in range(0, events, 10_000):
            hundreds = [range(n, n + 100) for n in range(at, min(at + 10_000, events), 100)]
            redis.ask_all([encode(["PFADD", key, *(f"{key} {uuid(n)}" for n in some)]) for some in hundreds])
        errors.append(redis.ask("PFCOUNT", key) / events - 1)
    return (redis.memory() - before) / keys, max(errors, key=abs)


def bytes_per_event(options, redis):
    rows = []
    for events in [1_000, 40_000, 1_000_000] + [10_000_000] * options.ten_million:
        group = []
        for kind in [*options.dedupe, "HyperLogLog"]:
            say(f"bytes: {kind}, {events:,} events")
            redis.ask("FLUSHALL")
            if kind == "HyperLogLog":
                used, error = hyperloglog(redis, events)
            else:
                used, error = remembered(options, redis, kind, events)
            group.append({"what": kind, "events": events, "bytes/event": used / events, "error %": 100 * error})
        flags = [row["bytes/event"] for row in group if row["what"] == "flags"]
        for row in group:
            row["ratio"] = {"flags": row["bytes/event"] / flags[0]} if flags and row["what"] != "flags" else {}
        rows += group
    redis.ask("FLUSHALL")
    return rows


# --- trips -------------------------------------------------------------------------------------------------------


def trips(options, redis):
    """Through a proxy that counts, and once more without it for the time."""
    proxy = Proxy(redis)
    new, reading = [], []
    for dedupe in options.dedupe:
        say(f"trips: {dedupe}")
        redis.ask("FLUSHALL")
        with Server.started(options.lamed, port=proxy.port, dedupe=dedupe) as server:
            server.post([("headline", "warm", "participate", uuid(0))])
            proxy.reset()
            server.request("GET", f"track?experiment=headline&variant=blue&event=participate&uuid={uuid(0)}")
            new.append({"what": f"new event, {dedupe}", **proxy.counts(), "ms": None, "bytes": None})
        redis.ask("FLUSHALL")
        with Server.started(options.lamed, port=redis.port, dedupe=dedupe) as server:
            server.post_all(
                (f"experiment {n}", variant, event, uuid(0))
                for n in range(1_000) for variant in ("blue", "red") for event in ("participate", "button clicked")
            )
            times = []
            for _ in range(20):
                start = time.perf_counter()
                reply = server.request("GET", "experiments")
                times.append(1000 * (time.perf_counter() - start))
        with Server.started(options.lamed, port=proxy.port, dedupe=dedupe) as server:
            server.request("GET", "experiments?scope=none")
            proxy.reset()
            server.request("GET", "experiments")
        row = {"what": f"1,000 experiments, {dedupe}", **proxy.counts()}
        reading.append({**row, "ms": statistics.median(times), "bytes": len(reply)})
    say(f"trips: {PYTHON}")
    proxy.reset()
    python_lamed(proxy.port, "event")
    new.append({"what": f"new event, {PYTHON}", **proxy.counts(), "ms": None, "bytes": None})
    once = python_lamed(redis.port, "all")
    proxy.reset()
    python_lamed(proxy.port, "all")
    reading.append({"what": f"1,000 experiments, {PYTHON}", **proxy.counts(), **once})
    for rows, key in (new, "trips"), (reading, "ms"):
        for row in rows:
            row["ratio"] = {f"{PYTHON}, {key}": row[key] / rows[-1][key]} if row is not rows[-1] else {}
    return new + reading


# --- output ------------------------------------------------------------------------------------------------------


def factor(ratio):
    return f"1/{1 / ratio:,.1f}" if ratio < 0.1 else f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.1f}"


def shown(key, value):
    if isinstance(value, dict):
        return ", ".join(f"{factor(ratio)} x {base}" for base, ratio in value.items())
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if key in ("events/s", "min", "max") else f"{value:,.2f}"
    return f"{value:,}"


def table(title, rows):
    columns = [key for key in rows[0] if key not in ("what", "ratio")]
    print(f"\n{title:<44}" + "".join(f" {column:>11}" for column in columns) + "  ratio")
    for row in rows:
        cells = "".join(f" {shown(column, row[column]):>11}" for column in columns)
        print(f"{row['what']:<44}{cells}  {shown('ratio', row['ratio'])}".rstrip(), flush=True)


def parts(allowed):
    def several(text):
        chosen = text.split(",")
        if unknown := [one for one in chosen if one not in allowed]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(allowed)}")
        return chosen

    return several


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=parts(PARTS), default=PARTS)
    parser.add_argument("--dedupe", type=parts(["compact", "flags"]), default=["compact", "flags"])
    parser.add_argument("--ten-million", action="store_true")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--lamed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.lamed:
        subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=ROOT, check=True)
        options.lamed = TARGET / "dist/lamed"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    sections = {}
    with Redis.started() as redis:
        if {"serve", "redis", "python"} & set(options.only):
            sections["speed"] = speed(options, redis)
        if "bytes" in options.only:
            sections["bytes remembered"] = bytes_per_event(options, redis)
        if "trips" in options.only:
            sections["what Redis is asked"] = trips(options, redis)
    if options.json:
        print(json.dumps(sections, indent=2))
    else:
        for title, rows in sections.items():
            table(title, rows)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
