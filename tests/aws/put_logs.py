"""Puts events into the log groups of functions, which it makes; prints when each was, as ISO 8601 has it.

In:  [["lamed-track", -3000, "a message"], …]: the function, milliseconds from now, the message
Out: ["2026-11-23T03:40:12.123Z", …]
"""

import datetime
import json
import sys
import time

import boto3

logs = boto3.client("logs")
now = int(time.time() * 1000)
times = []
for function, offset, message in json.loads(sys.argv[1]):
    place = {"logGroupName": f"/aws/lambda/{function}", "logStreamName": str(offset)}
    try:
        logs.create_log_group(logGroupName=place["logGroupName"])
    except logs.exceptions.ResourceAlreadyExistsException:
        pass
    try:
        logs.create_log_stream(**place)
    except logs.exceptions.ResourceAlreadyExistsException:
        pass
    logs.put_log_events(**place, logEvents=[{"timestamp": now + offset, "message": message}])
    moment = datetime.datetime.fromtimestamp((now + offset) / 1000, datetime.UTC)
    times.append(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
print(json.dumps(times))
