//! A small HTTP/1.1 client that keeps its connection and makes a new one when that broke.

use std::collections::BTreeMap;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub struct Client {
    address: String,
    /// What it says that it asks: the address, unless changed.
    pub host: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// As text.
    pub body: String,
    pub bytes: Bytes,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl Client {
    /// `address` is `127.0.0.1:PORT`.
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            host: address.to_owned(),
            connection: None,
        }
    }

    pub async fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, &[], "").await.unwrap()
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Response {
        self.send("POST", path, &[], body).await.unwrap()
    }

    /// Signs in to the dashboard, as its page does.
    pub async fn sign_in(&mut self, key: &str) -> Response {
        let json = [("content-type", "application/json")];
        let body = serde_json::json!({ "key": key }).to_string();
        let reply = self.send("POST", "/dashboard/session", &json, &body).await;
        reply.unwrap()
    }

    /// Sends one request. `Err` when there is no whole reply.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Response, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let mut connection = match self.connection.take().filter(SendRequest::is_ready) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let response = (connection.send_request(request).await).map_err(|e| e.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        let bytes = body.to_bytes();
        let _ = connection.ready().await;
        self.connection = Some(connection);
        Ok(Response {
            status: head.status.as_u16(),
            headers: (head.headers.iter())
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(&self.address).await;
        let stream = stream.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Ok(sender)
    }
}
