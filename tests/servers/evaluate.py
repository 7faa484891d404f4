"""Evaluates flags by the official OpenFeature provider: JSON [[flag, user], …] in, JSON details out."""

import json
import os
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

api.set_provider(OFREPProvider(os.environ["LAMED_URL"]))
client = api.get_client()
answers = []
for flag, user in json.load(sys.stdin):
    details = client.get_string_details(flag, "default", EvaluationContext(user))
    answers.append(
        [details.value, details.reason, details.variant, details.error_code]
    )
json.dump(answers, sys.stdout)
