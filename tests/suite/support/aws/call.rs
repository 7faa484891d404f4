//! A call to AWS, as read from its request.

use hyper::body::Bytes;
use hyper::http::request::Parts;

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The service and the operation: `lambda:CreateFunction`.
    pub action: String,
    pub method: String,
    /// With the query.
    pub path: String,
    pub body: String,
    /// The access key that signed it.
    pub key: String,
    /// Of the reply; none where the connection was cut.
    pub status: Option<u16>,
}

impl Call {
    /// Or why it is none that this knows.
    pub fn read(head: &Parts, body: &Bytes) -> Result<Self, String> {
        let body = String::from_utf8_lossy(body).into_owned();
        let method = head.method.to_string();
        let (key, service) = signature(head).ok_or("no credential scope in `Authorization`")?;
        let segments: Vec<&str> = head.uri.path().split('/').skip(1).collect();
        let operation = match (service, segments.as_slice()) {
            ("iam" | "sts" | "ec2", _) => form_urlencoded::parse(body.as_bytes())
                .find_map(|(name, value)| (name == "Action").then(|| value.into_owned())),
            ("logs" | "dynamodb", _) => (head.headers.get("x-amz-target"))
                .and_then(|target| target.to_str().ok()?.split('.').nth(1))
                .map(str::to_owned),
            ("lambda", [_version, path @ ..]) => lambda(&method, path).map(str::to_owned),
            ("apigateway", path) => gateway(&method, path).map(str::to_owned),
            _ => None,
        };
        let operation = operation.ok_or_else(|| format!("{service}: {method} {}", head.uri))?;
        Ok(Self {
            action: format!("{service}:{operation}"),
            path: head.uri.to_string(),
            key: key.to_owned(),
            status: None,
            method,
            body,
        })
    }

    pub fn service(&self) -> &str {
        self.action.split_once(':').unwrap().0
    }

    pub fn operation(&self) -> &str {
        self.action.split_once(':').unwrap().1
    }

    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        let reads = ["Get", "List", "Describe", "Simulate", "Filter"];
        !reads.iter().any(|verb| self.operation().starts_with(verb))
            && self.json("DryRun") != Some(true.into())
    }

    /// The permission that it needs, as a policy names it: API Gateway's are HTTP methods.
    pub fn permission(&self) -> String {
        match self.action.as_str() {
            "lambda:Invoke" => "lambda:InvokeFunction".to_owned(),
            _ if self.service() == "apigateway" => format!("apigateway:{}", self.method),
            action => action.to_owned(),
        }
    }

    /// A field of a body in JSON.
    pub fn json(&self, field: &str) -> Option<serde_json::Value> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        body.get(field).cloned()
    }
}

/// The access key that the request is signed with, and the service that it is signed for.
fn signature(head: &Parts) -> Option<(&str, &str)> {
    let authorization = head.headers.get("authorization")?.to_str().ok()?;
    let scope = authorization.split("Credential=").nth(1)?.split(',').next();
    let mut scope = scope?.split('/');
    Some((scope.next()?, scope.nth(2)?))
}

