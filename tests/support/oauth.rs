//! A stand-in for the service people log in to, and for the API behind that login, without root and without a network.
//!
//! Claude's login hosts are fixed, but it honours `HTTPS_PROXY` and `NODE_EXTRA_CA_CERTS`. So a proxy on loopback sends
//! every `CONNECT`, whatever its host, to a TLS server on loopback whose certificate the run is told to trust:
//!
//! ```text
//! claude --CONNECT api.anthropic.com:443--> proxy --> TLS server: /v1/oauth/token, /api/oauth/profile, /v1/messages
//! ```
//!
//! A refresh token is honoured once, and slowly, so that two processes that do not coordinate are sure to collide.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fake_api::{Messages, Request, Response};
use super::http::{self, Listener, Stop};

const HOSTS: [&str; 4] = ["platform.claude.com", "api.anthropic.com", "console.anthropic.com", "claude.ai"];

/// How long an exchange of tokens takes: long enough for every process of a test to have read the old one.
const EXCHANGE: Duration = Duration::from_secs(1);

/// The login service. It stops when dropped.
#[derive(Debug)]
pub struct Oauth {
    proxy: Listener,
    _service: Listener,
    desk: Arc<Desk>,
    files: TempDir,
}

impl Oauth {
    /// Starts the TLS server and the proxy in front of it.
    pub fn start() -> Self {
        let files = TempDir::new().unwrap();
        let desk = Arc::new(Desk::default());
        let tls = Arc::new(tls_config(&files.path().join("ca.pem")));
        let service = Listener::start({
            let desk = Arc::clone(&desk);
            move |stream, stop| {
                let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
                http::serve(StreamOwned::new(connection, stream), |request| desk.answer(request, stop));
            }
        });
        let target = service.address();
        let proxy = Listener::start(move |stream, _| {
            let _ = tunnel(stream, target);
        });
        Self { proxy, _service: service, desk, files }
    }

    /// The variables that lead Claude here. They replace those of the same name in `quiet_env`.
    pub fn env(&self) -> Vec<(String, String)> {
        let proxy = format!("http://{}", self.proxy.address());
        let authority = self.files.path().join("ca.pem").to_str().unwrap().to_owned();
        vec![("HTTPS_PROXY".to_owned(), proxy), ("NODE_EXTRA_CA_CERTS".to_owned(), authority)]
    }

    /// Writes a `.credentials.json` whose access token has expired, with a refresh token that nobody has used yet.
    pub fn log_in_expired(&self, store: &Path) {
        let refresh = self.desk.issue_refresh();
        write_credentials(store, "expired", &refresh, 0);
    }

    /// Writes a `.credentials.json` that is good for hours.
    pub fn log_in(&self, store: &Path) {
        let (access, refresh) = (self.desk.issue_access(), self.desk.issue_refresh());
        let expires = now_ms() + 8 * 3600 * 1000;
        write_credentials(store, &access, &refresh, expires);
    }

    /// A refresh token nobody has used yet, as `CLAUDE_CODE_OAUTH_REFRESH_TOKEN` takes it.
    pub fn refresh_token(&self) -> String {
        self.desk.issue_refresh()
    }

    /// How many refresh tokens were honoured.
    pub fn refreshes(&self) -> usize {
        self.desk.tokens.lock().unwrap().honoured
    }

    /// How many refresh tokens came a second time, or were never ours.
    pub fn rejections(&self) -> usize {
        self.desk.tokens.lock().unwrap().rejected
    }

    /// Every request to any host, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        let mut all = self.desk.seen.lock().unwrap().clone();
        all.extend(self.desk.messages.requests());
        all
    }

    /// The bodies of the requests for a message in a conversation.
    pub fn conversation(&self) -> Vec<Value> {
        self.desk.messages.conversation()
    }
}

fn write_credentials(store: &Path, access: &str, refresh: &str, expires_at: u64) {
    let credentials = json!({"claudeAiOauth": {
        "accessToken": access,
        "refreshToken": refresh,
        "expiresAt": expires_at,
        "scopes": ["user:inference", "user:profile", "user:sessions:claude_code"],
        "subscriptionType": "max",
        "rateLimitTier": "default_claude_max_5x",
    }});
    fs::create_dir_all(store).unwrap();
    fs::write(store.join(".credentials.json"), credentials.to_string()).unwrap();
}

