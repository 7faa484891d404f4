#!/usr/bin/env python3
"""Minutes of everything at once: does each event count exactly once, and does nothing grow?

    cargo build --profile dist
    benches/soak.py                                  # 5 minutes after the last restart, and 40 s before it
    benches/soak.py --sqlite                         # over an SQLite file
    benches/soak.py --seconds 40 --lamed target/debug/lamed

64 clients send events to `lamed serve` over a Redis that keeps each write before it answers, or over an SQLite file.
Some send twice, some hang up in the middle of a request or before its reply, some are slow, some send ten at a time. All
the while Redis is killed (-9) and comes back. The SQLite file is moved away and put back, another program holds on to
what it read, and `lamed backup` copies it; each copy must hold what was acknowledged before and no more than was sent.
lamed is killed twice, at the beginning, and remembers for another time after each restart.

Attackers from the same machine come in waves beside them, a bounded number: they hold more connections than
`--max-connections` allows with slow heads, hold more bodies open than there is memory for, in small pieces too, invent
variants and namespaces, and guess keys. Clients must go on being answered, and memory must be given back.

In the end, for each counter: acknowledged <= counted <= sent; and when all that was not acknowledged is sent
again, counted is the number of different events. Besides, no event is ever counted after it was acknowledged,
the memory of lamed is flat, and it has no more files open than before the first client came.

Needs Linux, Python 3.10 and, without `--sqlite`, `redis-server` on the PATH; loopback only. Exit code 1 when something does not hold.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import pathlib
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

CLIENTS = 64
KEY = "the key of the soak"
# A clock that a laptop or a shared machine keeps: no client sends faster than this.
PAUSE = 0.01
# Memory is flat when it grows by no more than this from the first look to the last, beside what SQLite keeps of its
# file: all of it, up to its cache.
MAX_GROWTH = 8 * 1024  # KB
CACHE = 64 * 1024  # KB
# Connections that lamed takes, and those that attackers try to hold at once.
ROOM, ATTACKERS = 300, 400
# What all attackers' bodies take beyond the rest, and what a client waits for an answer while Redis is there.
MAX_HELD = 120 * 1024  # KB
MAX_WAIT = 5  # s
# Junk counters are invented in a namespace of their own, of which the clients know nothing.
JUNK, MAX_COUNTERS = 2_000, 500
# Wrong keys in one wave.
GUESSES = 200
# What each start of lamed is told to remember for, in seconds: all longer than the soak.
WINDOWS = [None, 86_400, 3_600]

NAMES = [
    ("color", "blue"), ("color", "red"), ("a:b", "{v}"), ("100 %", "ö"), ("🦀", " "),
]
EVENTS = ["participate", "clicked", "bought: it"]


def free_port():
    """Below those that the system gives to clients: one of them might take it meanwhile."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Processes:
    """Redis and lamed, which die and come back on the same ports."""

    def __init__(self, lamed, folder, sqlite):
        self.redis_port, self.port = free_port(), free_port()
        self.lamed, self.folder = lamed, pathlib.Path(folder)
        self.file = self.folder / "lamed.db" if sqlite else None
        self.store = f"embedded:{self.file}" if sqlite else f"redis://127.0.0.1:{self.redis_port}"
        self.lamed_line = [lamed, "serve", "--json", "--quiet", "--listen", f"127.0.0.1:{self.port}",
                           "--store", self.store, "--max-connections", str(ROOM)]
        self.config, self.starts = self.folder / "config.json", 0
        self.redis_line = ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", folder,
                           "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self.environment = {**os.environ, "HOME": folder, "LAMED_API_KEY": KEY, "LAMED_CONFIG": str(self.config)}
        self.log = open(pathlib.Path(folder) / "lamed.log", "wb")
        self.redis = self.server = None

    def start_redis(self):
        self.redis = subprocess.Popen(self.redis_line, stdout=subprocess.PIPE)
        while b"Ready to accept connections" not in (line := self.redis.stdout.readline()):
            assert line, "redis-server ended early"
        # It says little more; nobody reads it.

    def start_server(self):
        """Again and again while Redis is away, as a service manager would."""
        window = WINDOWS[min(self.starts, len(WINDOWS) - 1)]
        self.config.write_text(json.dumps({"max_counters": MAX_COUNTERS, "uuid_expiry_seconds": window}))
        self.starts += 1
        while True:
            self.server = subprocess.Popen(
                self.lamed_line, stdout=subprocess.PIPE, stderr=self.log, env=self.environment
            )
            if self.server.stdout.readline():
                return
            self.server.wait()
            time.sleep(0.2)

    def back_up(self):
        """A copy, as a dictionary of counters."""
        copy = self.folder / "copy.db"
        copy.unlink(missing_ok=True)
        subprocess.run([self.lamed, "backup", str(copy), "--store", self.store, "--quiet"],
                       check=True, env=self.environment, timeout=60)
        connection = sqlite3.connect(copy)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT experiment, event, variant, count FROM counters WHERE namespace = 'alephbet'")
        copied = collections.Counter({row[:3]: row[3] for row in rows})
        connection.close()
        return copied

    def kill(self, process):
        process.kill()
        process.wait()
        process.stdout.close()

    def rss(self):
        """In KB."""
        for line in pathlib.Path(f"/proc/{self.server.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    def cached(self):
        """What SQLite may keep of its file, in KB."""
        return min(CACHE, self.file.stat().st_size // 1024) if self.file and self.file.exists() else 0

    def files(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))


class Model:
    """What was sent and what was acknowledged: events are numbers, and their number says their counter."""

    def __init__(self):
        self.next = 0
        self.acknowledged = bytearray()
        self.waiting = collections.deque()
        self.requests = collections.Counter()
        self.wrong = []

    def counter(self, number):
        experiment, variant = NAMES[number % len(NAMES)]
        return experiment, EVENTS[number // len(NAMES) % len(EVENTS)], variant

    def event(self, number):
        experiment, event, variant = self.counter(number)
        return {"experiment": experiment, "event": event, "variant": variant, "uuid": f"soak-{number}"}

    def new(self):
        self.next += 1
        self.acknowledged.append(0)
        return self.next - 1

    def take(self):
        """An event that is to be sent: one that failed before, or a new one."""
        # Some are kept back, for the end.
        if len(self.waiting) > 200 and random.random() < 0.5:
            return self.waiting.popleft()
        return self.new()

    def acknowledge(self, number, counted, before):
        """`before`: whether it was acknowledged when it was sent this time."""
        if before and counted:
            self.wrong.append(f"event {number} was counted after it was acknowledged")
        self.acknowledged[number] = 1

    def sums(self, which):
        sums = collections.Counter()
        for number in range(self.next):
            if which(number):
                sums[self.counter(number)] += 1
        return sums


class Client:
    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def connect(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def hang_up(self):
        if self.writer is not None:
            self.writer.transport.abort()
            self.writer = None

    async def reply(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        body = await self.reader.readexactly(length)
        return int(head.split(" ")[1]), json.loads(body)

    async def ask(self, request, pieces=1):
        """Status and JSON; None when the connection broke."""
        try:
            await self.connect()
            size = -(-len(request) // pieces)
            for start in range(0, len(request), size):
                self.writer.write(request[start:start + size])
                await self.writer.drain()
                if pieces > 1:
                    await asyncio.sleep(0.2)
            return await asyncio.wait_for(self.reply(), 20)
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            self.hang_up()
            return None


def get(event):
    query = urllib.parse.urlencode(event)
    return f"GET /prod/track?{query} HTTP/1.1\r\nHost: soak\r\n\r\n".encode()


def post(events):
    body = json.dumps(events).encode()
    return b"POST /prod/track HTTP/1.1\r\nHost: soak\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def one(model, client, number, pieces=1):
    before = model.acknowledged[number]
    reply = await client.ask(get(model.event(number)), pieces)
    if reply and reply[0] == 200:
        model.acknowledge(number, reply[1]["counted"], before)
        return True
    if reply and reply[0] != 503:
        model.wrong.append(f"{reply}")
    model.waiting.append(number)
    return False


async def many(model, client):
    numbers = [model.take() for _ in range(10)]
    reply = await client.ask(post([model.event(number) for number in numbers]))
    if reply and reply[0] == 200:
        for number in numbers:
            model.acknowledge(number, counted=False, before=False)
        return True
    model.waiting.extend(numbers)
    return False


async def break_off(model, client, whole):
    """Hangs up in the middle of a request, or without waiting for its reply."""
    number = model.take()
    model.waiting.append(number)
    request = get(model.event(number))
    try:
        await client.connect()
        client.writer.write(request if whole else request[:random.randrange(len(request))])
        await client.writer.drain()
    except OSError:
        pass
    client.hang_up()


async def behave(model, port, stop):
    client = Client(port)
    while not stop.is_set():
        kind = random.choices(["once", "again", "many", "half", "gone", "slow"], [60, 10, 10, 8, 8, 4])[0]
        model.requests[kind] += 1
        fine = True
        match kind:
            case "once":
                fine = await one(model, client, model.take())
            case "again" if model.next:
                fine = await one(model, client, random.randrange(model.next))
            case "many":
                fine = await many(model, client)
            case "half" | "gone":
                await break_off(model, client, kind == "gone")
            case "slow":
                fine = await one(model, client, model.take(), pieces=10)
        model.requests["failed"] += not fine
        await asyncio.sleep(PAUSE if fine else 10 * PAUSE)
    client.hang_up()


class Attack:
    """Waves of each kind, one after the other. An attacker never sends more than a wave's bytes."""

    def __init__(self, processes, model, stop):
        self.processes, self.model, self.stop = processes, model, stop
        self.waves, self.refused, self.slowest, self.peak = collections.Counter(), 0, 0, 0
        self.quiet = asyncio.Lock()

    async def waves_of_all_kinds(self):
        for kind in (self.heads, self.bodies, self.pieces, self.names, self.guesses):
            async with self.quiet:
                with contextlib.suppress(OSError, EOFError, asyncio.TimeoutError):
                    await asyncio.wait_for(kind(), 30)
                    self.waves[kind.__name__] += 1

    async def run(self, pause):
        while not self.stop.is_set():
            await self.waves_of_all_kinds()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.stop.wait(), pause)

    async def memory_between(self):
        """In KB, when a wave is over."""
        async with self.quiet:
            await asyncio.sleep(1)
            return self.processes.rss()

    async def heads(self):
        await self.hold(b"GET /prod/track HTTP/1.1\r\nX: ", check=True)

    async def bodies(self):
        """Together three times as much as bodies may take."""
        await self.hold(b"POST /prod/track HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n" + b" " * 260_000)

    async def pieces(self):
        await self.hold(b"POST /prod/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + b"1\r\n \r\n" * 500)

    async def hold(self, data, check=False):
        writers = []
        try:
            for _ in range(ATTACKERS):
                _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.processes.port), 5)
                writers.append(writer)
                writer.write(data)
            await asyncio.sleep(1.5)
            if check:
                await self.honest()
            self.peak = max(self.peak, self.processes.rss() or 0)
        finally:
            for writer in writers:
                writer.transport.abort()

    async def honest(self):
        """A new client while nothing else is free: it does not ask the store."""
        begun, client = time.monotonic(), Client(self.processes.port)
        await client.connect()
        client.writer.write(b"GET /healthz HTTP/1.1\r\nHost: soak\r\n\r\n")
        await asyncio.wait_for(client.reader.readuntil(b"ok\n"), 25)
        client.hang_up()
        self.slowest = max(self.slowest, time.monotonic() - begun)

    async def names(self):
        """More variants and namespaces than may be; what is refused is refused at once."""
        client = Client(self.processes.port)
        for start in range(0, JUNK, 100):
            events = [{"experiment": "junk", "event": "participate", "variant": f"v{number}", "uuid": "1",
                       "namespace": f"junk {number % 2}"} for number in range(start, start + 100)]
            reply = await client.ask(post(events))
            self.refused += bool(reply) and reply[0] == 429
        client.hang_up()

    async def guesses(self):
        """Wrong keys, beside which the right one reads on."""
        client = Client(self.processes.port)
        for number in range(GUESSES):
            await client.ask(f"GET /prod/experiments HTTP/1.1\r\nHost: soak\r\nx-api-key: {number}\r\n\r\n".encode())
        client.hang_up()
        await asyncio.wait_for(counted(self.processes.port), 20)

    def verdict(self):
        if self.slowest > MAX_WAIT:
            self.model.wrong.append(f"a new client waited {self.slowest:.1f} s beside slow heads")
        print(f"attacks: {dict(self.waves)}; {self.refused:,} batches of junk refused; a new client beside slow heads "
              f"waited {self.slowest:.2f} s at most; {self.peak:,} KB at the height of an attack", flush=True)


async def counted(port):
    client = Client(port)
    request = f"GET /prod/experiments HTTP/1.1\r\nHost: soak\r\nx-api-key: {KEY}\r\n\r\n".encode()
    while not (reply := await client.ask(request)) or reply[0] != 200:
        await asyncio.sleep(0.2)
    client.hang_up()
    sums = collections.Counter()
    for experiment in reply[1][1:]:
        name = experiment["experiment"]
        for variant in experiment["variants"]:
            sums[name, "participate", variant["label"]] = variant["trials"]
        for goal in experiment["goals"]:
            for result in goal["results"]:
                sums[name, goal["goal"], result["label"]] = result["successes"]
    return +sums


async def kill_redis(processes, every, deaths, stop):
    while True:
        try:
            return await asyncio.wait_for(stop.wait(), every)
        except asyncio.TimeoutError:
            pass
        processes.kill(processes.redis)
        await asyncio.sleep(random.uniform(0.2, 1.5))
        await asyncio.to_thread(processes.start_redis)
        deaths["redis"] += 1


async def harass(processes, model, every, deaths, stop):
    """Moves the SQLite file away and back, reads it for a while, and copies it."""
    while True:
        try:
            return await asyncio.wait_for(stop.wait(), every)
        except asyncio.TimeoutError:
            pass
        away = processes.file.with_suffix(".away")
        processes.file.rename(away)
        await asyncio.sleep(random.uniform(0.2, 1.0))
        away.rename(processes.file)
        deaths["moved"] += 1
        reader = sqlite3.connect(f"file:{processes.file}?mode=ro", uri=True)
        reader.execute("BEGIN")
        with contextlib.suppress(sqlite3.OperationalError):
            reader.execute("SELECT count(*) FROM counters").fetchone()
        await asyncio.sleep(2)
        reader.close()
        before = model.sums(lambda number: model.acknowledged[number])
        copied = await asyncio.to_thread(processes.back_up)
        sent = model.sums(lambda _: True)
        for counter in before | copied:
            if counter[0] != "junk" and not before[counter] <= copied[counter] <= sent[counter]:
                model.wrong.append(f"a copy has {copied[counter]:,} of {counter}: acknowledged {before[counter]:,}, "
                                   f"sent {sent[counter]:,}")
        deaths["copies"] += 1


async def settle(what, wanted, seconds=15):
    """Waits until it is so; gives the last value."""
    end = time.monotonic() + seconds
    while (value := what()) > wanted and time.monotonic() < end:
        await asyncio.sleep(0.1)
    return value


async def soak(processes, seconds):
    model, deaths, stop = Model(), collections.Counter(), asyncio.Event()
    await counted(processes.port)
    idle_files = processes.files()
    clients = [asyncio.create_task(behave(model, processes.port, stop)) for _ in range(CLIENTS)]
    every = min(20, seconds / 4)
    chaos = asyncio.create_task(harass(processes, model, every, deaths, stop) if processes.file
                                else kill_redis(processes, every, deaths, stop))
    for _ in range(2):
        await asyncio.sleep(seconds / 15)
        processes.kill(processes.server)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(processes.start_server)
        deaths["lamed"] += 1
    attack = Attack(processes, model, stop)
    await attack.waves_of_all_kinds()
    attacks = asyncio.create_task(attack.run(min(5, seconds / 20)))
    restarted, memory, caches = time.monotonic(), [], []
    for share in (1, 3, 5):
        await asyncio.sleep(max(0, restarted + seconds * share / 5 - time.monotonic()))
        memory.append(await attack.memory_between())
        caches.append(processes.cached())
        print(f"{seconds * share // 5} s after the last restart: {memory[-1]:,} KB, {processes.files()} files, "
              f"{model.next:,} events", flush=True)
    stop.set()
    await asyncio.gather(chaos, attacks, *clients)
    attack.verdict()
    if attack.peak - min(memory) > MAX_HELD:
        model.wrong.append(f"an attack took {attack.peak:,} KB")
    if memory[-1] - memory[0] - (caches[-1] - caches[0]) > MAX_GROWTH:
        model.wrong.append(f"the memory grew: {memory} KB, SQLite's cache by {caches[-1] - caches[0]:,} KB")
    await check(processes, model, deaths, idle_files)
    return model.wrong


async def check(processes, model, deaths, idle_files):
    acknowledged = model.sums(lambda number: model.acknowledged[number])
    sent, before = model.sums(lambda _: True), await counted(processes.port)
    for counter in sent | before:
        if not acknowledged[counter] <= before[counter] <= sent[counter]:
            model.wrong.append(f"{counter}: acknowledged {acknowledged[counter]:,}, counted {before[counter]:,}, "
                               f"sent {sent[counter]:,}")
    missing = [number for number in range(model.next) if not model.acknowledged[number]]
    client = Client(processes.port)
    for number in missing:
        while not await one(model, client, number):
            await asyncio.sleep(0.1)
    client.hang_up()
    if (after := await counted(processes.port)) != sent:
        model.wrong.append(f"sent {dict(sent)}, counted {dict(after)}")
    files = await settle(processes.files, idle_files)
    if files > idle_files:
        model.wrong.append(f"{files} files are open, {idle_files} were at the start")
    print(f"requests: {dict(model.requests)}")
    print(f"killed: {dict(deaths)}")
    print(f"acknowledged {acknowledged.total():,}, counted {before.total():,}, sent {sent.total():,}; "
          f"sent again {len(missing):,}, then counted {after.total():,}")
    print(f"open files: {idle_files} at the start, {files} in the end")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300, help="how long after the last restart of lamed [300]")
    parser.add_argument("--lamed", default="target/dist/lamed")
    parser.add_argument("--sqlite", action="store_true", help="over an SQLite file instead of a Redis")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(str(pathlib.Path(arguments.lamed).resolve()), folder, arguments.sqlite)
        try:
            if not arguments.sqlite:
                processes.start_redis()
            processes.start_server()
            wrong = asyncio.run(soak(processes, arguments.seconds))
        finally:
            for process in (processes.server, processes.redis):
                if process and process.poll() is None:
                    process.kill()
                    process.wait()
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    print("FAILED" if wrong else "all of it holds")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
