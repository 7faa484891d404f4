"""Prints all that is in an account, as one JSON document in a line.

    account.py      # the caller's
    account.py -    # for each line of its input the account of that number

What AWS makes up anew each time (ids of resources and deployments, times, revisions) is left out or replaced by the name
of what it means. The account's number, the ids of APIs, keys and plans and the values of keys stay.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

iam, functions, gateway, logs, sts, dynamodb = map(
    boto3.client, ("iam", "lambda", "apigateway", "logs", "sts", "dynamodb")
)


def in_account(number):
    for client in (iam, functions, gateway, logs, sts, dynamodb):
        client.meta.events.unregister("before-send", unique_id="account")
        header = {"x-moto-account-id": number}
        client.meta.events.register("before-send", lambda request, **_: request.headers.update(header), unique_id="account")


def every(client, operation, items, **arguments):
    """A list of which AWS gives one page at a time."""
    return client.get_paginator(operation).paginate(**arguments).build_full_result().get(items, [])


def only(thing, *names):
    return {name: thing[name] for name in names if thing.get(name) not in (None, "", [], {})}


def role(name):
    found = iam.get_role(RoleName=name)["Role"]
    return {
        "trust": found["AssumeRolePolicyDocument"],
        "policies": {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in every(iam, "list_role_policies", "PolicyNames", RoleName=name)
        },
        "attached": [p["PolicyArn"] for p in every(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)],
        "tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
    }


def configuration(function):
    kept = only(function, "Runtime", "Handler", "Role", "MemorySize", "Timeout", "Architectures", "CodeSha256", "Description")
    vpc = only(function.get("VpcConfig") or {}, "SubnetIds", "SecurityGroupIds")
    variables = function.get("Environment", {}).get("Variables", {})
    return {**kept, "Environment": variables, **({"VpcConfig": vpc} if vpc else {})}


def policy(name, **qualifier):
    try:
        found = json.loads(functions.get_policy(FunctionName=name, **qualifier)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return []
    return sorted(found["Statement"], key=lambda statement: statement["Sid"])


def function_url(name):
    try:
        found = functions.get_function_url_config(FunctionName=name, Qualifier="live")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return {}
    return only(found, "FunctionUrl", "AuthType", "Cors", "InvokeMode")


def function(name):
    versions = every(functions, "list_versions_by_function", "Versions", FunctionName=name)
    found = functions.get_function(FunctionName=name)
    url = function_url(name)
    reserved = found.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    return {
        **configuration(found["Configuration"]),
        **({"url": url} if url else {}),
        **({"reserved": reserved} if reserved else {}),
        "tags": found.get("Tags", {}),
        "policy": policy(name),
        "versions": {v["Version"]: configuration(v) for v in versions if v["Version"] != "$LATEST"},
        "aliases": {
            alias["Name"]: {
                "version": alias["FunctionVersion"],
                **only(alias, "Description"),
                "policy": policy(name, Qualifier=alias["Name"]),
            }
            for alias in every(functions, "list_aliases", "Aliases", FunctionName=name)
        },
    }


def method(found):
    integration = found.get("methodIntegration")
    return {
        **only(found, "authorizationType", "apiKeyRequired", "requestParameters"),
        "integration": integration
        and {
            **only(integration, "type", "httpMethod", "uri", "credentials", "requestTemplates", "requestParameters"),
            **only(integration, "passthroughBehavior", "contentHandling", "timeoutInMillis"),
            "responses": {
                status: only(response, "selectionPattern", "responseParameters", "responseTemplates")
                for status, response in (integration.get("integrationResponses") or {}).items()
            },
        },
        "responses": {
            status: only(response, "responseParameters", "responseModels")
            for status, response in (found.get("methodResponses") or {}).items()
        },
    }


def stage(found, deployments):
    return {
        "deployment": deployments[found["deploymentId"]],
        **only(found, "description", "variables", "tags"),
        "throttle": {
            path: [settings["throttlingRateLimit"], settings["throttlingBurstLimit"]]
            for path, settings in found.get("methodSettings", {}).items()
        },
    }


def gateway_responses(api):
    position = {}
    while True:
        page = gateway.get_gateway_responses(restApiId=api, **position)
        for response in page["items"]:
            if not response["defaultResponse"]:
                yield response["responseType"], only(response, "statusCode", "responseParameters", "responseTemplates")
        if "position" not in page:
            return
        position = {"position": page["position"]}


def api(found):
    here = {"restApiId": found["id"]}
    deployments = {
        deployment["id"]: deployment.get("description") for deployment in every(gateway, "get_deployments", "items", **here)
    }
    return {
        **only(found, "id", "name", "description", "tags", "disableExecuteApiEndpoint", "minimumCompressionSize"),
        "endpoint": found["endpointConfiguration"]["types"],
        "resources": [
            {"path": resource["path"], **{name: method(m) for name, m in sorted(resource.get("resourceMethods", {}).items())}}
            for resource in sorted(
                every(gateway, "get_resources", "items", embed=["methods"], **here), key=lambda resource: resource["path"]
            )
        ],
        "gateway_responses": dict(gateway_responses(found["id"])),
        "stages": {s["stageName"]: stage(s, deployments) for s in gateway.get_stages(**here)["item"]},
        "deployments": list(deployments.values()),
    }


def plan(found):
    return {
        **only(found, "id", "name", "description", "throttle", "quota", "tags"),
        "stages": sorted(f"{s['apiId']}:{s['stage']}" for s in found.get("apiStages", [])),
        "keys": sorted(k["id"] for k in every(gateway, "get_usage_plan_keys", "items", usagePlanId=found["id"])),
    }


def log_group(found):
    tags = logs.list_tags_for_resource(resourceArn=found["arn"].removesuffix(":*"))["tags"]
    return {"retention": found.get("retentionInDays"), "tags": tags}


def table(name):
    found = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]
    return {
        "key": {key["AttributeName"]: key["KeyType"] for key in found["KeySchema"]},
        "billing": found["BillingModeSummary"]["BillingMode"],
        "protected": found["DeletionProtectionEnabled"],
        "expiry": only(
            dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"], "TimeToLiveStatus", "AttributeName"
        ),
        "backups": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "tags": {tag["Key"]: tag["Value"] for tag in tags},
    }


def by_name(things):
    return sorted(things, key=lambda thing: (thing["name"], thing["id"]))


def account():
    keys = every(gateway, "get_api_keys", "items", includeValues=True)
    return {
        "account": sts.get_caller_identity()["Account"],
        "roles": {r["RoleName"]: role(r["RoleName"]) for r in every(iam, "list_roles", "Roles")},
        "functions": {
            f["FunctionName"]: function(f["FunctionName"]) for f in every(functions, "list_functions", "Functions")
        },
        "apis": by_name(map(api, every(gateway, "get_rest_apis", "items"))),
        "api_keys": by_name(only(k, "id", "name", "value", "enabled", "stageKeys", "description", "tags") for k in keys),
        "usage_plans": by_name(map(plan, every(gateway, "get_usage_plans", "items"))),
        "tables": {name: table(name) for name in every(dynamodb, "list_tables", "TableNames")},
        "log_groups": {g["logGroupName"]: log_group(g) for g in every(logs, "describe_log_groups", "logGroups")},
    }


if __name__ == "__main__":
    for line in sys.stdin if sys.argv[1:] == ["-"] else [""]:
        if line:
            in_account(line.strip())
        print(json.dumps(account()), flush=True)
