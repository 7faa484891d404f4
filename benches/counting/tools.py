"""What the measurements of run.py are made with: a Redis, a server, and what sends to them."""

import codecs
import concurrent.futures
import contextlib
import gc
import http.client
import itertools
import json
import os
import pathlib
import re
import select
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 50
BATCH = 100


@contextlib.contextmanager
def running(command, **more):
    """A process that ends with the block."""
    process = subprocess.Popen(command, **more)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def encode(parts):
    """A command as it goes to Redis."""
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return b"".join([b"*%d\r\n" % len(parts)] + [b"$%d\r\n%s\r\n" % (len(part), part) for part in parts])


def read_reply(stream):
    line = stream.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise SystemExit(f"Redis: {rest.decode()}")
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [read_reply(stream) for _ in range(int(rest))]
    return rest


class Redis:
    """The Redis at `port`, over a new connection each time: none is left whose buffers would count as memory."""

    def __init__(self, port):
        self.port = port

    @classmethod
    @contextlib.contextmanager
    def started(cls):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no",
                   "--enable-debug-command", "local"]
        with running(command, stdout=subprocess.DEVNULL) as process:
            redis = cls(port)
            while process.poll() is None:
                with contextlib.suppress(ConnectionRefusedError):
                    redis.ask("PING")
                    break
                time.sleep(0.02)
            else:
                raise SystemExit("redis-server does not start (it must be Redis 7, or Valkey)")
            yield redis

    def ask(self, *parts):
        return self.ask_all([encode(parts)])[0]

    def ask_all(self, commands):
        with socket.create_connection(("127.0.0.1", self.port)) as connection, connection.makefile("rb") as replies:
            connection.sendall(b"".join(commands))
            return [read_reply(replies) for _ in commands]

    def counted(self):
        """The sum of all counters."""
        keys = self.ask("SMEMBERS", "alephbet:counter_keys")
        return sum(int(self.ask("GET", key)) for key in keys)

    def memory(self):
        """The bytes in use when nobody else is connected and no table is left half moved to a bigger one."""
        while b"rehashing target" in self.ask("DEBUG", "HTSTATS", 0) or self.info()["connected_clients"] != "1":
            time.sleep(0.5)
        info = self.info()
        return int(info["used_memory"]) - int(info["mem_clients_normal"])

    def info(self):
        return dict(line.split(":", 1) for line in self.ask("INFO").decode().splitlines() if ":" in line)


class Server:
    """A running `lamed serve`."""

    def __init__(self, ready, pid):
        self.pid = pid
        self.track_url = ready["track_url"]
        self.address = urllib.parse.urlsplit(self.track_url).netloc
        self.local = threading.local()

    @classmethod
    @contextlib.contextmanager
    def started(cls, lamed, store="config", port=None, dedupe="compact"):
        with tempfile.TemporaryDirectory() as home:
            config = pathlib.Path(home, "config.json")
            redis = {"host": "127.0.0.1", "port": port or 6379}
            config.write_text(json.dumps({"redis": redis, "dedupe": dedupe, "uuid_expiry_seconds": 86400}))
            command = [lamed, "serve", "--listen", "127.0.0.1:0", "--json", "--config", config,
                       "--store", store.format(home=home), "--api-key", "the-key-of-the-bench"]
            env = {"PATH": os.environ["PATH"], "HOME": home}
            errors = open(pathlib.Path(home, "errors"), "w+")
            with errors, running(command, env=env, stdout=subprocess.PIPE, stderr=errors) as process:
                ready = process.stdout.readline()
                if not ready:
                    errors.seek(0)
                    raise SystemExit(f"lamed serve: {errors.read()}")
                with process.stdout:
                    yield cls(json.loads(ready), process.pid)

    def request(self, method, path, body=None):
        if not hasattr(self.local, "connection"):  # each thread has its own, and keeps it
            self.local.connection = http.client.HTTPConnection(self.address)
        headers = {"x-api-key": "the-key-of-the-bench", "Content-Type": "application/json"}
        self.local.connection.request(method, f"/prod/{path}", body, headers)
        reply = self.local.connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            raise SystemExit(f"{method} {path}: {reply.status} {content.decode()}")
        return content

    def post(self, events):
        """Tracks the events, given as (experiment, variant, event, uuid)."""
        names = ("experiment", "variant", "event", "uuid")
        return json.loads(self.request("POST", "track", json.dumps([dict(zip(names, event)) for event in events])))

    def post_all(self, events):
        """The same for any number of events, in batches over 4 connections."""
        def check(answers):
            for answer in answers:
                answer.result()

        events, queued = iter(events), set()
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            while batch := list(itertools.islice(events, BATCH)):
                queued.add(threads.submit(self.post, batch))
                if len(queued) == 8:
                    done, queued = concurrent.futures.wait(queued, return_when="FIRST_COMPLETED")
                    check(done)
            check(queued)

    def counted(self):
        """The sum of all participants."""
        experiments = json.loads(self.request("GET", "experiments"))[1:]
        return sum(variant["trials"] for experiment in experiments for variant in experiment["variants"])


