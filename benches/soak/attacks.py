"""Attackers from the same machine: a bounded number, with bounded bytes."""

import asyncio
import collections
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time

from . import http2
from .model import Client, counted, post
from .processes import memory

# Connections that attackers try to hold at once, more than lamed takes.
ATTACKERS = 400
# The same by HTTP/2, and for how long each kind of them lasts, in seconds.
CONNECTIONS, WAVE = 50, 0.5
# What all attackers' bodies take beyond the rest, and what a client waits for an answer while Redis is there.
MAX_HELD = 120 * 1024  # KB
MAX_WAIT = 5  # s
# What an attack by HTTP/2 takes alone.
MAX_HTTP2 = 30 * 1024  # KB
# Junk counters are invented in a namespace of their own, of which the clients know nothing.
JUNK = 2_000
# Wrong keys in one wave.
GUESSES = 200


class Attack:
    """Waves of each kind, one after the other. An attacker never sends more than a wave's bytes."""

    def __init__(self, processes, model, stop):
        self.processes, self.model, self.stop = processes, model, stop
        self.waves, self.refused, self.slowest, self.peak = collections.Counter(), 0, 0, 0
        self.quiet = asyncio.Lock()

    async def waves_of_all_kinds(self):
        for kind in (self.heads, self.bodies, self.pieces, self.names, self.guesses, self.http2):
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

    async def http2(self):
        for attack in http2.ATTACKS:
            await http2.wave(self.processes.port, attack, CONNECTIONS, WAVE)
            self.peak = max(self.peak, self.processes.rss() or 0)

    def verdict(self):
        if self.slowest > MAX_WAIT:
            self.model.wrong.append(f"a new client waited {self.slowest:.1f} s beside slow heads")
        print(f"attacks: {dict(self.waves)}; {self.refused:,} batches of junk refused; a new client beside slow heads "
              f"waited {self.slowest:.2f} s at most; {self.peak:,} KB at the height of an attack", flush=True)


def measure(lamed, seconds):
    """What each attack by HTTP/2 takes of a server that does nothing else; gives what is wrong."""
    wrong = []
    for attack in http2.ATTACKS:
        with tempfile.TemporaryDirectory() as home:
            line = [lamed, "serve", "--json", "--quiet", "--listen", "127.0.0.1:0", "--store", "embedded"]
            environment = {"PATH": os.environ["PATH"], "HOME": home}
            server = subprocess.Popen(line, stdout=subprocess.PIPE, env=environment, cwd=home)
            try:
                port = int(json.loads(server.stdout.readline())["track_url"].split("/")[2].split(":")[1])
                idle, most, sent, processor = asyncio.run(alone(server.pid, port, attack, seconds))
            finally:
                server.kill()
                server.wait()
                server.stdout.close()
        print(f"{attack.__name__:20} {sent:12,} bytes sent, {(most - idle) / 1024:6.1f} MB more than the "
              f"{idle / 1024:.1f} before, {processor:.1f} s of CPU", flush=True)
        if most - idle > MAX_HTTP2:
            wrong.append(f"{attack.__name__} took {most - idle:,} KB")
    return wrong


async def alone(pid, port, attack, seconds):
    client = Client(port)
    await client.ask(b"GET /prod/experiments HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.hang_up()
    idle = memory(pid)
    sent = await http2.wave(port, attack, CONNECTIONS, seconds)
    ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return idle, memory(pid, "VmHWM"), sent, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
