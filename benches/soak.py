#!/usr/bin/env python3
"""Minutes of everything at once: does each event count exactly once, and does nothing grow?

    cargo build --profile dist
    benches/soak.py                                  # 5 minutes after the last restart, and 40 s before it
    benches/soak.py --kind sqlite                    # over an SQLite file
    benches/soak.py --kind http2 --seconds 3         # what each attack by HTTP/2 takes alone
    benches/soak.py --seconds 40 --lamed target/debug/lamed

64 clients send events to `lamed serve`. Some send twice, some hang up in the middle of a request or before its reply,
some are slow, some send ten at a time. All the while something happens to the store, by `--kind`:

    redis              Redis, which keeps each write before it answers, is killed (-9) and comes back
    sqlite             the SQLite file is moved away and put back, another program holds on to what it read, and
                       `lamed backup` copies it: a copy must hold what was acknowledged before, and no more than was
                       sent
    redis-slow-disk    each write of Redis takes 20 ms, then 400 ms, then the disk does not answer, and then Redis is
                       killed as well
    sqlite-slow-disk   the same of the SQLite file, without the kill
    redis-rights       the Redis user of docs/redis.md loses a right and gets it back, one after the other
    cluster            one node after another of a cluster without replicas is killed (-9), and comes back

Each time `/readyz` must say so, those events that can be counted must be, and all again once it is over. lamed is
killed twice, at the beginning, and remembers for another time after each restart.

Attackers from the same machine come in waves beside them, a bounded number: they hold more connections than
`--max-connections` allows with slow heads, hold more bodies open than there is memory for, in small pieces too, invent
variants and namespaces, guess keys, and flood HTTP/2. Clients must go on being answered, and memory must be given back.

In the end, for each counter: acknowledged <= counted <= sent; and when all that was not acknowledged is sent
again, counted is the number of different events. Besides, no event is ever counted after it was acknowledged,
the memory of lamed is flat, and it has no more files open than before the first client came.

Needs Linux, Python 3.11, and by kind `redis-server` with `redis-cli`, or `cc`, on the PATH; loopback only. Exit code 1
when something does not hold.
"""

import argparse
import asyncio
import pathlib
import sys
import tempfile
import time

from soak.attacks import MAX_HELD, Attack, measure
from soak.model import Client, Model, behave, counted, one
from soak.processes import KINDS, Processes
from soak.troubles import TROUBLES

CLIENTS = 64
# Memory is flat when it grows by no more than this from the first look to the last, beside what SQLite keeps of its
# file.
MAX_GROWTH = 8 * 1024  # KB


async def settle(what, wanted, seconds=15):
    """Waits until it is so; gives the last value."""
    end = time.monotonic() + seconds
    while (value := what()) > wanted and time.monotonic() < end:
        await asyncio.sleep(0.1)
    return value


async def soak(processes, seconds):
    model, stop = Model(), asyncio.Event()
    await counted(processes.port)
    idle_files = processes.files()
    clients = [asyncio.create_task(behave(model, processes.port, stop)) for _ in range(CLIENTS)]
    every = min(20, seconds / 4)
    trouble = TROUBLES[processes.kind](processes, model, stop)
    troubles = asyncio.create_task(trouble.run(every))
    for _ in range(2):
        await asyncio.sleep(seconds / 15)
        processes.kill_server()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(processes.start_server)
        trouble.happened["lamed killed"] += 1
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
    await asyncio.gather(troubles, attacks, *clients)
    attack.verdict()
    if attack.peak - min(memory) > MAX_HELD:
        model.wrong.append(f"an attack took {attack.peak:,} KB")
    if memory[-1] - memory[0] - (caches[-1] - caches[0]) > MAX_GROWTH:
        model.wrong.append(f"the memory grew: {memory} KB, SQLite's cache by {caches[-1] - caches[0]:,} KB")
    await check(processes, model, trouble, idle_files)
    return model.wrong


async def check(processes, model, trouble, idle_files):
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
    print(f"what happened: {dict(trouble.happened)}; /readyz told within {trouble.slowest:.1f} s")
    print(f"acknowledged {acknowledged.total():,}, counted {before.total():,}, sent {sent.total():,}; "
          f"sent again {len(missing):,}, then counted {after.total():,}")
    print(f"open files: {idle_files} at the start, {files} in the end")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300, help="how long after the last restart of lamed [300]")
    parser.add_argument("--lamed", default="target/dist/lamed")
    parser.add_argument("--kind", choices=[*KINDS, "http2"], default="redis",
                        help="what it counts in, and what happens to that [redis]")
    arguments = parser.parse_args()
    lamed = str(pathlib.Path(arguments.lamed).resolve())
    wrong = measure(lamed, arguments.seconds) if arguments.kind == "http2" else run(lamed, arguments)
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    print("FAILED" if wrong else "all of it holds")
    sys.exit(bool(wrong))


def run(lamed, arguments):
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(lamed, folder, arguments.kind)
        try:
            processes.start_store()
            processes.start_server()
            return asyncio.run(soak(processes, arguments.seconds))
        finally:
            processes.end()


if __name__ == "__main__":
    main()
