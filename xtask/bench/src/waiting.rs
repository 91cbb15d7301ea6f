//! What a waiting sync costs in memory.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{app, connection::HttpConnection, field, proc_files, product::ServerProcess};

/// Waits that are there before: the first ones also fill the process's own stores of memory.
const FIRST: usize = 200;
/// Waits that are measured.
pub(crate) const WAITS: usize = 2_000;
/// How long the server gets to put all of them aside.
const SETTLING: Duration = Duration::from_secs(2);
/// Longer than the measurement.
const WAIT_MS: u64 = 30_000;

/// Opens waiting syncs of so many accounts with empty lists, and says what one of them takes. Says
/// nothing on a machine so slow that the first of them end before the last begin.
///
/// # Errors
/// When a wait is answered at once, or the process may not open so many files.
pub(crate) async fn measure() -> Result<Option<u64>> {
    println!("bench: {WAITS} waiting syncs");
    raise_open_files()?;
    let folder = field::folder()?;
    let (product, _) = ServerProcess::start_product(folder.path(), &[])?;
    let began = Instant::now();
    let mut waits = open(&product, 0, FIRST).await?;
    let before = proc_files::resident_bytes(product.id())?;
    waits.extend(open(&product, FIRST, WAITS).await?);
    let after = proc_files::resident_bytes(product.id())?;
    let answered = waits.iter().filter(|wait| wait.try_read(&mut [0; 1]).is_ok()).count();
    if began.elapsed() > Duration::from_millis(WAIT_MS) {
        println!("bench: the waits ended before all of them were open");
        return Ok(None);
    }
    ensure!(answered == 0, "{answered} of {} waits were answered at once", waits.len());
    Ok(Some(after.saturating_sub(before) / WAITS as u64))
}

/// Lets this process open as many files as it may.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn raise_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("raise the limit of open files")
}

async fn open(product: &ServerProcess, first: usize, count: usize) -> Result<Vec<TcpStream>> {
    let address = product.target.address;
    let mut waits = Vec::with_capacity(count);
    for n in first..first + count {
        let mut stream = TcpStream::connect(address).await.context("connect")?;
        let request = format!(
            "GET /v1/sync?cursor=latest&waitMs={WAIT_MS} HTTP/1.1\r\nHost: {address}\r\n\
             Authorization: Bearer {}\r\n\r\n",
            app::token(&format!("u{n}"))
        );
        stream.write_all(request.as_bytes()).await.context("send a waiting sync")?;
        waits.push(stream);
    }
    // An answer after all of them means that the server has got through them.
    let mut http = HttpConnection::open(address).await?;
    http.call(product.target.page_of("last")).await?;
    tokio::time::sleep(SETTLING).await;
    Ok(waits)
}
