//! The way to AWS: proxies and certificate authorities, where all AWS tools look for them.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::{env, fs};

use aws_config::profile;
use aws_sdk_lambda::primitives::{ByteStream, SdkBody};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Response;
use aws_types::os_shim_internal::{Env, Fs};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::AwsError;
use super::error::root;
use super::upload::Patient;

/// The way of all requests. It goes through the proxies that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`
/// name, and trusts the authorities of `AWS_CA_BUNDLE` or of the profile's `ca_bundle`; else those of `SSL_CERT_FILE`
/// or of the system.
#[derive(Clone)]
pub(super) struct Network {
    context: TlsContext,
    /// What sends requests that no SDK makes: one, so that its connections are used again.
    own: Arc<OnceLock<Connector>>,
}

pub(super) async fn network(profile: Option<&str>) -> Result<Network, AwsError> {
    let trusted = match authorities(profile).await? {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        // The SDK panics about that. Emulators often need no TLS; whoever needs it is told by `root`.
        None if lacks_authorities() => TrustStore::empty(),
        None => TrustStore::default(),
    };
    let context = TlsContext::builder().with_trust_store(trusted).build();
    let context = context.map_err(|error| AwsError::new(format!("cannot set up TLS: {error}")))?;
    Ok(Network {
        context,
        own: Arc::default(),
    })
}

impl Network {
    /// The client of all calls to AWS.
    pub(super) fn client(&self) -> SharedHttpClient {
        let network = self.clone();
        let client = Builder::new().build_with_connector_fn(move |settings, components| {
            network.connector(settings, components)
        });
        SharedHttpClient::new(Patient(client))
    }

    fn connector(
        &self,
        settings: Option<&HttpConnectorSettings>,
        components: Option<&RuntimeComponents>,
    ) -> Connector {
        let mut connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(self.context.clone())
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.build()
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<Response, ConnectorError> {
        let own = self.own.get_or_init(|| self.connector(None, None));
        own.call(request).await
    }

    /// Asks for an address without credentials: the status and the body of the reply, or why there is none.
    pub(super) async fn get(&self, url: &str) -> Result<(u16, String), String> {
        let (status, body) = self.download(url).await?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// The same with a body of any bytes.
    pub(super) async fn download(&self, url: &str) -> Result<(u16, Vec<u8>), String> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request
            .set_uri(url.to_owned())
            .map_err(|error| error.to_string())?;
        let agent = concat!("lamed/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().insert("user-agent", agent);
        let mut reply = (self.send(request).await).map_err(|error| root(&error))?;
        let status = reply.status().as_u16();
        let body = std::mem::replace(reply.body_mut(), SdkBody::taken());
        let body = ByteStream::new(body).collect().await;
        let body = body.map_err(|error| root(&error))?.into_bytes();
        Ok((status, body.to_vec()))
    }
}

/// Whether this system trusts nobody, as small containers do. macOS and Windows always have certificates, and take
/// long to read them.
pub(super) fn lacks_authorities() -> bool {
    cfg!(target_os = "linux") && rustls_native_certs::load_native_certs().certs.is_empty()
}

/// The certificates that are named instead of the system's.
async fn authorities(profile: Option<&str>) -> Result<Option<Vec<u8>>, AwsError> {
    let (name, file) = match env::var("AWS_CA_BUNDLE")
        .ok()
        .filter(|file| !file.is_empty())
    {
        Some(file) => ("AWS_CA_BUNDLE", file),
        None => match of_profile(profile).await {
            Some(file) => ("ca_bundle` in `~/.aws/config", file),
            None => return Ok(None),
        },
    };
    let wrong = |why: String| AwsError::new(format!("`{name}`: cannot use `{file}`: {why}"));
    let pem = fs::read(&file).map_err(|error| wrong(error.to_string()))?;
    // The SDK panics where one of them is none.
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("it contains no certificate in PEM format".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let added = roots.add(certificate);
        added.map_err(|error| wrong(error.to_string()))?;
    }
    Ok(Some(pem))
}

async fn of_profile(profile: Option<&str>) -> Option<String> {
    let profile = profile.map(|profile| Cow::Owned(profile.to_owned()));
    // What is wrong with the files is said with the credentials.
    let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), profile)
        .await
        .ok()?;
    profiles.get("ca_bundle").map(str::to_owned)
}
