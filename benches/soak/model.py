"""What was sent, what was acknowledged, and the clients that send it."""

import asyncio
import collections
import json
import random
import urllib.parse

KEY = "the key of the soak"
# A clock that a laptop or a shared machine keeps: no client sends faster than this.
PAUSE = 0.01

NAMES = [
    ("color", "blue"), ("color", "red"), ("a:b", "{v}"), ("100 %", "ö"), ("🦀", " "),
]
EVENTS = ["participate", "clicked", "bought: it"]


class Model:
    """What was sent and what was acknowledged: events are numbers, and their number says their counter."""

    def __init__(self):
        self.next = 0
        self.acknowledged = bytearray()
        self.waiting = collections.deque()
        self.requests = collections.Counter()
        self.wrong = []
        # Different events that were.
        self.acknowledgements = 0

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
        self.acknowledgements += not self.acknowledged[number]
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
