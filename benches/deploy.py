#!/usr/bin/env python3
"""How long a whole deploy takes, from nothing, with 100 ms added to each AWS call: Python lamed 0.4.3's beside ours.

    tests/run --no-run     once: it installs Python lamed and the AWS that is deployed to
    benches/deploy.py      the binary of the profile `dist`, built first where it is not
    benches/deploy.py FILE this binary instead

lamed once with a function URL and a table, once with a REST API and a Redis, as Python lamed has them. All without preflight, by their own command lines, each in a new account of the same server, in turns. Prints the
calls, those among them that write, and the median of 3 runs with the minimum and the maximum, in seconds; then ours once
more in each account, which must write nothing.
"""

import http.client
import http.server
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
TOOLS = pathlib.Path(os.environ.get("LAMED_TEST_TOOLS", TARGET / "test-tools")).resolve()
PYTHON = TOOLS / "venv/bin/python"
RUNS = 3
DELAY = 0.1
REDIS = {"redis": {"host": "redis.example.com", "port": 6379, "password": "secret"}}
HOMES = {
    "function URL and table": {},
    "REST API and Redis": {**REDIS, "aws": {"front_door": "rest_api"}},
}
ACCOUNTS = itertools.count(222_222_222_222)


class Account:
    """A new account of that server, behind a proxy that counts its calls and delays them."""

    def __init__(self, aws, delay=DELAY):
        account, self.number = self, str(next(ACCOUNTS))
        self.calls, self.writes = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(delay)
                if self.path.endswith("/track?probe=1"):  # the function itself, which moto does not run
                    return self.reply(200, [], b'{"counted":false}')
                account.count(self, body)
                moto = http.client.HTTPConnection(aws)
                headers = {**dict(self.headers), "x-moto-account-id": account.number}
                moto.request(self.command, self.path, body, headers)
                reply = moto.getresponse()
                content = reply.read()
                moto.close()
                self.reply(reply.status, reply.getheaders(), content)

            def reply(self, status, headers, content):
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # with 5, a connection more waits a second

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, request, body):
        if request.path == "/":  # the operation is in a header (logs) or in the form (iam, sts)
            target = request.headers.get("X-Amz-Target")
            operation = target.split(".")[-1] if target else urllib.parse.parse_qs(body.decode())["Action"][0]
            reads = operation.startswith(("Get", "List", "Describe", "Simulate", "Filter"))
        else:
            operation, reads = f"{request.command} {request.path}", request.command == "GET"
        self.calls.append(operation)
        if not reads:
            self.writes.append(operation)

    def run(self, *command, config=REDIS, **more):
        """The seconds that a command takes, its calls, and those of them that write."""
        self.calls.clear()
        self.writes.clear()
        with tempfile.TemporaryDirectory() as home:
            pathlib.Path(home, "config.json").write_text(json.dumps(config))
            env = {
                "PATH": os.environ["PATH"],
                "HOME": home,
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}",
                "AWS_ACCESS_KEY_ID": "AKIATEST",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                **more,
            }
            start = time.perf_counter()
            done = subprocess.run(command, cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            elapsed = time.perf_counter() - start
        if done.returncode != 0:
            raise SystemExit(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return elapsed, len(self.calls), len(self.writes)


def row(what, runs):
    seconds, calls, writes = zip(*runs)
    counts = f"{statistics.median(calls):>6.0f} {statistics.median(writes):>7.0f}"
    median = statistics.median(seconds)
    print(f"{what:<44} {counts} {median:>9.2f} {min(seconds):>9.2f} {max(seconds):>9.2f}", flush=True)
    return median


def main():
    if sys.argv[1:]:
        lamed = str(pathlib.Path(sys.argv[1]).resolve())
    else:
        subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=ROOT, check=True)
        lamed = str(TARGET / "dist/lamed")
    redis_of_python = subprocess.check_output(
        [PYTHON, "-c", "import lamed, pathlib; print(pathlib.Path(lamed.__file__).parent / 'vendor')"], text=True
    ).strip()
    server = subprocess.Popen([PYTHON, ROOT / "tests/aws/server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    aws = f"127.0.0.1:{int(server.stdout.readline())}"
    Account(aws, 0).run(PYTHON, ROOT / "tests/aws/account.py")  # loads all that it serves

    python, ours, again = [], {home: [] for home in HOMES}, {home: [] for home in HOMES}
    for _ in range(RUNS):
        python_lamed = [PYTHON, TOOLS / "venv/bin/lamed", "deploy", "--no-preflight"]
        python.append(Account(aws).run(*python_lamed, PYTHONPATH=redis_of_python))
        for home, config in HOMES.items():
            account = Account(aws)
            ours[home].append(account.run(lamed, "deploy", "--yes", "--no-preflight", config=config))
            again[home].append(account.run(lamed, "deploy", "--yes", "--no-preflight", config=config))
            if account.writes:
                raise SystemExit(f"a second deploy wrote: {account.writes}")
    server.stdin.close()

    print(f"{'s, 100 ms added to each AWS call':<44} {'calls':>6} {'writes':>7} {'median':>9} {'min':>9} {'max':>9}")
    slow = row("Python lamed 0.4.3, from nothing", python)
    for home in HOMES:
        fast = row(f"lamed, {home}", ours[home])
        row("lamed, again", again[home])
        print(f"{'Python lamed / lamed':<44} {'':>14} {slow / fast:>9.1f}")


if __name__ == "__main__":
    main()
