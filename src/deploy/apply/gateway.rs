//! The REST API and its stage.

use std::collections::HashMap;

use aws_sdk_apigateway::types::{
    EndpointConfiguration, EndpointType, GatewayResponseType, IntegrationType, Op, PatchOperation,
};

use tokio::time::Instant;

use super::functions::tags;
use super::{AwsError, Step, Work};
use crate::deploy::desired::{COMPRESSED_FROM, DesiredMethod, Throttle};
use crate::deploy::plan::mapped;
use crate::deploy::read;

impl Work<'_> {
    pub(super) async fn rest_api(&self, step: &Step) -> Result<(), AwsError> {
        match step {
            Step::CreateApi => self.create_api().await,
            Step::SetCompression => self.set_compression().await,
            Step::CreateResource(path) => self.create_resource(path).await,
            Step::PutMethod {
                path,
                verb,
                replace,
            } => self.put_method(path, verb, *replace).await,
            Step::PutIntegration { path, verb } => self.put_integration(path, verb).await,
            Step::PutPreflight { path, replace } => self.put_preflight(path, *replace).await,
            Step::PutGatewayResponse(kind) => self.put_gateway_response(kind).await,
            Step::DeleteResource(path) => {
                let (api, resource) = (self.api()?, self.resource(path)?);
                let gateway = &self.aws.apigateway;
                let delete = async || {
                    gateway
                        .delete_resource()
                        .rest_api_id(&api)
                        .resource_id(&resource)
                        .send()
                        .await
                };
                self.aws.remove("apigateway:DeleteResource", delete).await
            }
            Step::Deploy(description) => self.deploy(description).await,
            Step::SetThrottle(throttle) => self.set_throttle(*throttle).await,
            Step::TagApi | Step::TagStage | Step::TagKey | Step::TagUsagePlan => {
                self.tag(step).await
            }
            _ => self.key_and_plan(step).await,
        }
    }

    pub(super) fn api(&self) -> Result<String, AwsError> {
        self.known("REST API", |made| made.api.clone())
    }

    fn resource(&self, path: &str) -> Result<String, AwsError> {
        self.known(&format!("path /{path}"), |made| {
            made.resources.get(path).cloned()
        })
    }

    async fn create_api(&self) -> Result<(), AwsError> {
        let (aws, gateway) = (self.aws, &self.aws.apigateway);
        let desired = self.desired()?;
        let name = desired.name.as_str();
        let create = async || {
            let endpoint = EndpointConfiguration::builder().types(EndpointType::Regional);
            let create = gateway
                .create_rest_api()
                .name(name)
                .description(read::DESCRIPTION)
                .minimum_compression_size(COMPRESSED_FROM);
            let create = create.endpoint_configuration(endpoint.build());
            let made = create.set_tags(tags(&desired.tags)).send().await?;
            Ok((made.id, made.root_resource_id))
        };
        let find = async || {
            let first = read::first_api(aws, name).await?;
            Ok(first.map(|api| (api.id, api.root_resource_id)))
        };
        let (id, root) = aws.create("apigateway:CreateRestApi", create, find).await?;
        let id = id.ok_or_else(|| AwsError::new("AWS returned no ID for the REST API"))?;
        let root = match root {
            Some(root) => Some(root),
            None => read::resources(aws, &id)
                .await?
                .remove("")
                .map(|resource| resource.id),
        };
        let mut made = self.made();
        made.own.api = Some(id.clone());
        (made.api, made.root) = (Some(id), root);
        Ok(())
    }

    async fn set_compression(&self) -> Result<(), AwsError> {
        let api = self.api()?;
        let patch = PatchOperation::builder()
            .op(Op::Replace)
            .path("/minimumCompressionSize")
            .value(COMPRESSED_FROM.to_string())
            .build();
        let update = async || {
            let update = self.aws.apigateway.update_rest_api().rest_api_id(&api);
            update.patch_operations(patch.clone()).send().await
        };
        self.aws
            .call("apigateway:UpdateRestApi", update)
            .await
            .map(drop)
    }

    async fn create_resource(&self, path: &str) -> Result<(), AwsError> {
        let (aws, gateway) = (self.aws, &self.aws.apigateway);
        let api = self.api()?;
        let root = self.known("root resource", |made| made.root.clone())?;
        let create = async || {
            let create = gateway.create_resource().rest_api_id(&api).parent_id(&root);
            let made = create.path_part(path).send().await?;
            Ok(made.id)
        };
        let find = async || {
            let mut resources = read::resources(aws, &api).await?;
            Ok(resources.remove(path).map(|resource| Some(resource.id)))
        };
        let id = aws
            .create("apigateway:CreateResource", create, find)
            .await?;
        let id =
            id.ok_or_else(|| AwsError::new(format!("AWS returned no ID for the path /{path}")))?;
        self.made().resources.insert(path.to_owned(), id);
        Ok(())
    }

    fn method(&self, path: &str, verb: &str) -> Result<&DesiredMethod, AwsError> {
        let mut methods = self.desired()?.methods.iter();
        methods
            .find(|method| method.path == path && method.verb == verb)
            .ok_or_else(|| AwsError::new(format!("the config does not describe {verb} /{path}")))
    }

    /// Replaced rather than patched: the stage serves what was deployed, so nobody sees it gone.
    async fn delete_method(&self, path: &str, verb: &str) -> Result<(), AwsError> {
        let (api, resource) = (self.api()?, self.resource(path)?);
        let delete = async || {
            let delete = self.aws.apigateway.delete_method().rest_api_id(&api);
            delete.resource_id(&resource).http_method(verb).send().await
        };
        self.aws.remove("apigateway:DeleteMethod", delete).await
    }

    async fn put_method(&self, path: &str, verb: &str, replace: bool) -> Result<(), AwsError> {
        if replace {
            self.delete_method(path, verb).await?;
        }
        let wanted = self.method(path, verb)?;
        let (api, resource) = (self.api()?, self.resource(path)?);
        let parameters: HashMap<String, bool> =
            wanted.request_parameters.clone().into_iter().collect();
        let put = async || {
            let put = self
                .aws
                .apigateway
                .put_method()
                .rest_api_id(&api)
                .resource_id(&resource);
            put.http_method(verb)
                .authorization_type("NONE")
                .api_key_required(wanted.key_required)
                .set_request_parameters((!parameters.is_empty()).then(|| parameters.clone()))
                .send()
                .await
        };
        self.aws.ensure("apigateway:PutMethod", put).await?;
        self.put_integration(path, verb).await
    }

    async fn put_integration(&self, path: &str, verb: &str) -> Result<(), AwsError> {
        let uri = self.account.integration(&self.method(path, verb)?.function);
        let (api, resource) = (self.api()?, self.resource(path)?);
        let put = async || {
            let put = self.aws.apigateway.put_integration().rest_api_id(&api);
            put.resource_id(&resource)
                .http_method(verb)
                .r#type(IntegrationType::AwsProxy)
                // Lambda is always called by POST.
                .integration_http_method("POST")
                .uri(&uri)
                .send()
                .await
        };
        self.aws
            .call("apigateway:PutIntegration", put)
            .await
            .map(drop)
    }

    /// OPTIONS is answered by the gateway itself.
    async fn put_preflight(&self, path: &str, replace: bool) -> Result<(), AwsError> {
        const VERB: &str = "OPTIONS";
        if replace {
            self.delete_method(path, VERB).await?;
        }
        let (aws, gateway) = (self.aws, &self.aws.apigateway);
        let (api, resource) = (self.api()?, self.resource(path)?);
        let headers = self
            .desired()?
            .preflights
            .get(path)
            .cloned()
            .unwrap_or_default();
        let headers: HashMap<String, String> = mapped("method.response.header.", &headers)
            .into_iter()
            .collect();
        let declared: HashMap<String, bool> =
            headers.keys().map(|name| (name.clone(), false)).collect();
        let method = async || {
            let put = gateway
                .put_method()
                .rest_api_id(&api)
                .resource_id(&resource);
            put.http_method(VERB)
                .authorization_type("NONE")
                .send()
                .await
        };
        aws.ensure("apigateway:PutMethod", method).await?;
        let integration = async || {
            let put = gateway
                .put_integration()
                .rest_api_id(&api)
                .resource_id(&resource);
            let put = put.http_method(VERB).r#type(IntegrationType::Mock);
            put.request_templates("application/json", r#"{"statusCode": 200}"#)
                .send()
                .await
        };
        aws.call("apigateway:PutIntegration", integration).await?;
        let response = async || {
            let put = gateway
                .put_method_response()
                .rest_api_id(&api)
                .resource_id(&resource);
            let put = put.http_method(VERB).status_code("200");
            put.set_response_parameters(Some(declared.clone()))
                .send()
                .await
        };
        aws.ensure("apigateway:PutMethodResponse", response).await?;
        let response = async || {
            let put = gateway
                .put_integration_response()
                .rest_api_id(&api)
                .resource_id(&resource);
            let put = put.http_method(VERB).status_code("200");
            let put = put.set_response_parameters(Some(headers.clone()));
            put.response_templates("application/json", "").send().await
        };
        aws.call("apigateway:PutIntegrationResponse", response)
            .await
            .map(drop)
    }

    async fn put_gateway_response(&self, kind: &str) -> Result<(), AwsError> {
        let api = self.api()?;
        let headers = mapped("gatewayresponse.header.", &self.desired()?.gateway_headers);
        let headers: HashMap<String, String> = headers.into_iter().collect();
        let put = async || {
            let put = self.aws.apigateway.put_gateway_response().rest_api_id(&api);
            let put = put.response_type(GatewayResponseType::from(kind));
            put.set_response_parameters(Some(headers.clone()))
                .send()
                .await
        };
        self.aws
            .call("apigateway:PutGatewayResponse", put)
            .await
            .map(drop)
    }

    async fn deploy(&self, description: &str) -> Result<(), AwsError> {
        let (aws, gateway) = (self.aws, &self.aws.apigateway);
        let (api, stage) = (self.api()?, self.desired()?.stage);
        self.has_first_api().await?;
        let create = async || {
            let create = gateway
                .create_deployment()
                .rest_api_id(&api)
                .stage_name(stage);
            create.description(description).send().await.map(drop)
        };
        // After a lost reply: the stage tells whether it was the last word.
        let find = async || {
            let there = read::stage(aws, &api, stage).await?;
            Ok(there
                .filter(|there| there.description == description)
                .map(drop))
        };
        aws.create("apigateway:CreateDeployment", create, find)
            .await?;
        self.made().deployed = Some(Instant::now());
        Ok(())
    }

    async fn set_throttle(&self, throttle: Throttle) -> Result<(), AwsError> {
        let (api, stage) = (self.api()?, self.desired()?.stage);
        let replace = |path: &str, value: String| {
            let patch = PatchOperation::builder().op(Op::Replace).path(path);
            patch.value(value).build()
        };
        let update = async || {
            let update = self
                .aws
                .apigateway
                .update_stage()
                .rest_api_id(&api)
                .stage_name(stage);
            update
                .patch_operations(replace(
                    "/*/*/throttling/rateLimit",
                    throttle.rate.to_string(),
                ))
                .patch_operations(replace(
                    "/*/*/throttling/burstLimit",
                    throttle.burst.to_string(),
                ))
                .send()
                .await
        };
        self.aws
            .call("apigateway:UpdateStage", update)
            .await
            .map(drop)
    }

    async fn tag(&self, step: &Step) -> Result<(), AwsError> {
        let desired = self.desired()?;
        let what = match step {
            Step::TagApi => format!("/restapis/{}", self.api()?),
            Step::TagStage => format!("/restapis/{}/stages/{}", self.api()?, desired.stage),
            Step::TagKey => format!("/apikeys/{}", self.known("key", |made| made.key.clone())?),
            _ => {
                let plan = self.known("usage plan", |made| made.usage_plan.clone())?;
                format!("/usageplans/{plan}")
            }
        };
        let arn = self.account.gateway(&what);
        let tag = async || {
            let tag = self.aws.apigateway.tag_resource().resource_arn(&arn);
            tag.set_tags(tags(&desired.tags)).send().await
        };
        self.aws.call("apigateway:TagResource", tag).await.map(drop)
    }
}
