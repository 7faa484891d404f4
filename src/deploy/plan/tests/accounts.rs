//! Small accounts, as AWS describes them.

use super::*;
use crate::deploy::plan::api;

/// When the account was made so, in milliseconds since 1970.
pub(super) const MADE: i64 = 1_795_000_000_000;

pub(super) fn account() -> Account {
    Account {
        id: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        partition: "aws".to_owned(),
        caller: "arn:aws:iam::123456789012:user/dev".to_owned(),
    }
}

/// One function, one method.
pub(super) fn wants() -> Desired {
    Desired {
        name: "lamed".to_owned(),
        lamed_version: "1.0.0",
        stage: "prod",
        code: Code::new("arm64", Cow::Borrowed(b"zip")),
        code_with_experiments: Code::new("arm64", Cow::Borrowed(b"zip with experiments")),
        settings: Variable {
            name: "SETTINGS",
            value: Secret::new("new"),
        },
        functions: vec![wanted("track")],
        methods: vec![method("track")],
        preflights: BTreeMap::from([(
            "track".to_owned(),
            vec![(
                "Access-Control-Allow-Methods".to_owned(),
                "GET,OPTIONS".to_owned(),
            )],
        )]),
        gateway_headers: vec![("Pragma".to_owned(), "no-cache".to_owned())],
        rest_api: true,
        url: None,
        table: None,
        throttle: None,
        vpc: None,
        tags: BTreeMap::new(),
        role: None,
        boundary: None,
        retention: None,
    }
}

pub(super) fn wanted(name: &str) -> desired::DesiredFunction {
    desired::DesiredFunction {
        name: name.to_owned(),
        handler: format!("lamed.{name}"),
        memory_mb: 128,
        timeout_seconds: 10,
        has_experiments: name == "client",
    }
}

pub(super) fn method(name: &str) -> desired::DesiredMethod {
    desired::DesiredMethod {
        path: name.to_owned(),
        verb: "GET",
        function: name.to_owned(),
        key_required: false,
        request_parameters: BTreeMap::new(),
    }
}

/// The account after `deploy` made it so.
pub(super) fn deployed(desired: &Desired) -> Observed {
    let account = account();
    let mut resources = BTreeMap::new();
    let mut functions = BTreeMap::new();
    let mut log_groups = BTreeMap::new();
    for method in &desired.methods {
        let proxy = Integration {
            kind: "AWS_PROXY".to_owned(),
            uri: Some(account.integration(&method.function)),
            ..Integration::default()
        };
        let mock = Integration {
            kind: "MOCK".to_owned(),
            headers: mapped("method.response.header.", &desired.preflights[&method.path]),
            ..Integration::default()
        };
        let with = |integration| ObservedMethod {
            integration: Some(integration),
            ..ObservedMethod::default()
        };
        let methods = [
            ("GET".to_owned(), with(proxy)),
            ("OPTIONS".to_owned(), with(mock)),
        ];
        let resource = Resource {
            id: format!("id-{}", method.path),
            methods: methods.into(),
        };
        resources.insert(method.path.clone(), resource);
    }
    for function in &desired.functions {
        let configuration = Configuration {
            runtime: RUNTIME.to_owned(),
            handler: function.handler.clone(),
            memory_mb: function.memory_mb,
            timeout_seconds: function.timeout_seconds,
            role: account.role(&desired.name),
            architecture: desired.code_of(function).architecture.clone(),
            code_sha256: desired.code_of(function).sha256.clone(),
            modified: Some(MADE),
            environment: [(
                desired.settings.name.to_owned(),
                desired.settings.value.clone(),
            )]
            .into(),
            vpc: desired.vpc.clone().unwrap_or_default(),
        };
        let source = account.source("api1", desired.stage, "GET", &function.name);
        let function_there = ObservedFunction {
            versions: vec![version(1, "lamed 1.0.0, release 1", &configuration)],
            latest: configuration,
            failed: None,
            aliases: [(LIVE.to_owned(), 1)].into(),
            permissions: [(
                format!("lamed-GET-{}", function.name),
                Permission::Source(source),
            )]
            .into(),
            url: None,
            reserved_concurrency: None,
            tags: desired.marked_tags(),
            ours: true,
        };
        functions.insert(function.name.clone(), function_there);
        log_groups.insert(
            function.name.clone(),
            LogGroup {
                arn: String::new(),
                retention: Some(30),
                tags: BTreeMap::new(),
            },
        );
    }
    let gateway = mapped("gatewayresponse.header.", &desired.gateway_headers);
    let kinds = ["DEFAULT_4XX", "DEFAULT_5XX"];
    Observed {
        spares: Spares::default(),
        role: Some(Role {
            arn: account.role(&desired.name),
            created: MADE,
            boundary: None,
            trust: desired.trust(),
            policies: [(
                desired.policy_name(&account),
                desired.policy(&account, false),
            )]
            .into(),
            attached: Vec::new(),
            tags: desired.marked_tags(),
            elsewhere: Elsewhere::default(),
            ours: true,
        }),
        functions,
        api: Some(RestApi {
            id: "api1".to_owned(),
            root: "root".to_owned(),
            resources,
            gateway_responses: kinds.map(|kind| (kind.to_owned(), gateway.clone())).into(),
            stage: Some(Stage {
                deployment: "deployment1".to_owned(),
                description: format!("lamed 1.0.0 {}", api::digest(desired, &account)),
                throttle: None,
                tags: BTreeMap::new(),
            }),
            is_disabled: false,
            domains: Vec::new(),
            compressed_from: Some(desired::COMPRESSED_FROM),
            tags: BTreeMap::new(),
        }),
        key: Some(ApiKey {
            id: "key1".to_owned(),
            value: Secret::new("value"),
            enabled: true,
            tags: BTreeMap::new(),
        }),
        usage_plan: Some(UsagePlan {
            id: "plan1".to_owned(),
            name: desired.name.clone(),
            stages: vec!["api1:prod".to_owned()],
            keys: vec!["key1".to_owned()],
            tags: BTreeMap::new(),
        }),
        table: None,
        log_groups,
    }
}

pub(super) fn version(number: u64, description: &str, configuration: &Configuration) -> Version {
    Version {
        number,
        description: description.to_owned(),
        modified: String::new(),
        configuration: configuration.clone(),
    }
}

pub(super) fn python() -> Configuration {
    Configuration {
        runtime: "python3.8".to_owned(),
        ..deployed(&wants()).functions["track"].latest.clone()
    }
}
