//! The tables of a keyspace: made, and checked, so that a wrong or older schema is refused.

use huihua_store::Error;
use scylla::client::session::Session;

use crate::failure::unavailable;

/// The version of `schema.cql`, kept in the table `meta`. A change of the tables takes a new one.
const SCHEMA_VERSION: &str = "1";
const SCHEMA_KEY: &str = "schema";

/// Where a keyspace's copies are.
#[derive(Debug, Clone)]
pub struct Replication {
    /// Data centres, each with its number of copies.
    pub copies: Vec<(String, u32)>,
}

/// Options of every table: compaction for rows that are overwritten all the time, small chunks for
/// reads of one row. Chosen by the prototype's measurements.
const TABLE_OPTIONS: &str = "compaction = {'class': 'UnifiedCompactionStrategy', \
     'scaling_parameters': 'L4'} \
     AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 4} \
     AND speculative_retry = '99p'";

/// Tells whether a text is a keyspace's name without quotes: it goes into statements as it is.
pub(crate) fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    letters && (1..=48).contains(&text.len()) && text.as_bytes()[0].is_ascii_lowercase()
}

fn refuse_name(keyspace: &str) -> Result<(), Error> {
    if is_name(keyspace) {
        return Ok(());
    }
    Err(unavailable("a keyspace's name has 1 to 48 small letters, digits and _, a letter first"))
}

/// The statements of `schema.cql` without comments, each for this keyspace.
pub(crate) fn tables(keyspace: &str) -> Vec<String> {
    let lines = include_str!("schema.cql").lines();
    let text: Vec<&str> = lines.map(|line| line.split("--").next().unwrap_or_default()).collect();
    let text = text.join("\n");
    let statements = text.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    let in_keyspace = |statement: &str| {
        let statement =
            statement.replacen("IF NOT EXISTS ", &format!("IF NOT EXISTS {keyspace}."), 1);
        let and = if statement.contains(") WITH ") { "AND" } else { "WITH" };
        format!("{statement} {and} {TABLE_OPTIONS}")
    };
    statements.map(in_keyspace).collect()
}

/// The name in a statement that makes a table.
fn table_name(statement: &str) -> &str {
    let name = statement.split_once('.').map_or("", |(_, rest)| rest);
    name.split([' ', '(']).next().unwrap_or_default()
}

/// Makes the keyspace and its tables, as far as they are not there. Changes no table.
///
/// # Errors
/// [`Error::Unavailable`] says what Cassandra refused.
pub async fn apply(
    session: &Session,
    keyspace: &str,
    replication: &Replication,
) -> Result<(), Error> {
    apply_saying(session, keyspace, replication, &mut |_| {}).await
}

/// Does what [`apply`] does, and calls `say` before each step.
///
/// # Errors
/// As [`apply`].
pub async fn apply_saying(
    session: &Session,
    keyspace: &str,
    replication: &Replication,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Error> {
    refuse_name(keyspace)?;
    let copies = replication.copies.iter().map(|(name, count)| {
        let name = name.replace('\'', "''");
        format!(", '{name}': {count}")
    });
    let copies: String = copies.collect();
    let create = format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = \
         {{'class': 'NetworkTopologyStrategy'{copies}}}"
    );
    say(&format!("keyspace {keyspace}"));
    session.query_unpaged(create, ()).await.map_err(unavailable)?;
    let all = tables(keyspace);
    let count = all.len();
    for (done, table) in all.into_iter().enumerate() {
        say(&format!("table {} of {count}: {}", done + 1, table_name(&table)));
        session.query_unpaged(table, ()).await.map_err(unavailable)?;
    }
    say("all nodes take the tables");
    session.await_schema_agreement().await.map_err(unavailable)?;
    let put = format!("INSERT INTO {keyspace}.meta (k, v) VALUES (?, ?) IF NOT EXISTS");
    let version = (SCHEMA_KEY, SCHEMA_VERSION.as_bytes());
    session.query_unpaged(put, version).await.map_err(unavailable)?;
    check(session, keyspace).await
}

/// Checks that the keyspace has the tables that this server knows.
///
/// # Errors
/// [`Error::Unavailable`] names the remedy.
pub async fn check(session: &Session, keyspace: &str) -> Result<(), Error> {
    refuse_name(keyspace)?;
    let read = format!("SELECT v FROM {keyspace}.meta WHERE k=?");
    let missing = |reason: String| {
        unavailable(format!(
            "keyspace {keyspace} has no schema of huihua ({reason}): run 'huihua-server schema \
             apply'"
        ))
    };
    let result = session.query_unpaged(read, (SCHEMA_KEY,)).await;
    let result = result.map_err(|error| missing(error.to_string()))?;
    let rows = result.into_rows_result().map_err(unavailable)?;
    let version = rows.maybe_first_row::<(Vec<u8>,)>().map_err(unavailable)?;
    match version {
        Some((version,)) if version == SCHEMA_VERSION.as_bytes() => Ok(()),
        Some((version,)) => Err(unavailable(format!(
            "keyspace {keyspace} has schema version {}, this server wants {SCHEMA_VERSION}: run \
             the server of that version, or 'huihua-server schema apply' of this one",
            String::from_utf8_lossy(&version)
        ))),
        None => Err(missing("no version in table meta".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_goes_into_its_keyspace_and_no_comment_goes_along() {
        let tables = tables("ks");
        assert_eq!(tables.len(), 12);
        for table in tables {
            assert!(table.starts_with("CREATE TABLE IF NOT EXISTS ks."), "{table}");
            let name = table_name(&table);
            assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()), "{table}");
            assert!(!table.contains("--") && table.matches(" WITH ").count() == 1, "{table}");
            assert!(table.contains("H compaction") || table.contains("D compaction"), "{table}");
        }
    }

    #[test]
    fn a_name_that_would_need_quotes_is_refused() {
        for name in ["huihua", "h1_2"] {
            assert!(is_name(name));
        }
        for name in ["", "1h", "H", "a b", "a;drop", "a\"", &"a".repeat(49)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
