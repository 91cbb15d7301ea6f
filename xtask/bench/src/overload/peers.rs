//! Peers that hold the server's memory: readers and writers by drops, and those who say nothing.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result};
use hyper::body::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::watch,
};

use super::{
    flood::READ_ACCOUNTS,
    tally::{Tally, Tasks},
};
use crate::{app, work::HttpTarget};

const READERS: usize = 300;
const WRITERS: usize = 300;
const IDLE: usize = 5_000;
/// What a slow reader takes at a time, what a slow writer gives, and the pause between: a writer's
/// body of 4 MiB would take minutes.
const READ_BYTES: usize = 256;
const WRITE_BYTES: usize = 4 * 1024;
const PAUSE: Duration = Duration::from_millis(100);
/// Small, so that what a reader does not take stays with the server.
const RECEIVE_BYTES: u32 = 4 * 1024;
const BODY_BYTES: usize = 4 * 1024 * 1024;
/// An address of documents, where nobody is: the system says from where it would go there.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
/// Starts of the answers that such peers may get.
const FINE: [&str; 6] = ["200", "403", "408", "413", "429", "503"];
const STATUS_AT: std::ops::Range<usize> = 9..12;

/// Asks for large syncs and reads them by drops.
pub(super) fn start_readers(
    tasks: &mut Tasks,
    target: &HttpTarget,
    stopped: &watch::Receiver<bool>,
) {
    for at in 0..READERS {
        let (address, stopped) = (target.address, stopped.clone());
        let token = app::token(&format!("r{}", at % READ_ACCOUNTS));
        let request = format!(
            "GET /v1/sync?limit=500 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        tasks.spawn(async move {
            let mut tally = Tally::default();
            while !*stopped.borrow() {
                let socket = TcpSocket::new_v4().context("make a socket")?;
                socket.set_recv_buffer_size(RECEIVE_BYTES).context("make a buffer small")?;
                let mut stream = socket.connect(address).await.context("connect")?;
                stream.write_all(request.as_bytes()).await.context("ask for a sync")?;
                // It ends when the server has had enough of us.
                let _ = read_by_drops(&mut stream, &stopped, &mut tally).await;
            }
            Ok(tally)
        });
    }
}

async fn read_by_drops(
    stream: &mut TcpStream,
    stopped: &watch::Receiver<bool>,
    tally: &mut Tally,
) -> io::Result<()> {
    let mut drop = [0; READ_BYTES];
    let mut is_first = true;
    while !*stopped.borrow() {
        let length = stream.read(&mut drop).await?;
        if length == 0 {
            return Ok(());
        }
        if std::mem::take(&mut is_first) {
            note_status(&drop[..length], tally);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Sends bodies by drops: of copies with a wrong sum, and of events with the right key.
pub(super) fn start_writers(
    tasks: &mut Tasks,
    target: &HttpTarget,
    stopped: &watch::Receiver<bool>,
) {
    let stranger = SocketAddr::new(outer_address(), 0);
    for at in 0..WRITERS {
        let (address, stopped) = (target.address, stopped.clone());
        let head = match at % 2 {
            0 => format!(
                "POST /nim/copy HTTP/1.1\r\nAppKey: {}\r\nCurTime: 1\r\nCheckSum: {:040}",
                app::APP_KEY,
                0
            ),
            _ => format!(
                "POST /v1/events HTTP/1.1\r\nContent-Type: application/json\r\n\
                 Authorization: Bearer {}",
                app::INGEST_KEY
            ),
        };
        let head = format!("{head}\r\nHost: bench\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
        tasks.spawn(async move {
            let mut tally = Tally::default();
            let part = Bytes::from(vec![b' '; WRITE_BYTES]);
            while !*stopped.borrow() {
                let socket = TcpSocket::new_v4().context("make a socket")?;
                socket.bind(stranger).context("take another address of this machine")?;
                let mut stream = socket.connect(address).await.context("connect")?;
                stream.write_all(head.as_bytes()).await.context("send a head")?;
                let _ = write_by_drops(&mut stream, &part, &stopped, &mut tally).await;
            }
            Ok(tally)
        });
    }
}

/// Where slow writers are. Loopback, which is all that a machine without a network has, may be a
/// proxy's, so that it may have all room for bodies.
fn outer_address() -> IpAddr {
    let address = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(ELSEWHERE)?;
        socket.local_addr()
    };
    match address() {
        Ok(address) => address.ip(),
        Err(error) => {
            println!("bench: slow writers share the normal client's address: {error}");
            Ipv4Addr::LOCALHOST.into()
        }
    }
}

async fn write_by_drops(
    stream: &mut TcpStream,
    part: &[u8],
    stopped: &watch::Receiver<bool>,
    tally: &mut Tally,
) -> io::Result<()> {
    let mut answer = [0; READ_BYTES];
    while !*stopped.borrow() {
        match tokio::time::timeout(PAUSE, stream.read(&mut answer)).await {
            Ok(length) => {
                note_status(&answer[..length?], tally);
                return Ok(());
            }
            Err(_) => stream.write_all(part).await?,
        }
    }
    Ok(())
}

/// Opens connections on which nothing happens: half of them have made one call.
///
/// # Errors
/// When one cannot be opened.
pub(super) async fn start_idle(
    tasks: &mut Tasks,
    target: &HttpTarget,
    stopped: &watch::Receiver<bool>,
) -> Result<()> {
    let mut idle = Vec::with_capacity(IDLE);
    for at in 0..IDLE {
        let mut stream = TcpStream::connect(target.address).await.context("connect")?;
        if at % 2 == 0 {
            let request = b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n";
            stream.write_all(request).await.context("ask for health")?;
        }
        idle.push(stream);
    }
    let mut stopped = stopped.clone();
    tasks.spawn(async move {
        // An error means that whoever stops us has gone.
        let _ = stopped.changed().await;
        drop(idle);
        Ok(Tally::default())
    });
    Ok(())
}

fn note_status(answer: &[u8], tally: &mut Tally) {
    let status = answer.get(STATUS_AT).and_then(|status| std::str::from_utf8(status).ok());
    match status {
        // Closed without a word, as silent peers are.
        None => {}
        Some("200") => tally.served += 1,
        Some(status) if FINE.contains(&status) => tally.refused += 1,
        Some(status) => tally.note(format!("a slow peer was answered {status}")),
    }
}
