"""MiniStack's server on the port that is its argument; it ends with its standard input. Prints a line when it answers.

What has expired stays, as it does in DynamoDB for days: the clocks of the tests are not MiniStack's.
"""

import os
import socket
import sys
import threading
import time

port = int(sys.argv[1])
os.environ.update(
    GATEWAY_PORT=str(port),
    BIND_HOST="127.0.0.1",
    LOG_LEVEL="ERROR",
    LAMBDA_EXECUTOR="local",
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
    IOT_MTLS_ENABLED="0",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
)
ours, theirs = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(theirs, 1)
os.dup2(theirs, 2)


start = threading.Thread.start
threading.Thread.start = lambda self: None if self.name == "dynamodb-ttl-reaper" else start(self)


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def tell_when_ready():
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            os.write(ours, b"ready\n")
            return


threading.Thread(target=end_with_input, daemon=True).start()
threading.Thread(target=tell_when_ready, daemon=True).start()

from ministack.app import main  # noqa: E402

sys.argv = ["ministack"]
main()
