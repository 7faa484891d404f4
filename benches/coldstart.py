#!/usr/bin/env python3
"""How long a Lambda function takes from its start to its first `/next`, when it is ready for events.

    tests/run --no-run              once: it installs awslambdaric and Python lamed
    benches/coldstart.py            lamed's bootstrap, with each store, beside Python lamed's handler under awslambdaric

$PYTHON may name another Python that has both; $LAMED_BOOTSTRAP_DIR a folder with the zips, if they are built already. A socket of this script plays Lambda's Runtime API. Prints the median of 40 runs each, taken in
turn, with the minimum and the maximum, in milliseconds.
"""

import json
import os
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TOOLS = pathlib.Path(os.environ.get("LAMED_TEST_TOOLS", TARGET / "test-tools")).resolve()
RUNS = 40
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]


class RuntimeApi:
    """Takes one connection at a time, and reads what is asked."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def time_to_next(self, command, cwd, env):
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": "lamed-track",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "_HANDLER": "lamed.track",
            **env,
        }
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        connection, _ = self.listener.accept()
        head = connection.recv(4096)
        elapsed = time.perf_counter() - start
        process.kill()
        process.wait()
        connection.close()
        if not head.startswith(b"GET /2018-06-01/runtime/invocation/next "):
            sys.exit(f"{command} asked for {head}")
        return elapsed


def bootstrap(folder, redis_port=6379):
    """The command of lamed's function, and its environment with a Redis and with a table."""
    zips = os.environ.get("LAMED_BOOTSTRAP_DIR")
    if not zips:
        zips = folder
        build = ["cargo", "xtask", "bootstrap", "--output", folder, ARCHITECTURE]
        subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    zipfile.ZipFile(pathlib.Path(zips, f"bootstrap-{ARCHITECTURE}.zip")).extract("bootstrap", folder)
    (folder / "bootstrap").chmod(0o755)
    (folder / "experiments.json").write_text('{"declared_only":false,"experiments":[]}')
    common = {"namespace": "alephbet", "window": 86400, "timeout": 2}
    redis = {**common, "server": {"tcp": {"host": "localhost", "port": redis_port}}}
    table = {**common, "table": "lamed", "door": {"key": "of the benchmark"}}
    here = {"LAMBDA_TASK_ROOT": str(folder), "AWS_REGION": "eu-west-1"}
    return [folder / "bootstrap"], [
        {**here, "LAMED_SETTINGS": json.dumps(redis)},
        {**here, "LAMED_SETTINGS": json.dumps(table), "_HANDLER": "lamed.url"},
    ]


def python_lamed(folder, python, redis_port=6379):
    """The command of Python lamed's function, and its folder, which holds what its zip would."""
    find = "import importlib.util as u; print(u.find_spec('lamed').submodule_search_locations[0])"
    source = subprocess.run([python, "-c", find], check=True, capture_output=True, text=True)
    task = folder / "task"
    task.mkdir()
    for entry in pathlib.Path(source.stdout.strip()).iterdir():
        if entry.name not in ("__init__.py", "__pycache__"):
            (task / entry.name).symlink_to(entry)
    (task / "config.json").write_text(json.dumps({"redis": {"host": "localhost", "port": redis_port}}))
    return [python, "-m", "awslambdaric", "lamed.track"], task


def row(what, seconds):
    ms = sorted(1000 * s for s in seconds)
    print(f"{what:<44} {statistics.median(ms):>9.2f} {ms[0]:>9.2f} {ms[-1]:>9.2f}")
    return statistics.median(ms)


def main():
    python = os.environ.get("PYTHON", str(TOOLS / "venv/bin/python"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        ours, [redis, table] = bootstrap(folder)
        theirs, task = python_lamed(folder, python)
        api = RuntimeApi()
        times = {"redis": [], "table": [], "theirs": []}
        for _ in range(RUNS):
            times["redis"].append(api.time_to_next(ours, folder, redis))
            times["table"].append(api.time_to_next(ours, folder, table))
            times["theirs"].append(api.time_to_next(theirs, task, {"PYTHONPATH": str(task)}))
        version = subprocess.run([python, "--version"], check=True, capture_output=True, text=True)
        print(f"{'ms from start to /next':<44} {'median':>9} {'min':>9} {'max':>9}")
        quick = row("lamed's bootstrap, a Redis", times["redis"])
        row("lamed's bootstrap, a function URL and a table", times["table"])
        slow = row(f"Python lamed, awslambdaric, {version.stdout.strip()}", times["theirs"])
        print(f"{'ratio':<44} {slow / quick:>9.1f}")


if __name__ == "__main__":
    main()
