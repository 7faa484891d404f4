"""Puts an account into the state in which Python lamed 0.4.3 leaves it, by its own `deploy`.

    python_deploy.py [--config FILE] [--twice] [--as-it-is]

--config     the config file (`extra_wiring` included); else one with a Redis and a password
--twice      deploys again with a changed config, so that there are versions 1 and 2, as in real life
--as-it-is   keeps the five seconds that it sleeps for a new role and the new client that it makes for each call

All of it runs against tests/aws/server.py. What a real account would hold beside that:

- a log group per function, made by its first invocation, kept for ever: made here, by boto3;
- the runtime python3.8, which AWS stopped taking for new functions, so such an account was deployed before that;
- `update_function_configuration` and `update_function_code` conflicting now and then, so that a function may have the new
  configuration and the old code.
"""

import argparse
import functools
import json
import logging
import os
import pathlib
import sys
import tempfile
import time

import boto3

CONFIG = {
    "redis": {"host": "redis.example.com", "port": 6379, "password": "of Python lamed"},
    "uuid_expiry_seconds": 86400,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=pathlib.Path)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--as-it-is", action="store_true")
    arguments = parser.parse_args()
    config = json.loads(arguments.config.read_text()) if arguments.config else CONFIG

    with tempfile.TemporaryDirectory() as folder:  # where it writes lamed.zip
        os.chdir(folder)
        pathlib.Path("config.json").write_text(json.dumps(config))
        deploy = python_lamed()
        if not arguments.as_it_is:
            hurry()
        deploy.run()
        if arguments.twice:
            deploy.config["uuid_expiry_seconds"] = 2 * deploy.config.get("uuid_expiry_seconds", 86400)
            deploy.run()
        os.chdir("/")

    logs = boto3.client("logs")
    for component in deploy.WIRING + deploy.config.get("extra_wiring", []):
        try:
            logs.create_log_group(logGroupName=f"/aws/lambda/{component['lambda']['FunctionName']}")
        except logs.exceptions.ResourceAlreadyExistsException:
            pass


def python_lamed():
    """Its module `deploy`, which reads the config of the working directory when it is loaded."""
    import lamed  # its redis-py lies beside it and has to come first

    sys.path.insert(0, str(pathlib.Path(lamed.__file__).parent / "vendor"))
    from lamed import deploy

    deploy.logger.setLevel(logging.WARNING)
    return deploy


def hurry():
    """What takes its time, and leaves nothing in the account."""
    from lamed import aws_api

    session = aws_api.boto_session()
    session.client = functools.cache(session.client)
    aws_api.boto_session = lambda: session
    time.sleep = lambda seconds: None


if __name__ == "__main__":
    main()
