"""Checks calls against botocore's models: the operation, its path, and its members' names, types, enums, patterns, lengths.

In:  [{"action": "lambda:CreateFunction", "method": "POST", "path": "/2015-03-31/functions", "body": "…"}, …]
Out: a list of what is wrong, a sentence each
"""

import base64
import binascii
import functools
import json
import re
import sys
import warnings
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import botocore.session

warnings.simplefilter("ignore", FutureWarning)  # of `[[` in patterns of AWS

SESSION = botocore.session.get_session()


@functools.cache
def model(service):
    return SESSION.get_service_model(service)


@functools.cache
def compiled(pattern):
    # Letters, numbers and white space of any script, which Python has other names for.
    for theirs, ours in (("\\p{L}", "\\w"), ("\\p{M}", "\\w"), ("\\p{N}", "\\d"), ("\\p{Z}", "\\s"), ("\\p{S}", "+=")):
        pattern = pattern.replace(theirs, ours)
    return re.compile(pattern, re.DOTALL)


def limits(shape, value, size, place):
    raw = RAW[(CURRENT.service_name, shape.name)]  # botocore's shapes leave patterns out, its files have them
    if "min" in raw and size < raw["min"]:
        yield f"{place}: {size} is less than {raw['min']}"
    if "max" in raw and size > raw["max"]:
        yield f"{place}: {size} is more than {raw['max']}"
    if isinstance(value, str):
        if value not in raw.get("enum", [value]):
            yield f"{place}: `{value}` is none of {raw['enum']}"
        if "pattern" in raw and not compiled(raw["pattern"]).fullmatch(value):
            yield f"{place}: `{value[:60]}` does not match {raw['pattern']}"


# The model of the call that is checked, and the shapes of all models by service and name.
CURRENT, RAW = None, {}


def load(service):
    global CURRENT
    CURRENT = model(service)
    if not any(known == service for known, _ in RAW):
        for name, raw in CURRENT._service_description["shapes"].items():
            RAW[(service, name)] = raw


def check(shape, value, place):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{place}: no structure"]
        return list(structure(shape, value, place))
    if kind == "list":
        if not isinstance(value, list):
            return [f"{place}: no list"]
        wrong = list(limits(shape, value, len(value), place))
        for index, one in enumerate(value):
            wrong += check(shape.member, one, f"{place}[{index}]")
        return wrong
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{place}: no map"]
        wrong = list(limits(shape, value, len(value), place))
        for key, one in value.items():
            wrong += check(shape.key, key, f"{place} key") + check(shape.value, one, f"{place}.{key}")
        return wrong
    if kind in ("string", "character"):
        if not isinstance(value, str):
            return [f"{place}: {value!r} is no string"]
        return list(limits(shape, value, len(value), place))
    if kind == "blob":
        try:
            return list(limits(shape, None, len(base64.b64decode(value, validate=True)), place))
        except (binascii.Error, TypeError, ValueError):
            return [f"{place}: no base64"]
    if kind == "boolean":
        return [] if isinstance(value, bool) else [f"{place}: {value!r} is no boolean"]
    if kind in ("integer", "long"):
        if not isinstance(value, int) or isinstance(value, bool):
            return [f"{place}: {value!r} is no integer"]
        return list(limits(shape, None, value, place))
    if kind in ("double", "float"):
        if not isinstance(value, int | float) or isinstance(value, bool):
            return [f"{place}: {value!r} is no number"]
        return list(limits(shape, None, value, place))
    return []


def structure(shape, value, place, names=None):
    """`names` are the members that can stand here; all where it is none."""
    by_wire = {}
    for name, member in shape.members.items():
        if names is None or name in names:
            by_wire[member.serialization.get("name", name)] = name
    for wire, one in value.items():
        if wire not in by_wire:
            yield f"{place}.{wire}: unknown member"
        elif one is not None:
            yield from check(shape.members[by_wire[wire]], one, f"{place}.{wire}")
    for wire, name in by_wire.items():
        if name in shape.required_members and value.get(wire) is None:
            yield f"{place}.{wire}: missing"