/// Whoever answers behind the counter: tokens, the profile, and the messages themselves.
#[derive(Debug, Default)]
struct Desk {
    messages: Messages,
    tokens: Mutex<Tokens>,
    seen: Mutex<Vec<Request>>,
}

#[derive(Debug, Default)]
struct Tokens {
    issued: usize,
    access: BTreeSet<String>,
    /// Refresh tokens that are still good for one use.
    refresh: BTreeSet<String>,
    honoured: usize,
    rejected: usize,
}

impl Desk {
    fn issue_access(&self) -> String {
        let mut tokens = self.tokens.lock().unwrap();
        tokens.issued += 1;
        let token = format!("sk-ant-oat01-test-{}", tokens.issued);
        tokens.access.insert(token.clone());
        token
    }

    fn issue_refresh(&self) -> String {
        let mut tokens = self.tokens.lock().unwrap();
        tokens.issued += 1;
        let token = format!("sk-ant-ort01-test-{}", tokens.issued);
        tokens.refresh.insert(token.clone());
        token
    }

    fn answer(&self, request: Request, stop: &Stop) -> Response {
        if request.route().starts_with("/v1/messages") {
            return if self.knows(&request) {
                self.messages.answer(request, stop)
            } else {
                refusal(401, "authentication_error", "invalid bearer token")
            };
        }
        let response = match request.route() {
            "/v1/oauth/token" => self.exchange(&request.body, stop),
            // Asked before the first questions of a first start: is the service there at all?
            "/api/hello" | "/v1/oauth/hello" => Response::ok(json!({"message": "hello"})),
            "/api/oauth/profile" => Response::ok(profile()),
            "/api/oauth/claude_cli/roles" => Response::ok(
                json!({"organization_role": "admin", "workspace_role": null, "organization_name": "Test"}),
            ),
            _ if request.method == "POST" => Response::ok(json!({})),
            _ => refusal(404, "not_found_error", "no such thing"),
        };
        self.seen.lock().unwrap().push(request);
        response
    }

    fn knows(&self, request: &Request) -> bool {
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        bearer.is_some_and(|token| self.tokens.lock().unwrap().access.contains(token))
    }

    fn exchange(&self, body: &Value, stop: &Stop) -> Response {
        if body["grant_type"] == "refresh_token" {
            let spent = body["refresh_token"].as_str().unwrap_or_default();
            let mut tokens = self.tokens.lock().unwrap();
            if !tokens.refresh.remove(spent) {
                tokens.rejected += 1;
                drop(tokens);
                stop.sleep(EXCHANGE);
                let error = json!({"error": "invalid_grant", "error_description": "Refresh token not found or invalid"});
                return Response::Json(400, error);
            }
            tokens.honoured += 1;
        }
        stop.sleep(EXCHANGE);
        Response::ok(json!({
            "token_type": "Bearer",
            "access_token": self.issue_access(),
            "refresh_token": self.issue_refresh(),
            "expires_in": 28800,
            "scope": body["scope"].as_str().unwrap_or("user:inference user:profile user:sessions:claude_code"),
            "account": {"uuid": ACCOUNT, "email_address": "tester@example.com"},
            "organization": {"uuid": ORGANIZATION, "name": "Test"},
        }))
    }
}

const ACCOUNT: &str = "11111111-1111-4111-8111-111111111111";
const ORGANIZATION: &str = "22222222-2222-4222-8222-222222222222";

fn profile() -> Value {
    json!({
        "account": {"uuid": ACCOUNT, "email": "tester@example.com", "display_name": "Tester", "has_claude_max": true},
        "organization": {
            "uuid": ORGANIZATION,
            "name": "Test",
            "organization_type": "claude_max",
            "rate_limit_tier": "default_claude_max_5x",
        },
    })
}

fn refusal(status: u16, kind: &str, message: &str) -> Response {
    Response::Json(status, json!({"type": "error", "error": {"type": kind, "message": message}}))
}

/// One certificate for every host, which is its own authority; its PEM goes to `authority`.
fn tls_config(authority: &Path) -> ServerConfig {
    let names: Vec<String> = HOSTS.map(str::to_owned).into();
    let certified = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(authority, certified.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap()
}

/// Answers one `CONNECT` and joins the two ends, wherever the client meant to go.
fn tunnel(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let head = http::read_head(&mut client)?;
    if !head.starts_with("CONNECT ") {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
    }
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = from_server.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}
