"""Makes the calls again that `fixtures/earlier/make.py` recorded, in the caller's account.

    replay.py FILE

What AWS made up then stands for what it makes up now.
"""

import json
import os
import pathlib
import sys
import urllib.request


def main():
    url, region = os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"]
    now = {}  # what was made up then → what is made up now
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines()[1:-1]:
        for made_up, anew in now.items():
            line = line.replace(made_up, anew)
        call = json.loads(line.removesuffix(","))
        body = call.get("body")
        body = json.dumps(body) if isinstance(body, dict) else body
        scope = f"{os.environ['AWS_ACCESS_KEY_ID']}/20261123/{region}/{call['service']}/aws4_request"
        headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        headers |= {name: call[field] for name, field in (("content-type", "type"), ("x-amz-target", "target")) if field in call}
        request = urllib.request.Request(url + call["path"], body and body.encode(), headers, method=call["method"])
        with urllib.request.urlopen(request) as reply:
            text = reply.read()
        if "made_up" in call:
            fields = json.loads(text)
            now |= {then: fields[name] for name, then in call["made_up"].items()}


if __name__ == "__main__":
    main()
