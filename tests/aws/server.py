"""moto's server on a free port, which it prints; it ends with its standard input.

    server.py [PAGE]    # lists come in pages of so many, 25 as in AWS where nothing is said

Every request belongs to the account of its header `x-moto-account-id`. Where deploy depends on what AWS does and moto
does otherwise, moto is corrected here; what AWS does only now and then (a function that is still Pending, a conflict,
a throttled or broken call) is made by the proxy in tests/suite/support/aws.
"""

import copy
import functools
import json
import logging
import re
import sys
import threading
from urllib.parse import unquote

from flask import request
from moto.apigateway import exceptions as gateway_errors
from moto.apigateway import models as gateway
from moto.apigateway import urls as gateway_urls
from moto.apigateway.responses import APIGatewayResponse
from moto.awslambda import exceptions as lambda_errors
from moto.awslambda import models as functions
from moto.awslambda.policy import Policy
from moto.awslambda.responses import LambdaResponse
from moto.core.utils import iso_8601_datetime_with_nanoseconds
from moto.logs import exceptions as logs_errors
from moto.logs import models as logs
from moto.sts import models as sts
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def corrects(owner, name):
    """The function takes the place of the owner's method of this name, which it gets as its first argument."""

    def put(correction):
        old = getattr(owner, name)
        setattr(owner, name, functools.wraps(old)(lambda *args, **named: correction(old, *args, **named)))
        return correction

    return put


# --- Lambda --------------------------------------------------------------------------------------------------------


class ResourceConflict(lambda_errors.LambdaClientError):
    code = 409

    def __init__(self, message):
        super().__init__("ResourceConflictException", message)


functions.ConflictException = ResourceConflict  # the code that AWS gives to `Alias already exists`


@corrects(functions.LambdaStorage, "put_function")
def names_are_checked(old, self, fn):
    pattern = r"[a-zA-Z0-9-_]{1,64}"
    if not re.fullmatch(pattern, fn.function_name):
        raise lambda_errors.LambdaClientError(
            "ValidationException",
            f"1 validation error detected: Value '{fn.function_name}' at 'functionName' failed to satisfy "
            f"constraint: Member must satisfy regular expression pattern: {pattern}",
        )
    return old(self, fn)


@corrects(functions.LambdaFunction, "update_function_code")
def code_comes_with_its_architecture(old, self, spec):
    if not spec.get("DryRun"):
        self.architectures = spec.get("Architectures") or self.architectures
        self.last_modified = iso_8601_datetime_with_nanoseconds()
    return old(self, spec)


@corrects(functions.LambdaFunction, "update_configuration")
def updates_are_dated(old, self, updates):
    self.last_modified = iso_8601_datetime_with_nanoseconds()
    return old(self, updates)


@corrects(functions.LambdaStorage, "publish_version")
def equal_versions_are_one_and_numbers_come_once(_, self, name_or_arn, description=""):
    function = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
    volatile = ("FunctionArn", "LastModified", "State", "LastUpdateStatus", "Version")
    state = {k: v for k, v in function.get_configuration().items() if k not in volatile}
    entry = self._functions[function.function_name]
    if entry["versions"] and entry["versions"][-1].published == state:
        return entry["versions"][-1]
    entry["numbers"] = entry.get("numbers", 0) + 1
    version = copy.copy(function)
    version.set_version(entry["numbers"])
    version.description = description or function.description
    version.published = copy.deepcopy(state)
    entry["versions"].append(version)
    self._arns[version.function_arn] = version
    return version


@corrects(functions.LambdaStorage, "del_function")
def versions_in_use_stay(old, self, name_or_arn, qualifier=None):
    if qualifier:
        users = [a.name for a in self.list_aliases(name_or_arn) if a.function_version == qualifier]
        if users:
            raise ResourceConflict(
                f"Unable to delete version because the following aliases reference it: [{', '.join(users)}]"
            )
    return old(self, name_or_arn, qualifier)


def statements(backend, name, qualifier):
    """All statements about the function, and those among them that are about this qualifier (or none)."""
    policy = backend.get_function(name, qualifier).policy
    resource = backend.get_function(name).function_arn + (f":{qualifier}" if qualifier else "")
    return policy, [s for s in policy.statements if s["Resource"] == resource]