def uuid(number):
    return f"{number:08x}-0000-4000-8000-{0:012x}"


def wrk(server, seconds, pool="new"):
    """New events, or those of a pool over and over; or a path that is asked for again and again."""
    is_path = str(pool).startswith("/")
    url = f"http://{server.address}{pool}" if is_path else server.track_url
    options = ["-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", HERE / "events.lua"]
    command = ["wrk", *options, url, "--", "path" if is_path else str(pool)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    if result["failed"]:
        raise SystemExit(f"{result['failed']} of {result['requests']} requests failed")
    return result


def redis_benchmark(redis, events, command):
    """redis-benchmark with this command; `__rand_int__` in it is another number each time."""
    options = ["-p", str(redis.port), "-c", str(CONNECTIONS), "-n", str(events), "-r", "2000000000", "--csv"]
    done = subprocess.run(["redis-benchmark", *options, *command], check=True, capture_output=True, text=True)
    rate, _, _, p50, _, p99, _ = (float(field) for field in done.stdout.strip().strip('"').split('","')[-7:])
    return {"requests": events, "seconds": events / rate, "p50": p50, "p99": p99}


def record(redis, send):
    """The EVALSHA commands that clients send while `send()` runs, as they go to Redis."""
    command = re.compile(rb'[\d.]+ \[\d+ (?!lua\])\S+\] ("EVALSHA" .*)')
    part = re.compile(rb'"((?:[^"\\]|\\.)*)"')
    unescape = lambda text: codecs.escape_decode(text)[0] if b"\\" in text else text
    recorded = []

    def read(lines):
        for line in lines:
            if line.endswith(b'"the end"\n'):
                return
            if found := command.match(line):
                recorded.append(encode(unescape(text) for text in part.findall(found[1])))

    with running(["redis-cli", "-p", str(redis.port), "monitor"], stdout=subprocess.PIPE) as monitor:
        monitor.stdout.readline()  # OK
        reader = threading.Thread(target=read, args=[monitor.stdout], daemon=True)
        reader.start()
        send()
        redis.ask("ECHO", "the end")
        reader.join()
    return recorded


def replay(redis, commands):
    """Sends the commands over 50 connections, each the next one as soon as it has its reply."""
    epoll, sockets = select.epoll(), {}
    for _ in range(CONNECTIONS):
        one = socket.create_connection(("127.0.0.1", redis.port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setblocking(False)
        epoll.register(one, select.EPOLLIN)
        sockets[one.fileno()] = one
    calls = {fd: (one.recv, one.send) for fd, one in sockets.items()}
    queue, left = iter(commands), len(commands)
    gc.disable()
    start = time.perf_counter()
    for _, send in calls.values():
        send(next(queue))
    while left:
        for fd, _ in epoll.poll():
            receive, send = calls[fd]
            if receive(64) not in (b":1\r\n", b":-3\r\n"):  # counted, or asking for more levels of sets, as recorded
                raise SystemExit("an event that was replayed was not counted")
            left -= 1
            command = next(queue, None)
            if command is not None and send(command) != len(command):
                raise SystemExit("a command did not fit into the socket's buffer")
    elapsed = time.perf_counter() - start
    gc.enable()
    epoll.close()
    for one in sockets.values():
        one.close()
    return {"requests": len(commands), "seconds": elapsed, "p50": None, "p99": None}


class Proxy:
    """Stands before Redis and holds back what it replies until the client has been silent for a while: each time
    that it then lets replies through is a round trip, however many commands were sent in it."""

    SILENCE = 0.01

    def __init__(self, redis):
        self.redis = redis
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.reset()
        threading.Thread(target=self.accept, daemon=True).start()

    def reset(self):
        self.connections = self.commands = self.trips = 0

    def counts(self):
        return {"connections": self.connections, "commands": self.commands, "trips": self.trips}

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.relay, args=[client], daemon=True).start()

    def relay(self, client):
        said, replied = b"", b""
        with client, socket.create_connection(("127.0.0.1", self.redis.port)) as redis:
            while True:
                ready, _, _ = select.select([client, redis], [], [], self.SILENCE)
                if client in ready:
                    data = client.recv(65536)
                    if not data:
                        return
                    said += data
                    redis.sendall(data)
                if redis in ready:
                    replied += redis.recv(65536)
                if not ready and replied:
                    self.commands += len(re.findall(rb"\*\d+\r\n\$", said))
                    self.trips += 1
                    said, data, replied = b"", replied, b""
                    client.sendall(data)
