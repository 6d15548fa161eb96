//! As much of HTTP/1.1 as Claude's client speaks, over anything that reads and writes: a plain socket or a TLS stream.
//!
//! [`Listener`] owns the accept loop and every open connection, and ends them all when dropped, so no test leaves a
//! thread waiting on a socket.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One request as it arrived. Header names are lower case; a body that is not JSON is a JSON string of its text.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// With its query, as sent.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Request {
    /// The path without its query.
    pub fn route(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An answer: a whole body, or a stream of server-sent events, each flushed by itself.
#[derive(Debug, Clone)]
pub enum Response {
    Json(u16, Value),
    Events(Vec<String>),
}

impl Response {
    pub fn ok(body: Value) -> Self {
        Self::Json(200, body)
    }
}

/// Set when the listener is going away; handlers that sleep look at it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Sleeps for `time`, or until the listener goes away.
    pub fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_set() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(Duration::from_millis(20)));
        }
    }
}

/// A loopback listener with a thread for each connection.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    stop: Stop,
    open: Arc<Mutex<HashMap<u64, TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds a free loopback port and gives every connection to `serve`, on a thread of its own.
    pub fn start(serve: impl Fn(TcpStream, &Stop) + Send + Sync + 'static) -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Stop::default();
        let open: Arc<Mutex<HashMap<u64, TcpStream>>> = Arc::default();
        let serve = Arc::new(serve);
        let accepting = thread::spawn({
            let (stop, open) = (stop.clone(), Arc::clone(&open));
            let ids = AtomicU64::new(0);
            move || {
                for stream in socket.incoming() {
                    if stop.is_set() {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let Ok(handle) = stream.try_clone() else {
                        continue;
                    };
                    let id = ids.fetch_add(1, Ordering::Relaxed);
                    open.lock().unwrap().insert(id, handle);
                    let (serve, stop, open) = (Arc::clone(&serve), stop.clone(), Arc::clone(&open));
                    thread::spawn(move || {
                        serve(stream, &stop);
                        if let Some(handle) = open.lock().unwrap().remove(&id) {
                            let _ = handle.shutdown(Shutdown::Both);
                        }
                    });
                }
            }
        });
        Self { address, stop, open, accepting: Some(accepting) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for (_, stream) in self.open.lock().unwrap().drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Answers requests on one connection until the client closes it. Errors of the transport end the connection quietly.
pub fn serve(mut stream: impl Read + Write, answer: impl Fn(Request) -> Response) {
    let mut reader = Reader::default();
    while let Ok(Some(request)) = reader.request(&mut stream) {
        let head_only = request.method == "HEAD";
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let response = answer(request);
        if write(&mut stream, &response, head_only).is_err() || close {
            return;
        }
    }
}

/// Reads the head of a request and nothing after it: what a proxy needs of a `CONNECT`.
pub fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Bytes that arrived and were not used yet.
#[derive(Default)]
struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    fn request(&mut self, stream: &mut (impl Read + Write)) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if !self.more(stream)? {
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let mut request = Request {
            method: first.next().unwrap_or_default().to_owned(),
            path: first.next().unwrap_or_default().to_owned(),
            headers: lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: Value::Null,
        };
        if request.header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let bytes = self.body(stream, &request)?;
        request.body =
            serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        Ok(Some(request))
    }

    fn body(&mut self, stream: &mut impl Read, request: &Request) -> io::Result<Vec<u8>> {
        let chunked = request
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        if !chunked {
            let length = request.header("content-length").and_then(|value| value.parse().ok());
            return self.take(stream, length.unwrap_or(0));
        }
        let mut body = Vec::new();
        loop {
            let line = self.line(stream)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            body.extend(self.take(stream, size)?);
            let _ = self.line(stream)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn line(&mut self, stream: &mut impl Read) -> io::Result<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.more(stream)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn take(&mut self, stream: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if !self.more(stream)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    fn more(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        let mut part = [0; 16 * 1024];
        let count = stream.read(&mut part)?;
        self.buffer.extend_from_slice(&part[..count]);
        Ok(count > 0)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn write(stream: &mut impl Write, response: &Response, head_only: bool) -> io::Result<()> {
    match response {
        Response::Json(status, body) => {
            let body = body.to_string();
            write!(
                stream,
                "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                reason(*status),
                body.len()
            )?;
            if !head_only {
                stream.write_all(body.as_bytes())?;
            }
        }
        Response::Events(events) => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
                transfer-encoding: chunked\r\n\r\n",
            )?;
            for event in events {
                write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
                stream.flush()?;
            }
            stream.write_all(b"0\r\n\r\n")?;
        }
    }
    stream.flush()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        429 => "Too Many Requests",
        529 => "Overloaded",
        _ => "Status",
    }
}