@corrects(functions.LambdaBackend, "add_permission")
def statement_ids_are_unique(old, self, name, qualifier, raw):
    sid = json.loads(raw)["StatementId"]
    if any(s["Sid"] == sid for s in statements(self, name, qualifier)[1]):
        raise ResourceConflict(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement."
        )
    return old(self, name, qualifier, raw)


@corrects(Policy, "decode_policy")
def urls_are_conditions(old, self, obj):
    parsed = old(self, obj)
    for statement in parsed.statements:
        condition = statement.setdefault("Condition", {})
        if kind := statement.pop("FunctionUrlAuthType", None):
            condition["StringEquals"] = {"lambda:FunctionUrlAuthType": kind}
        if statement.pop("InvokedViaFunctionUrl", None):
            condition["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
        if not condition:
            del statement["Condition"]
    return parsed


@corrects(functions.FunctionUrlConfig, "__init__")
def urls_lead_to_the_proxy(old, self, *args, **named):
    old(self, *args, **named)
    self.url = f"http://{request.host}/lambda-url/{self.url.removeprefix('https://').split('.')[0]}/"


@corrects(functions.FunctionUrlConfig, "update")
def cors_can_be_taken_away(old, self, config):
    old(self, config)
    if config.get("Cors") == {}:
        self.config.pop("Cors", None)


@corrects(functions.LambdaBackend, "get_policy")
def each_qualifier_has_its_policy(_, self, name, qualifier=None):
    policy, own = statements(self, name, qualifier)
    if not own:
        raise lambda_errors.GenericResourcNotFound()
    document = {"Version": "2012-10-17", "Id": "default", "Statement": own}
    return json.dumps({"Policy": json.dumps(document), "RevisionId": policy.revision})


@corrects(LambdaResponse, "remove_permission")
def permissions_are_removed_by_qualifier(_, self):
    *_, name, _, sid = unquote(self.path).split("/")
    policy, own = statements(self.backend, name, self.querystring.get("Qualifier", [None])[0])
    found = [s for s in own if s["Sid"] == sid]
    if not found:
        raise lambda_errors.UnknownPolicyException()
    policy.statements.remove(found[0])
    return 204, {"status": 204}, "{}"


# --- API Gateway ---------------------------------------------------------------------------------------------------


@corrects(gateway.APIGatewayBackend, "delete_rest_api")
def apis_with_a_domain_stay(old, self, function_id):
    for name in self.domain_names:
        mappings = self.base_path_mappings.get(name, {}).values()
        if any(mapping.rest_api_id == function_id for mapping in mappings):
            raise gateway_errors.BadRequestException(
                "Please remove all base path mappings related to stages in this API before deleting"
            )
    return old(self, function_id)


@corrects(gateway.APIGatewayBackend, "create_resource")
def siblings_differ(old, self, function_id, parent_resource_id, path_part):
    for resource in self.get_resources(function_id):
        if resource.parent_id == parent_resource_id and resource.path_part == path_part:
            raise gateway_errors.ConflictException(
                f"Another resource with the same parent already has this name: {path_part}"
            )
    return old(self, function_id, parent_resource_id, path_part)


@corrects(gateway.APIGatewayBackend, "put_method")
def methods_are_put_once(old, self, function_id, resource_id, method_type, *args, **named):
    if method_type in self.get_resource(function_id, resource_id).resource_methods:
        raise gateway_errors.ConflictException("Method already exists for this resource")
    return old(self, function_id, resource_id, method_type, *args, **named)


@corrects(APIGatewayResponse, "get_resources")
def methods_are_told_when_asked(old, self):
    reply = json.loads(old(self))
    if "methods" not in self.querystring.get("embed", []):
        for resource in reply["item"]:
            resource["resourceMethods"] = {method: {} for method in resource.get("resourceMethods", {})}
    return json.dumps(reply)


@corrects(gateway.RestAPI, "create_deployment")
def stages_keep_what_they_have(old, self, name, description, stage_variables=None):
    stage = self.stages.get(name)
    deployment = old(self, name, description, stage_variables)
    if stage:
        stage.deployment_id = deployment.id
        self.stages[name] = stage
    return deployment


@corrects(gateway.RestAPI, "apply_patch_operations")
def compression_can_be_changed(old, self, patch_operations):
    for operation in patch_operations:
        if operation["path"] == "/minimumCompressionSize":
            self.minimum_compression_size = int(operation["value"])
    old(self, [operation for operation in patch_operations if operation["path"] != "/minimumCompressionSize"])


@corrects(gateway.RestAPI, "delete_deployment")
def deployments_without_a_stage_go(_, self, deployment_id):
    if deployment_id not in self.deployments:
        raise gateway_errors.DeploymentNotFoundException()
    if any(stage.deployment_id == deployment_id for stage in self.stages.values()):
        raise gateway_errors.StageStillActive()
    return self.deployments.pop(deployment_id)


@corrects(APIGatewayResponse, "get_gateway_responses")
def gateway_responses_have_defaults(old, self):
    status, headers, body = old(self)
    items = json.loads(body)["item"]
    known = {item["responseType"] for item in items}
    for kind in {"DEFAULT_4XX", "DEFAULT_5XX"} - known:
        template = {"application/json": '{"message":$context.error.messageString}'}
        items.append(
            {"responseType": kind, "responseParameters": {}, "responseTemplates": template, "defaultResponse": True}
        )
    return status, headers, json.dumps({"item": items})


@corrects(gateway.ApiKey, "to_json")
def stage_keys_are_texts(old, self):
    keys = [k if isinstance(k, str) else f"{k['restApiId']}/{k['stageName']}" for k in self.stage_keys]
    return {**old(self), "stageKeys": keys}


@corrects(gateway.ApiKey, "update_operations")
def keys_take_stages(old, self, operations):
    for operation in operations:
        if operation["path"] != "/stages":
            old(self, [operation])
        elif operation["op"] == "remove":
            self.stage_keys = [k for k in self.to_json()["stageKeys"] if k != operation["value"]]
        elif operation["value"] not in self.to_json()["stageKeys"]:
            self.stage_keys = [*self.to_json()["stageKeys"], operation["value"]]
    return self


def check_stages(backend, stages, plan):
    for stage in stages:
        api = backend.apis.get(stage["apiId"])
        if not api or stage["stage"] not in api.stages:
            raise gateway_errors.BadRequestException(
                f"Invalid API Stage {{api: {stage['apiId']}, stage: {stage['stage']}}} specified for usageplan {plan}"
            )


@corrects(gateway.APIGatewayBackend, "create_usage_plan")
def new_plans_name_stages_that_are_there(old, self, payload):
    check_stages(self, payload.get("apiStages") or [], payload["name"])
    return old(self, payload)


@corrects(gateway.APIGatewayBackend, "update_usage_plan")
def plans_name_stages_that_are_there_once(old, self, usage_plan_id, operations):
    for operation in operations:
        if operation["path"] == "/apiStages":
            api, _, name = operation["value"].partition(":")
            stage = {"apiId": api, "stage": name}
            there = stage in self.get_usage_plan(usage_plan_id).api_stages
            if operation["op"] == "add":
                check_stages(self, [stage], usage_plan_id)
                if there:  # AWS's words are not known
                    raise gateway_errors.ConflictException(f"{operation['value']} is already in the usage plan")
            elif not there:
                raise gateway_errors.BadRequestException("Invalid API Stage specified")
        elif operation["path"].startswith("/throttle/"):
            operation["value"] = str(int(float(operation["value"])))  # moto takes whole numbers only
    return old(self, usage_plan_id, operations)


@corrects(gateway.APIGatewayBackend, "delete_usage_plan")
def plans_with_stages_stay(old, self, usage_plan_id):
    for stage in self.get_usage_plan(usage_plan_id).api_stages:
        raise gateway_errors.BadRequestException(
            f"Cannot delete Usage Plan {usage_plan_id} because there are API Stages associated with it, including "
            f"{stage['apiId']}:{stage['stage']}"
        )
    self.usage_plan_keys.pop(usage_plan_id, None)
    return old(self, usage_plan_id)


@corrects(gateway.APIGatewayBackend, "create_usage_plan_key")
def keys_join_a_plan_once(old, self, usage_plan_id, payload):
    self.get_usage_plan(usage_plan_id)
    if payload["keyId"] in self.usage_plan_keys.get(usage_plan_id, {}):  # AWS's words are not known
        raise gateway_errors.ConflictException(f"{payload['keyId']} is already in the usage plan")
    return old(self, usage_plan_id, payload)


@corrects(gateway.APIGatewayBackend, "delete_api_key")
def deleted_keys_leave_their_plans(old, self, api_key_id):
    for keys in self.usage_plan_keys.values():
        keys.pop(api_key_id, None)
    return old(self, api_key_id)


gateway_urls.url_paths["{0}/tags/(?P<resourceArn>.+)$"] = APIGatewayResponse.dispatch


def tagged(response):
    """What the ARN in the request's path names."""
    arn = unquote(response.path.split("/tags/")[1])
    match arn.split("::/")[-1].split("/"):
        case ["restapis", api]:
            return response.backend.get_rest_api(api)
        case ["restapis", api, "stages", stage]:
            return response.backend.get_stage(api, stage)
        case ["apikeys", key]:
            return response.backend.get_api_key(key)
        case ["usageplans", plan]:
            return response.backend.get_usage_plan(plan)
    raise gateway_errors.NotFoundException(f"Invalid resource: {arn}")


@corrects(APIGatewayResponse, "get_tags")
def tags_of_all(_, self):
    return json.dumps({"tags": tagged(self).tags or {}})


@corrects(APIGatewayResponse, "tag_resource")
def tags_for_all(_, self):
    thing = tagged(self)
    thing.tags = {**(thing.tags or {}), **self._get_param("tags")}
    return 204, {"status": 204}, ""


@corrects(APIGatewayResponse, "untag_resource")
def tags_from_all(_, self):
    thing = tagged(self)
    thing.tags = {k: v for k, v in (thing.tags or {}).items() if k not in self.querystring.get("tagKeys", [])}
    return 204, {"status": 204}, ""


# --- IAM and STS -----------------------------------------------------------------------------------------------------


@corrects(sts.STSBackend, "get_caller_identity")
def users_are_iam_s(old, self, *args):
    user, arn, account = old(self, *args)
    return user, arn.replace(":sts::", ":iam::") if ":user/" in arn else arn, account


# --- all lists that AWS gives in pages --------------------------------------------------------------------------------


def in_pages(owner, name, items, limit, position, following, size):
    """The replies of this call hold `items` in pages of `size`, or as few as `limit` asks for."""

    @corrects(owner, name)
    def page(old, self):
        reply = old(self)
        head, body = (reply[:-1], reply[-1]) if isinstance(reply, tuple) else ((200, {}), reply)
        document = json.loads(body)
        start = int(self.querystring.get(position, [0])[0])
        end = start + min(size, int(self.querystring.get(limit, [size])[0]))
        if end < len(document[items]):
            document[following] = str(end)
        document[items] = document[items][start:end]
        return (*head, json.dumps(document))


PAGE = int(sys.argv[1]) if len(sys.argv) > 1 else 25
for call in ("get_rest_apis", "get_resources", "get_deployments", "get_api_keys", "get_usage_plans",
             "get_usage_plan_keys", "get_gateway_responses"):  # fmt: skip
    in_pages(APIGatewayResponse, call, "item", "limit", "position", "position", PAGE)
for call, name in (("functions", "Functions"), ("versions_by_function", "Versions"), ("aliases", "Aliases")):
    in_pages(LambdaResponse, f"list_{call}", name, "MaxItems", "Marker", "NextMarker", PAGE)


# --- CloudWatch Logs -------------------------------------------------------------------------------------------------

RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


@corrects(logs.LogsBackend, "put_retention_policy")
def retention_is_one_of_a_list(old, self, log_group_name, retention_in_days):
    if int(retention_in_days) not in RETENTION:
        raise logs_errors.InvalidParameterException(
            f"1 validation error detected: Value '{retention_in_days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: {list(RETENTION)}"
        )
    return old(self, log_group_name, retention_in_days)


# The host names of hundreds of services are searched for each request: what was found stays.
DomainDispatcherApplication.get_backend_for_host = functools.cache(DomainDispatcherApplication.get_backend_for_host)


@corrects(functions.LambdaFunction, "get_code")
def code_can_be_downloaded(old, self):
    found = old(self)
    place = f"{self.account_id}/{self.region}/{self.function_name}/{self.version}"
    found["Code"] = {"RepositoryType": "S3", "Location": f"http://{request.host}/_code/{place}"}
    return found


class WithDownloads:
    """The zips of functions, at the addresses that they have."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if not path.startswith("/_code/"):
            return self.app(environ, start_response)
        account, region, name, version = path.removeprefix("/_code/").split("/")
        code = functions.get_backend(account, region).get_function(name, version).code_bytes
        start_response("200 OK", [("Content-Type", "application/zip"), ("Content-Length", str(len(code)))])
        return [code]


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = WithDownloads(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
