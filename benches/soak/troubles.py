"""What happens to the store while clients send: each kind breaks it, looks at what lamed says, and mends it."""

import asyncio
import collections
import contextlib
import itertools
import random
import sqlite3
import time

from .model import Client

# Within this time `/readyz` says what is wrong, and that all is well again, in seconds.
NOTICED = 15
# So many events are counted within that time, by those that still can.
SOME = 30
# How long something stays broken, in seconds.
BROKEN = 4


class Trouble:
    def __init__(self, processes, model, stop):
        self.processes, self.model, self.stop = processes, model, stop
        self.happened = collections.Counter()
        # How long `/readyz` took to tell, in seconds.
        self.slowest = 0

    async def run(self, every):
        while True:
            try:
                return await asyncio.wait_for(self.stop.wait(), every)
            except asyncio.TimeoutError:
                await self.once()

    async def once(self):
        raise NotImplementedError

    async def says(self, status, part):
        """Waits until `/readyz` answers with this status, and with these words in it."""
        begun, reply = time.monotonic(), None
        while time.monotonic() < begun + NOTICED:
            client = Client(self.processes.port)
            reply = await client.ask(b"GET /readyz HTTP/1.1\r\nHost: soak\r\n\r\n")
            client.hang_up()
            if reply and reply[0] == status and part in str(reply[1]):
                self.slowest = max(self.slowest, time.monotonic() - begun)
                return
            await asyncio.sleep(0.1)
        self.model.wrong.append(f"/readyz says {reply}, not {status} and `{part}`")

    async def is_well(self):
        """Ready, and counting."""
        await self.says(200, "'ready'")
        await self.counts()

    async def counts(self):
        wanted, end = self.model.acknowledgements + SOME, time.monotonic() + NOTICED
        while self.model.acknowledgements < wanted and time.monotonic() < end and not self.stop.is_set():
            await asyncio.sleep(0.1)
        # Nobody sends any more once it is to stop.
        if self.model.acknowledgements < wanted and not self.stop.is_set():
            self.model.wrong.append(f"fewer than {SOME} events are counted in {NOTICED} s")


class Deaths(Trouble):
    """Redis is killed and comes back."""

    async def once(self):
        [redis] = self.processes.redises
        redis.kill()
        await asyncio.sleep(random.uniform(0.2, 1.5))
        await asyncio.to_thread(redis.start)
        self.happened["Redis killed"] += 1
        await self.is_well()


class File(Trouble):
    """The SQLite file is moved away and back, read for a while, and copied."""

    async def once(self):
        file = self.processes.file
        away = file.with_suffix(".away")
        file.rename(away)
        await self.says(503, "")
        await asyncio.sleep(random.uniform(0, 1))
        away.rename(file)
        self.happened["file moved"] += 1
        reader = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        reader.execute("BEGIN")
        with contextlib.suppress(sqlite3.OperationalError):
            reader.execute("SELECT count(*) FROM counters").fetchone()
        await asyncio.sleep(2)
        reader.close()
        await self.copy()
        await self.is_well()

    async def copy(self):
        model = self.model
        before = model.sums(lambda number: model.acknowledged[number])
        copied = await asyncio.to_thread(self.processes.back_up)
        sent = model.sums(lambda _: True)
        for counter in before | copied:
            if counter[0] != "junk" and not before[counter] <= copied[counter] <= sent[counter]:
                model.wrong.append(f"a copy has {copied[counter]:,} of {counter}: acknowledged {before[counter]:,}, "
                                   f"sent {sent[counter]:,}")
        self.happened["copies"] += 1


class SlowDisk(Trouble):
    """The disk is slow, then very slow, then does not answer; in that state Redis is killed, every other time."""

    def __init__(self, processes, model, stop):
        super().__init__(processes, model, stop)
        self.steps = itertools.cycle([(20, False), (400, False), (60_000, False), (60_000, True)])

    async def once(self):
        milliseconds, killed = next(self.steps)
        self.processes.disk.take(milliseconds)
        if milliseconds < 1_000:
            await self.counts()
            await asyncio.sleep(BROKEN)
        else:
            await self.says(503, "cannot be reached")
            if killed:
                for redis in self.processes.redises:
                    redis.kill()
        self.happened[f"disk takes {milliseconds} ms"] += 1
        self.processes.disk.take(0)
        if killed and self.processes.redises:
            self.happened["Redis killed"] += 1
            for redis in self.processes.redises:
                await asyncio.to_thread(redis.start)
        await self.is_well()


class Rights(Trouble):
    """The user loses a right and gets it back."""

    def __init__(self, processes, model, stop):
        super().__init__(processes, model, stop)
        self.steps = itertools.cycle([
            (["-sadd"], 503, "sadd"), (["-incr"], 503, "incr"), (["-hgetall"], 200, "hgetall"),
            (["-evalsha", "-eval"], 503, "eval"), (["-hincrby"], 503, "hincrby"), (["-pexpireat"], 503, "pexpireat"),
            (["resetkeys"], 503, "not allowed"), (["-@all"], 503, ""), (["off"], 503, ""),
        ])

    async def once(self):
        rules, status, part = next(self.steps)
        await asyncio.to_thread(self.processes.grant, *rules)
        await self.says(status, part)
        if status == 200:
            await self.counts()
        await asyncio.sleep(random.uniform(0, BROKEN))
        await asyncio.to_thread(self.processes.grant)
        self.happened[f"without {rules[-1].lstrip('-')}"] += 1
        await self.is_well()


class NodeAway(Trouble):
    """One node of the cluster after another is killed, and comes back."""

    def __init__(self, processes, model, stop):
        super().__init__(processes, model, stop)
        self.nodes = itertools.cycle(processes.redises)

    async def once(self):
        node = next(self.nodes)
        node.kill()
        await self.says(200, "1 of 3 nodes of the cluster cannot count")
        await self.counts()
        await asyncio.sleep(random.uniform(0, BROKEN))
        await asyncio.to_thread(node.start)
        self.happened["node killed"] += 1
        await self.is_well()


TROUBLES = {"redis": Deaths, "sqlite": File, "redis-slow-disk": SlowDisk, "sqlite-slow-disk": SlowDisk,
            "redis-rights": Rights, "cluster": NodeAway}
