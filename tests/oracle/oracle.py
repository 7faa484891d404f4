"""Runs the handlers of Python lamed 0.4.3, so that tests can compare ours with the real thing.

Reads a call per line, {"call": "track" | "all" | "experiment" | "delete", "event": {...}}, and answers each with one
line: {"ok": <what the handler returned>} or {"error": "<class>: <message>"}.
"""

import importlib.util
import json
import logging
import os
import sys
import tempfile
import warnings


def load(directory):
    """Imports lamed as its Lambda function would: configured by the working directory, with its own redis-py."""
    os.chdir(directory)
    with open("config.json", "w") as file:
        redis = {"host": "127.0.0.1", "port": int(os.environ["ORACLE_REDIS_PORT"]), "db": int(os.environ["ORACLE_REDIS_DB"])}
        json.dump({"redis": redis, "uuid_expiry_seconds": int(os.environ["ORACLE_EXPIRY_SECONDS"])}, file)

    package = importlib.util.find_spec("lamed").submodule_search_locations[0]
    sys.path.insert(0, os.path.join(package, "vendor"))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    from lamed import lamed
    return lamed


def answer(handlers, line):
    try:
        call = json.loads(line)
        return {"ok": handlers[call["call"]](call["event"], None)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


with tempfile.TemporaryDirectory() as directory:
    lamed = load(directory)
    handlers = {name: getattr(lamed, name) for name in ("track", "all", "experiment", "delete")}
    for line in sys.stdin:
        print(json.dumps(answer(handlers, line)), flush=True)
    os.chdir("/")  # a working directory cannot be removed everywhere
