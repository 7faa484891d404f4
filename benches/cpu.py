#!/usr/bin/env python3
"""What CPU time a request costs `lamed serve`, and what memory an idle connection takes.

    tests/setup               once: it installs Redis; and wrk (Debian: wrk)
    benches/cpu.py            the binary of the profile `dist`, built first where it is not
    --lamed A --lamed B       other binaries, in turns
    --seconds 5 --rounds 6    of each measurement
    --json                    one JSON document instead of a table

50 connections send as fast as they can. The CPU time is the server's own, user and kernel, from /proc. Medians of
rounds in which all take turns, each from an empty store; the ratios are taken round by round. SQLite's file is under
$TMPDIR, so that has to be on a disk.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "counting"))
from tools import Redis, Server, wrk  # noqa: E402

ROOT = HERE.parent
TICKS = os.sysconf("SC_CLK_TCK")
IDLE = 1_000
BASE = "/healthz, which counts nothing"
ROWS = {
    BASE: ("/healthz", {"store": "embedded"}),
    "a new event over Redis": ("new", {"store": "config"}),
    "a new event on an SQLite file": ("new", {"store": "embedded:{home}/lamed.db"}),
    "a new event on SQLite in memory": ("new", {"store": "embedded"}),
    "/lamed.js": ("/prod/lamed.js", {"store": "embedded"}),
}


def cpu(pid):
    """User and kernel, in seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def measure(lamed, what, where, seconds, redis):
    redis.ask("FLUSHALL")
    with Server.started(lamed, port=redis.port, **where) as server:
        wrk(server, 1, what)
        before = cpu(server.pid)
        result = wrk(server, seconds, what)
        after = cpu(server.pid)
    user, kernel = ((late - early) / result["requests"] * 1e6 for early, late in zip(before, after))
    return {"requests/s": result["requests"] / result["seconds"], "p99 ms": result["p99"],
            "user µs": user, "kernel µs": kernel, "CPU µs": user + kernel}


def idle(lamed):
    """Bytes of memory for each of many connections that wait for their next request."""
    resident = lambda pid: int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def ask(connection):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        while not connection.recv(4096).endswith(b"ok\n"):
            pass

    with Server.started(lamed, store="embedded") as server:
        host, port = server.address.split(":")
        connect = lambda: socket.create_connection((host, int(port)))
        with connect() as first:
            ask(first)
            before = resident(server.pid)
            connections = [connect() for _ in range(IDLE)]
            for connection in connections:
                ask(connection)
            after = resident(server.pid)
            for connection in connections:
                connection.close()
    return (after - before) / IDLE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lamed", action="append", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.lamed:
        subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=ROOT, check=True)
        options.lamed = [pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "dist/lamed"]
    runs = {}
    with Redis.started() as redis:
        for number in range(options.rounds):
            names = [(lamed, row) for row in ROWS for lamed in options.lamed]
            for lamed, row in names[:: -1 if number % 2 else 1]:
                what, where = ROWS[row]
                run = measure(lamed, what, where, options.seconds, redis)
                runs.setdefault((lamed, row), []).append(run)
                print(f"round {number + 1}: {lamed} {row} {run['CPU µs']:.1f} µs", file=sys.stderr, flush=True)
    results = []
    for lamed in options.lamed:
        bases = [run["CPU µs"] for run in runs[lamed, BASE]]
        for row in ROWS:
            ratios = [run["CPU µs"] / base for run, base in zip(runs[lamed, row], bases)]
            middle = {key: statistics.median(run[key] for run in runs[lamed, row]) for key in runs[lamed, row][0]}
            results.append({"lamed": str(lamed), "what": row, **middle, "of /healthz": statistics.median(ratios)})
        results.append({"lamed": str(lamed), "what": "memory of an idle connection", "bytes": idle(lamed)})
    if options.json:
        print(json.dumps(results, indent=2))
        return
    columns = [key for key in results[0] if key not in ("lamed", "what")]
    for lamed in options.lamed:
        print(f"\n{lamed!s:<34}" + "".join(f"{column:>13}" for column in columns))
        for result in results:
            if result["lamed"] != str(lamed):
                continue
            if "bytes" in result:
                print(f"{result['what']:<34}{result['bytes']:>13,.0f} bytes")
                continue
            cells = "".join(f"{result[key]:>13,.{0 if key == 'requests/s' else 2}f}" for key in columns)
            print(f"{result['what']:<34}{cells}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
