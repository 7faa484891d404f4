"""Gives an API a stage, and puts it with a key into a usage plan.

    second.py API KEY
"""

import sys

import boto3

api, key = sys.argv[1:]
gateway = boto3.client("apigateway")
root = gateway.get_resources(restApiId=api)["items"][0]["id"]
path = gateway.create_resource(restApiId=api, parentId=root, pathPart="track")["id"]
gateway.put_method(restApiId=api, resourceId=path, httpMethod="GET", authorizationType="NONE")
gateway.put_integration(restApiId=api, resourceId=path, httpMethod="GET", type="MOCK")
gateway.create_deployment(restApiId=api, stageName="prod")
plan = gateway.create_usage_plan(name="lamed", apiStages=[{"apiId": api, "stage": "prod"}])["id"]
gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
