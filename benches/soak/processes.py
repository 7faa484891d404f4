"""lamed and its store, which die and come back on the same ports."""

import collections
import json
import os
import pathlib
import random
import re
import socket
import sqlite3
import subprocess
import time

from .model import KEY

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What is counted, and where; the second word is what happens to it.
KINDS = ["redis", "sqlite", "redis-slow-disk", "sqlite-slow-disk", "redis-rights", "cluster"]
# Connections that lamed takes.
ROOM = 300
MAX_COUNTERS = 500
# SQLite keeps all of its file in memory, up to this.
CACHE = 64 * 1024  # KB
# What each start of lamed is told to remember for, in seconds: all longer than the soak.
WINDOWS = [None, 86_400, 3_600]
PASSWORD = "of the soak"


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


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


class SlowDisk:
    """A disk that takes its time, for programs that are started with `environment`."""

    def __init__(self, folder):
        self.file = folder / "milliseconds"
        library = folder / "slow_disk.so"
        source = pathlib.Path(__file__).with_name("slow_disk.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self.environment = {"LD_PRELOAD": str(library), "SLOW_DISK": str(self.file)}
        self.take(0)

    def take(self, milliseconds):
        """So long for each flush from now on; one that is under way ends as well."""
        new = self.file.with_suffix(".new")
        new.write_text(str(milliseconds))
        new.replace(self.file)


class Redis:
    """One that keeps each write on its disk before it answers."""

    def __init__(self, folder, arguments=(), environment=None):
        self.port, self.process = free_port(), None
        self.environment = {**os.environ, **(environment or {})}
        folder = folder / str(self.port)
        folder.mkdir()
        self.line = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
                     "--save", "", "--appendonly", "yes", "--appendfsync", "always", *arguments]

    def start(self):
        self.process = subprocess.Popen(self.line, stdout=subprocess.PIPE, env=self.environment)
        while b"Ready to accept connections" not in (line := self.process.stdout.readline()):
            assert line, "redis-server ended early"
        # It says little more; nobody reads it.

    def kill(self):
        end(self.process)

    def ask(self, *words):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()


def cluster(folder):
    """Three nodes without replicas. Those that are there go on while another is away."""
    arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"]
    return [Redis(folder, [*arguments, "--cluster-port", str(free_port())]) for _ in range(3)]


def documented_rights():
    """The rules of a user of its own, which the soak tries thereby."""
    text = (ROOT / "docs/redis.md").read_text()
    return re.search(r"ACL SETUSER lamed on >\S+ (.*)", text)[1].split()


class Processes:
    def __init__(self, lamed, folder, kind):
        self.kind, self.port, self.lamed, self.folder = kind, free_port(), lamed, pathlib.Path(folder)
        self.file = self.folder / "lamed.db" if kind.startswith("sqlite") else None
        self.disk = SlowDisk(self.folder) if kind.endswith("slow-disk") else None
        slow = self.disk.environment if self.disk else {}
        self.redises = []
        if kind == "cluster":
            self.redises = cluster(self.folder)
        elif not self.file:
            self.redises = [Redis(self.folder, environment=slow)]
        self.config, self.starts, self.server = self.folder / "config.json", 0, None
        self.store = f"embedded:{self.file}" if self.file else "config"
        self.lamed_line = [lamed, "serve", "--json", "--quiet", "--listen", f"127.0.0.1:{self.port}",
                           "--store", self.store, "--max-connections", str(ROOM)]
        self.environment = {**os.environ, "HOME": folder, "LAMED_API_KEY": KEY, "LAMED_CONFIG": str(self.config)}
        self.slow = slow if self.file else {}
        self.log = open(self.folder / "lamed.log", "wb")

    def start_store(self):
        for redis in self.redises:
            redis.start()
        if self.kind == "cluster":
            nodes = [f"127.0.0.1:{redis.port}" for redis in self.redises]
            self.redises[0].ask("--cluster", "create", *nodes, "--cluster-yes")
            while not all("cluster_state:ok" in redis.ask("CLUSTER", "INFO") for redis in self.redises):
                time.sleep(0.1)
        if self.kind == "redis-rights":
            self.grant()

    def grant(self, *rules):
        """All rights that lamed needs, and then these rules."""
        self.redises[0].ask("ACL", "SETUSER", "soak", "reset", "on", f">{PASSWORD}", *documented_rights(), *rules)
        if "off" in rules:
            self.redises[0].ask("CLIENT", "KILL", "USER", "soak")

    def settings(self):
        """Of the Redis, as the config has them."""
        if self.kind == "cluster":
            return {"nodes": [f"127.0.0.1:{redis.port}" for redis in self.redises]}
        user = {"username": "soak", "password": PASSWORD} if self.kind == "redis-rights" else {}
        return {"host": "127.0.0.1", "port": self.redises[0].port, **user} if self.redises else {}

    def start_server(self):
        """Again and again while the store is away, as a service manager would."""
        window = WINDOWS[min(self.starts, len(WINDOWS) - 1)]
        config = {"max_counters": MAX_COUNTERS, "uuid_expiry_seconds": window}
        if settings := self.settings():
            config["redis"] = settings
        self.config.write_text(json.dumps(config))
        self.config.chmod(0o600)
        self.starts += 1
        while True:
            self.server = subprocess.Popen(self.lamed_line, stdout=subprocess.PIPE, stderr=self.log,
                                           env={**self.environment, **self.slow})
            if self.server.stdout.readline():
                return
            self.server.wait()
            time.sleep(0.2)

    def kill_server(self):
        end(self.server)

    def end(self):
        for process in [self.server, *(redis.process for redis in self.redises)]:
            if process and process.poll() is None:
                process.kill()
                process.wait()

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

    def rss(self):
        return memory(self.server.pid)

    def cached(self):
        """What SQLite may keep of its file, in KB."""
        return min(CACHE, self.file.stat().st_size // 1024) if self.file and self.file.exists() else 0

    def files(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))


def memory(pid, which="VmRSS"):
    """Of a process, in KB; with `VmHWM` the most that it ever had."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1])