fn lambda(method: &str, path: &[&str]) -> Option<&'static str> {
    Some(match (method, path) {
        ("POST", ["functions"]) => "CreateFunction",
        ("GET", ["functions"]) => "ListFunctions",
        ("GET", ["functions", _]) => "GetFunction",
        ("DELETE", ["functions", _]) => "DeleteFunction",
        ("PUT", ["functions", _, "code"]) => "UpdateFunctionCode",
        ("GET", ["functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", ["functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("POST", ["functions", _, "versions"]) => "PublishVersion",
        ("GET", ["functions", _, "versions"]) => "ListVersionsByFunction",
        ("POST", ["functions", _, "aliases"]) => "CreateAlias",
        ("GET", ["functions", _, "aliases"]) => "ListAliases",
        ("GET", ["functions", _, "aliases", _]) => "GetAlias",
        ("PUT", ["functions", _, "aliases", _]) => "UpdateAlias",
        ("DELETE", ["functions", _, "aliases", _]) => "DeleteAlias",
        ("POST", ["functions", _, "policy"]) => "AddPermission",
        ("GET", ["functions", _, "policy"]) => "GetPolicy",
        ("DELETE", ["functions", _, "policy", _]) => "RemovePermission",
        ("POST", ["functions", _, "invocations"]) => "Invoke",
        ("GET", ["functions", _, "concurrency"]) => "GetFunctionConcurrency",
        ("PUT", ["functions", _, "concurrency"]) => "PutFunctionConcurrency",
        ("POST", ["functions", _, "url"]) => "CreateFunctionUrlConfig",
        ("GET", ["functions", _, "url"]) => "GetFunctionUrlConfig",
        ("PUT", ["functions", _, "url"]) => "UpdateFunctionUrlConfig",
        ("DELETE", ["functions", _, "url"]) => "DeleteFunctionUrlConfig",
        ("GET", ["account-settings"]) => "GetAccountSettings",
        ("GET", ["tags", _]) => "ListTags",
        ("POST", ["tags", _]) => "TagResource",
        ("DELETE", ["tags", _]) => "UntagResource",
        _ => return None,
    })
}

fn gateway(method: &str, path: &[&str]) -> Option<&'static str> {
    Some(match path {
        ["restapis", _, "resources", _, "methods", rest @ ..] => {
            return gateway_method(method, rest);
        }
        ["restapis", _, rest @ ..] if !rest.is_empty() => return gateway_part(method, rest),
        _ => match (method, path) {
            ("POST", ["restapis"]) => "CreateRestApi",
            ("GET", ["restapis"]) => "GetRestApis",
            ("GET", ["restapis", _]) => "GetRestApi",
            ("PATCH", ["restapis", _]) => "UpdateRestApi",
            ("DELETE", ["restapis", _]) => "DeleteRestApi",
            ("POST", ["apikeys"]) => "CreateApiKey",
            ("GET", ["apikeys"]) => "GetApiKeys",
            ("GET", ["apikeys", _]) => "GetApiKey",
            ("PATCH", ["apikeys", _]) => "UpdateApiKey",
            ("DELETE", ["apikeys", _]) => "DeleteApiKey",
            ("POST", ["usageplans"]) => "CreateUsagePlan",
            ("GET", ["usageplans"]) => "GetUsagePlans",
            ("GET", ["usageplans", _]) => "GetUsagePlan",
            ("PATCH", ["usageplans", _]) => "UpdateUsagePlan",
            ("DELETE", ["usageplans", _]) => "DeleteUsagePlan",
            ("POST", ["usageplans", _, "keys"]) => "CreateUsagePlanKey",
            ("GET", ["usageplans", _, "keys"]) => "GetUsagePlanKeys",
            ("GET", ["usageplans", _, "keys", _]) => "GetUsagePlanKey",
            ("DELETE", ["usageplans", _, "keys", _]) => "DeleteUsagePlanKey",
            ("GET", ["tags", _]) => "GetTags",
            ("PUT", ["tags", _]) => "TagResource",
            ("DELETE", ["tags", _]) => "UntagResource",
            ("GET", ["account"]) => "GetAccount",
            ("GET", ["domainnames"]) => "GetDomainNames",
            ("GET", ["domainnames", _, "basepathmappings"]) => "GetBasePathMappings",
            _ => return None,
        },
    })
}

/// Below `/restapis/{id}`.
fn gateway_part(method: &str, path: &[&str]) -> Option<&'static str> {
    Some(match (method, path) {
        ("GET", ["resources"]) => "GetResources",
        ("POST", ["resources", _]) => "CreateResource",
        ("GET", ["resources", _]) => "GetResource",
        ("DELETE", ["resources", _]) => "DeleteResource",
        ("GET", ["gatewayresponses"]) => "GetGatewayResponses",
        ("PUT", ["gatewayresponses", _]) => "PutGatewayResponse",
        ("GET", ["gatewayresponses", _]) => "GetGatewayResponse",
        ("PATCH", ["gatewayresponses", _]) => "UpdateGatewayResponse",
        ("DELETE", ["gatewayresponses", _]) => "DeleteGatewayResponse",
        ("POST", ["deployments"]) => "CreateDeployment",
        ("GET", ["deployments"]) => "GetDeployments",
        ("GET", ["deployments", _]) => "GetDeployment",
        ("DELETE", ["deployments", _]) => "DeleteDeployment",
        ("POST", ["stages"]) => "CreateStage",
        ("GET", ["stages"]) => "GetStages",
        ("GET", ["stages", _]) => "GetStage",
        ("PATCH", ["stages", _]) => "UpdateStage",
        ("DELETE", ["stages", _]) => "DeleteStage",
        _ => return None,
    })
}

/// Below `/restapis/{id}/resources/{id}/methods`.
fn gateway_method(method: &str, path: &[&str]) -> Option<&'static str> {
    Some(match (method, path) {
        ("PUT", [_]) => "PutMethod",
        ("GET", [_]) => "GetMethod",
        ("PATCH", [_]) => "UpdateMethod",
        ("DELETE", [_]) => "DeleteMethod",
        ("PUT", [_, "responses", _]) => "PutMethodResponse",
        ("GET", [_, "responses", _]) => "GetMethodResponse",
        ("DELETE", [_, "responses", _]) => "DeleteMethodResponse",
        ("PUT", [_, "integration"]) => "PutIntegration",
        ("GET", [_, "integration"]) => "GetIntegration",
        ("PATCH", [_, "integration"]) => "UpdateIntegration",
        ("DELETE", [_, "integration"]) => "DeleteIntegration",
        ("PUT", [_, "integration", "responses", _]) => "PutIntegrationResponse",
        ("GET", [_, "integration", "responses", _]) => "GetIntegrationResponse",
        ("DELETE", [_, "integration", "responses", _]) => "DeleteIntegrationResponse",
        _ => return None,
    })
}
