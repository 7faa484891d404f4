"""Makes what is none of lamed's, under names that look like its own."""

import json

import boto3

from call import zipped

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def main():
    iam, functions, gateway, logs = map(boto3.client, ("iam", "lambda", "apigateway", "logs"))
    for name in ("lamed-tracker", "lamedo", "my-lamed"):
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        function = functions.create_function(
            FunctionName=name, Runtime="python3.13", Role=role, Handler="main.handler", Code={"ZipFile": zipped(name)}, Publish=True
        )
        functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        logs.create_log_group(logGroupName=f"/aws/lambda/{name}")

        api = gateway.create_rest_api(name=name)["id"]
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        track = gateway.create_resource(restApiId=api, parentId=root, pathPart="track")["id"]
        method = {"restApiId": api, "resourceId": track, "httpMethod": "GET"}
        gateway.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
        uri = f"arn:aws:apigateway:{boto3.Session().region_name}:lambda:path/2015-03-31/functions/{function['FunctionArn']}/invocations"
        gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        gateway.create_deployment(restApiId=api, stageName="prod")
        key = gateway.create_api_key(name=name, enabled=True)["id"]
        plan = gateway.create_usage_plan(name=name, apiStages=[{"apiId": api, "stage": "prod"}])["id"]
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")


if __name__ == "__main__":
    main()
