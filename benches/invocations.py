#!/usr/bin/env python3
"""How long a warm Lambda function takes for a new event: from the invocation to its reply, which is what AWS bills.

    tests/run --no-run          once: it installs awslambdaric, Python lamed and MiniStack
    benches/invocations.py      lamed's bootstrap with a Redis, and behind a function URL with a table of MiniStack's
                                DynamoDB, beside Python lamed's handler under awslambdaric with the Redis

$PYTHON and $LAMED_BOOTSTRAP_DIR are those of coldstart.py. An HTTP server of this script plays Lambda's Runtime API, and a
Redis is started. Prints the median of 1,000 invocations each, in turns of 100, with the 1st and the 99th percentile,
in milliseconds. AWS's own network and DynamoDB are not in it: MiniStack is a program in Python, and slower.
"""

import contextlib
import http.server
import json
import os
import pathlib
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "counting"))
from coldstart import ROOT, TOOLS, bootstrap, python_lamed  # noqa: E402
from tools import Redis, running, uuid  # noqa: E402

TURNS, IN_A_TURN = 10, 100
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Gives a function its events one by one, and takes its replies."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Calls)
        self.events, self.replies = queue.Queue(), queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def invoke(self, event):
        """The reply, and how long it took in seconds."""
        self.events.put(json.dumps(event).encode())
        reply, sent, replied = self.replies.get(timeout=30)
        return json.loads(reply), replied - sent


class Calls(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536  # the whole of a reply at once

    def do_GET(self):
        event = self.server.events.get()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(1000 * time.time()) + 10_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:000000000000:function:lamed")
        self.end_headers()
        self.server.sent = time.perf_counter()
        self.wfile.write(event)

    def do_POST(self):
        reply = self.rfile.read(int(self.headers["Content-Length"]))
        replied = time.perf_counter()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.replies.put((reply, self.server.sent, replied))

    def log_message(self, *_):
        pass


class Function:
    """A function that waits for invocations."""

    def __init__(self, event):
        self.api, self.event, self.number, self.times = RuntimeApi(), event, 0, []

    @contextlib.contextmanager
    def running(self, command, cwd, env):
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % self.api.server_address[1],
            "AWS_LAMBDA_FUNCTION_NAME": "lamed-track",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "_HANDLER": "lamed.track",
            **env,
        }
        with running(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            yield self

    def count(self, times):
        for _ in range(times):
            self.number += 1
            reply, took = self.api.invoke(self.event(uuid(self.number)))
            if reply is not None and reply.get("statusCode") != 200:  # Python lamed's replies with nothing
                raise SystemExit(f"the function replied {reply}")
            self.times.append(took)


def parameters(key):
    return {"experiment": "button color", "variant": "blue", "event": "participate", "uuid": key}


def from_gateway(key):
    return {"httpMethod": "GET", "path": "/track", "headers": {}, "queryStringParameters": parameters(key),
            "multiValueQueryStringParameters": None, "body": None, "isBase64Encoded": False}


def from_url(key):
    query = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in parameters(key).items())
    return {"version": "2.0", "rawPath": "/prod/track", "rawQueryString": query, "headers": {}, "isBase64Encoded": False,
            "requestContext": {"http": {"method": "GET", "path": "/prod/track", "sourceIp": "127.0.0.1"}}}


@contextlib.contextmanager
def table(python):
    """The address of MiniStack, in whose DynamoDB there is the table `lamed`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [python, "-B", ROOT / "tests/aws/mini.py", str(port)]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        make = (
            "import boto3, sys; boto3.client('dynamodb', endpoint_url=sys.argv[1]).create_table(TableName='lamed',"
            "BillingMode='PAY_PER_REQUEST', AttributeDefinitions=[{'AttributeName': n, 'AttributeType': 'S'} for n in"
            " ('pk', 'sk')], KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk',"
            " 'KeyType': 'RANGE'}])"
        )
        env = {**os.environ, **CREDENTIALS, "AWS_DEFAULT_REGION": CREDENTIALS["AWS_REGION"]}
        subprocess.run([python, "-c", make, url], check=True, env=env)
        yield url


def row(what, seconds):
    ms = sorted(1000 * s for s in seconds)
    percentile = lambda share: ms[round(share * (len(ms) - 1))]
    print(f"{what:<48} {statistics.median(ms):>9.2f} {percentile(0.01):>9.2f} {percentile(0.99):>9.2f}")


def main():
    python = os.environ.get("PYTHON", str(TOOLS / "venv/bin/python"))
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(Redis.started())
        url = stack.enter_context(table(python))
        ours, [over_redis, over_table] = bootstrap(folder, redis.port)
        theirs, task = python_lamed(folder, python, redis.port)
        over_table = {**over_table, **CREDENTIALS, "AWS_ENDPOINT_URL": url}
        functions = {
            "lamed, a Redis": Function(from_gateway).running(ours, folder, over_redis),
            "lamed, a function URL and a table": Function(from_url).running(ours, folder, over_table),
            "Python lamed 0.4.3, the Redis": Function(parameters).running(theirs, task, {"PYTHONPATH": str(task)}),
        }
        functions = {name: stack.enter_context(function) for name, function in functions.items()}
        for function in functions.values():
            function.count(20)
            function.times.clear()
        for _ in range(TURNS):
            for function in functions.values():
                function.count(IN_A_TURN)
        print(f"{'ms for a new event':<48} {'median':>9} {'1 %':>9} {'99 %':>9}")
        for name, function in functions.items():
            row(name, function.times)


if __name__ == "__main__":
    main()
