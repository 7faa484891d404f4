"""Makes the calls of each line of its input, and prints a line with what became of each.

In:  [["iam", "get_role", {"RoleName": "lamed"}], …]
Out: a list of `"done"`, `{"status", "code", "message"}`, or the class of an error that is no reply

The code of a function is a text. No call is repeated.
"""

import functools
import io
import json
import sys
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def zipped(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("bootstrap"), text)
    return file.getvalue()


@functools.cache
def client(service):
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


def call(service, operation, parameters):
    if "Code" in parameters:
        parameters["Code"] = {"ZipFile": zipped(parameters["Code"])}
    if "ZipFile" in parameters:
        parameters["ZipFile"] = zipped(parameters["ZipFile"])
    try:
        getattr(client(service), operation)(**parameters)
    except ClientError as error:
        said = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return {"status": status, "code": said["Code"], "message": said["Message"]}
    except BotoCoreError as error:
        return type(error).__name__
    return "done"


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps([call(*one) for one in json.loads(line)]), flush=True)
