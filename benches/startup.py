#!/usr/bin/env python3
"""How long until lamed is there: `--help`, the ready line, and a fresh clone to its ready line.

    benches/startup.py            the release binary, built first where it is not
    benches/startup.py --clone    and a fresh clone with an empty target folder (minutes)

Prints the median of 20 runs with the minimum and the maximum, in milliseconds.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUNS = 20


def help_time(binary):
    start = time.perf_counter()
    subprocess.run([binary, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def ready_time(command, *how, cwd=None, env=None):
    """From the start of the command to its ready line."""
    arguments = ["serve", "--local", "--listen", "127.0.0.1:0", "--json", *how]
    start = time.perf_counter()
    process = subprocess.Popen(command + arguments, stdout=subprocess.PIPE, cwd=cwd, env=env)
    ready = process.stdout.readline()
    elapsed = time.perf_counter() - start
    process.terminate()
    process.wait()
    json.loads(ready)
    return elapsed


def row(what, seconds):
    ms = sorted(1000 * s for s in seconds)
    print(f"{what:<44} {statistics.median(ms):>9.1f} {ms[0]:>9.1f} {ms[-1]:>9.1f}", flush=True)


def main():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=ROOT, check=True)
    binary = str(target / "dist/lamed")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME_BEFORE"], os.environ["HOME"] = os.environ["HOME"], folder
        print(f"{'ms':<44} {'median':>9} {'min':>9} {'max':>9}")
        row("lamed --help", [help_time(binary) for _ in range(RUNS)])
        row("ready line, in memory", [ready_time([binary], "--store", "embedded") for _ in range(RUNS)])
        row("ready line, with --demo", [ready_time([binary], "--demo") for _ in range(RUNS)])
        file = f"embedded:{folder}/lamed.db"
        row("ready line, existing file", [ready_time([binary], "--store", file) for _ in range(RUNS)])
        os.environ["HOME"] = os.environ.pop("HOME_BEFORE")
        if "--clone" in sys.argv[1:]:
            clone = f"{folder}/clone"
            subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
            env = {k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"}
            command = ["cargo", "run", "--quiet", "--release", "--"]
            row("fresh clone to its ready line", [ready_time(command, "--store", "auto", cwd=clone, env=env)])
            shutil.rmtree(clone)


if __name__ == "__main__":
    main()
