#!/usr/bin/env python3
"""How many instructions of user space a request costs `lamed serve`, counted by callgrind (Debian: valgrind).

    benches/instructions.py                 the binary of the profile `dist`, built first where it is not
    benches/instructions.py --lamed PATH    another binary
    --only redis,memory,file,emulator       some of the homes
    --requests 1000                         of each path
    --functions 25 [--inclusive]            and which functions take the most (with what they call)
    --json                                  one JSON document instead of a table

50 connections send a request each, wait for all replies, and again (batches go over one). The server has one worker thread, so that no figure
depends on which thread was idle; two runs differ by less than 1 %. A batch of 100 events is given per event.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "counting"))
from tools import BATCH, CONNECTIONS, Redis, running, uuid  # noqa: E402

ROOT = HERE.parent
HOMES = {"redis": "Redis", "memory": "SQLite in memory", "file": "SQLite file", "emulator": "emulator"}
EXPERIMENTS = {
    name: {"variants": {"blue": 50, "red": 50}, "goals": ["button clicked"]} for name in ("button color", "headline")
}
KEY = "a-key-for-the-benchmark"


class Counted:
    """A server under callgrind."""

    def __init__(self, process, ready, folder):
        self.process, self.folder, self.dumps, self.number = process, folder, 0, 0
        host = re.match(r"http://([^/]+)/", ready["track_url"])[1]
        self.connections = [http.client.HTTPConnection(host) for _ in range(CONNECTIONS)]

    def event(self):
        self.number += 1
        return {"experiment": "button color", "variant": "blue", "event": "participate", "uuid": uuid(self.number)}

    # Each gives method, path and body of a request, and what its reply has.

    def new(self):
        query = "&".join(f"{name}={value.replace(' ', '%20')}" for name, value in self.event().items())
        return "GET", f"/prod/track?{query}", None, {"counted": True}

    def duplicate(self):
        query = f"experiment=button%20color&variant=blue&event=participate&uuid={uuid(1)}"
        return "GET", f"/prod/track?{query}", None, {"counted": False}

    def batch(self):
        return "POST", "/prod/track", json.dumps([self.event() for _ in range(BATCH)]), {"counted": BATCH}

    def ask(self, request, times):
        """So many requests: on all connections one, then their replies, and again."""
        headers = {"x-api-key": KEY, "Content-Type": "application/json"}
        at_once = 1 if request == self.batch else CONNECTIONS
        for start in range(0, times, at_once):
            asked = []
            for connection in self.connections[: min(at_once, times - start)]:
                method, path, body, expected = request()
                connection.request(method, path, body, headers)
                asked.append((connection, path, expected))
            for connection, path, expected in asked:
                reply = connection.getresponse()
                content = reply.read()
                if reply.status != 200 or (expected and not expected.items() <= json.loads(content).items()):
                    raise SystemExit(f"{path}: {reply.status} {content.decode()}")

    def control(self, *arguments):
        command = ["callgrind_control", *arguments, str(self.process.pid)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def instructions(self, request, times):
        """Of one `request`, after some that warm up."""
        self.ask(request, 5 if request == self.batch else 2 * CONNECTIONS)
        self.control("--zero")
        self.ask(request, times)
        self.control("--dump")
        self.dumps += 1
        dump = pathlib.Path(self.folder, f"callgrind.out.{self.dumps}")
        total = re.search(r"^(?:summary|totals): (\d+)", dump.read_text(), re.MULTILINE)
        return int(total[1]) / times


@contextlib.contextmanager
def serving(options, home, redis):
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "config.json")
        config.write_text(json.dumps({"redis": {"host": "127.0.0.1", "port": redis}, "experiments": EXPERIMENTS}))
        store = {"redis": "config", "file": f"embedded:{folder}/lamed.db"}.get(home, "embedded")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/callgrind.out", "--dump-instr=no",
                   options.lamed, "serve", "--listen", "127.0.0.1:0", "--json", "--config", config, "--store", store,
                   *(["--local"] if home == "emulator" else []), "--api-key", KEY]
        env = {"PATH": os.environ["PATH"], "HOME": folder, "TOKIO_WORKER_THREADS": "1"}
        errors = open(pathlib.Path(folder, "errors"), "w+")
        with errors, running(command, env=env, stdout=subprocess.PIPE, stderr=errors) as process:
            ready = process.stdout.readline()
            if not ready:
                errors.seek(0)
                raise SystemExit(f"lamed serve: {errors.read()}")
            with process.stdout:
                yield Counted(process, json.loads(ready), folder)


def measure(options, home, redis):
    redis.ask("FLUSHALL")
    with serving(options, home, redis.port) as server:
        found = {}
        paths = {
            "a new event": server.new,
            "a duplicate": server.duplicate,
            "an event of a batch of 100": server.batch,
            "/experiments": lambda: ("GET", "/prod/experiments", None, None),
            "/lamed.js": lambda: ("GET", "/prod/lamed.js", None, None),
            "/healthz": lambda: ("GET", "/healthz", None, None),
        }
        for name, request in paths.items():
            batch = request == server.batch
            times = options.requests // 10 if batch else options.requests
            found[name] = server.instructions(request, times) / (BATCH if batch else 1)
            print(f"{HOMES[home]}, {name}: {found[name]:,.0f}", file=sys.stderr)
            if options.functions:
                show_functions(server, options)
        return found


def show_functions(server, options):
    dump = pathlib.Path(server.folder, f"callgrind.out.{server.dumps}")
    inclusive = f"--inclusive={'yes' if options.inclusive else 'no'}"
    command = ["callgrind_annotate", "--auto=no", "--threshold=100", inclusive, dump]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    start = next(n for n, line in enumerate(lines) if "file:function" in line)
    print("\n".join(lines[start : start + options.functions + 2]), file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lamed", type=pathlib.Path)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[*HOMES])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--functions", type=int)
    parser.add_argument("--inclusive", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.lamed is None:
        subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=ROOT, check=True)
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        options.lamed = target / "dist/lamed"
    with Redis.started() as redis:
        found = {home: measure(options, home, redis) for home in options.only}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    paths = [*dict.fromkeys(path for home in found.values() for path in home)]
    print(f"{'instructions':<28}" + "".join(f"{HOMES[home]:>18}" for home in found))
    for path in paths:
        cells = (home.get(path) for home in found.values())
        print(f"{path:<28}" + "".join(f"{'' if cell is None else f'{cell:,.0f}':>18}" for cell in cells))


if __name__ == "__main__":
    main()
