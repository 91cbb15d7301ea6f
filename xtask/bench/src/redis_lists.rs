//! The list as one would keep it in Redis: for each account a sorted set by time and one by
//! version, a hash with the last messages and one with the exts. Scripts, so that each call is one
//! round trip and its writes are one step.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use redis::{
    AsyncCommands as _, AsyncConnectionConfig, Client, Script, aio::MultiplexedConnection,
};

use crate::database::ListRows;

/// How long Redis may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows with their exts, by their ids.
const PAGE: &str = "
    local account = ARGV[1]
    local ids = redis.call('ZREVRANGE', 'time:' .. account, 0, 100, 'WITHSCORES')
    local fields = {}
    for i = 1, #ids, 2 do fields[#fields + 1] = ids[i] end
    if #fields == 0 then return {{}, {}, {}} end
    return {ids, redis.call('HMGET', 'row:' .. account, unpack(fields)),
        redis.call('HMGET', 'ext:' .. account, unpack(fields))}";
const CHANGES: &str = "
    local account = ARGV[1]
    local ids = redis.call('ZRANGEBYSCORE', 'version:' .. account, '(' .. ARGV[2], '+inf',
        'LIMIT', 0, 101)
    if #ids == 0 then return {{}, {}, {}} end
    return {ids, redis.call('HMGET', 'row:' .. account, unpack(ids)),
        redis.call('HMGET', 'ext:' .. account, unpack(ids))}";
const ONE: &str = "
    local account, id = ARGV[1], ARGV[2]
    return {redis.call('ZSCORE', 'time:' .. account, id),
        redis.call('HGET', 'row:' .. account, id), redis.call('HGET', 'ext:' .. account, id)}";
const UPSERT: &str = "
    for i = 1, #ARGV, 4 do
        local account, id, time = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
        local old = redis.call('ZSCORE', 'time:' .. account, id)
        if not old or tonumber(old) < time then
            redis.call('ZADD', 'time:' .. account, time, id)
            redis.call('HSET', 'row:' .. account, id, ARGV[i + 3])
            redis.call('ZADD', 'version:' .. account, redis.call('INCR', 'version'), id)
        end
    end
    return #ARGV / 4";
/// The key of an attempt is kept for ten minutes.
const SET_EXT: &str = "
    local account, id = ARGV[1], ARGV[2]
    if redis.call('SET', 'attempt:' .. account .. ':' .. ARGV[4], 1, 'NX', 'EX', 600) then
        redis.call('HSET', 'ext:' .. account, id, ARGV[3])
        redis.call('ZADD', 'version:' .. account, redis.call('INCR', 'version'), id)
    end
    return {redis.call('ZSCORE', 'time:' .. account, id),
        redis.call('HGET', 'row:' .. account, id), redis.call('HGET', 'ext:' .. account, id)}";

/// A connection with its scripts.
pub(crate) struct RedisLists {
    connection: MultiplexedConnection,
    page: Script,
    changes: Script,
    one: Script,
    upsert: Script,
    set_ext: Script,
}

/// Ids, last messages and exts.
type Rows = (Vec<String>, Vec<String>, Vec<Option<String>>);
/// Time, last message and ext.
type Row = (Option<String>, Option<String>, Option<String>);

impl RedisLists {
    /// Connects.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let client = Client::open(format!("redis://127.0.0.1:{port}")).context("name Redis")?;
        // Its own limits are half a second: a slow machine is no error.
        let patient = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
        Ok(Self {
            connection: connection.context("connect to Redis")?,
            page: Script::new(PAGE),
            changes: Script::new(CHANGES),
            one: Script::new(ONE),
            upsert: Script::new(UPSERT),
            set_ext: Script::new(SET_EXT),
        })
    }

    /// Reads 101 sessions, newest first, and says how many came.
    ///
    /// # Errors
    /// Redis's, as of all these.
    pub(crate) async fn page(&mut self, account: &str) -> Result<usize> {
        let mut call = self.page.prepare_invoke();
        let rows: Rows =
            call.arg(account).invoke_async(&mut self.connection).await.context("read a page")?;
        Ok(rows.1.len())
    }

    /// Reads what is newer than a version, and says how many came.
    pub(crate) async fn changes(&mut self, account: &str, after: i64) -> Result<usize> {
        let mut call = self.changes.prepare_invoke();
        let rows: Rows = call
            .arg(account)
            .arg(after)
            .invoke_async(&mut self.connection)
            .await
            .context("read changes")?;
        Ok(rows.1.len())
    }

    pub(crate) async fn newest_version(&mut self, account: &str) -> Result<i64> {
        let key = format!("version:{account}");
        let newest: Vec<(String, i64)> = self
            .connection
            .zrevrange_withscores(key, 0, 0)
            .await
            .context("read the newest version")?;
        Ok(newest.first().map_or(0, |(_, version)| *version))
    }

    pub(crate) async fn one(&mut self, account: &str, id: &str) -> Result<()> {
        let mut call = self.one.prepare_invoke();
        let call = call.arg(account).arg(id);
        let row: Row = call.invoke_async(&mut self.connection).await.context("read a session")?;
        ensure!(row.1.is_some(), "a session is missing");
        Ok(())
    }

    /// Writes rows that are newer than what is there.
    pub(crate) async fn upsert(&mut self, rows: &ListRows) -> Result<()> {
        let mut call = self.upsert.prepare_invoke();
        let ListRows { accounts, ids, times, last_msgs } = rows;
        for (((account, id), time), last_msg) in accounts.iter().zip(ids).zip(times).zip(last_msgs)
        {
            call.arg(account).arg(id).arg(*time).arg(last_msg);
        }
        let _: u64 = call.invoke_async(&mut self.connection).await.context("write rows")?;
        Ok(())
    }

    /// Sets the ext once a key.
    pub(crate) async fn set_ext(
        &mut self,
        account: &str,
        id: &str,
        ext: &str,
        key: &str,
    ) -> Result<()> {
        let mut call = self.set_ext.prepare_invoke();
        let call = call.arg(account).arg(id).arg(ext).arg(key);
        let row: Row = call.invoke_async(&mut self.connection).await.context("set the ext")?;
        ensure!(row.1.is_some(), "a session is missing");
        Ok(())
    }
}