def of_text(shape, text):
    """A parameter of a path or a query, which are all texts."""
    match shape.type_name:
        case "integer" | "long" if re.fullmatch(r"-?\d+", text):
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
    return text


def rest(operation, call):
    """What stands in path, query and body, and what is wrong with that already."""
    shape = operation.input_shape
    template = operation.http["requestUri"]
    url = urlsplit(call["path"])
    if call["method"] != operation.http["method"]:
        yield f"the method is {call['method']}, but should be {operation.http['method']}"
    path, _, fixed = template.partition("?")
    pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", re.escape(path))
    match = re.fullmatch(pattern.rstrip("/") + "/?", url.path)
    if not match:
        yield f"the path {url.path} does not match {template}"
        return
    members = shape.members if shape else {}
    located = {"uri": {}, "querystring": {}, "header": set()}
    for name, member in members.items():
        where = member.serialization.get("location")
        if where in ("uri", "querystring"):
            located[where][member.serialization.get("name", name)] = name
        elif where:
            located["header"].add(name)
    for wire, name in located["uri"].items():
        yield from check(members[name], of_text(members[name], unquote(match[wire])), wire)
    query = parse_qs(url.query, keep_blank_values=True)
    for key, _ in parse_qsl(fixed, keep_blank_values=True):
        query.pop(key, None)
    for wire, texts in query.items():
        name = located["querystring"].get(wire)
        if name is None:
            yield f"?{wire}: unknown parameter"
        elif members[name].type_name == "list":
            yield from check(members[name], [of_text(members[name].member, text) for text in texts], f"?{wire}")
        else:
            yield from check(members[name], of_text(members[name], texts[-1]), f"?{wire}")
    for wire, name in located["querystring"].items():
        if name in shape.required_members and wire not in query:
            yield f"?{wire}: missing"
    elsewhere = {*located["uri"].values(), *located["querystring"].values(), *located["header"]}
    payload = shape.serialization.get("payload") if shape else None
    names = {name for name in members if name not in elsewhere}
    if payload or not shape:
        return
    yield from structure(shape, json.loads(call["body"] or "{}"), operation.name, names)


def of_query(shape, prefix, pairs, used):
    """A value out of `A.B.member.1=…`; none where there is none."""
    kind = shape.type_name
    if kind == "structure":
        found = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            value = of_query(member, f"{prefix}.{wire}" if prefix else wire, pairs, used)
            if value is not None:
                found[wire] = value
        return found or None
    if kind == "list":
        flat = shape.serialization.get("flattened")
        start = prefix if flat else f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        values = []
        while (value := of_query(shape.member, f"{start}.{len(values) + 1}", pairs, used)) is not None:
            values.append(value)
        return values or None
    if prefix not in pairs:
        return None
    used.add(prefix)
    return of_text(shape, pairs[prefix])


def problems(call):
    service, name = call["action"].split(":")
    try:
        load(service)
        operation = CURRENT.operation_model(name)
    except Exception as error:  # of several kinds
        return [f"unknown operation: {error}"]
    protocol = CURRENT.metadata["protocol"]
    shape = operation.input_shape
    if protocol.startswith("rest"):
        return list(rest(operation, call))
    if protocol == "json":
        return check(shape, json.loads(call["body"]), name)
    pairs = dict(parse_qsl(call["body"], keep_blank_values=True))
    used = {"Action", "Version"}
    value = of_query(shape, "", pairs, used) if shape else None
    wrong = [f"{key}: unknown parameter" for key in sorted(pairs.keys() - used)]
    if pairs.get("Version") != CURRENT.metadata["apiVersion"]:
        wrong.append(f"the version is {pairs.get('Version')}")
    return wrong + (check(shape, value or {}, name) if shape else [])


if __name__ == "__main__":
    for line in sys.stdin:
        found = [f"{call['action']}: {wrong}" for call in json.loads(line) for wrong in problems(call)]
        print(json.dumps(found), flush=True)
