//! Sending statements: rows read, blind writes that must arrive, compare-and-set with its three
//! outcomes.

use std::time::Duration;

use huihua_store::Error;
use scylla::{
    deserialize::row::DeserializeRow,
    errors::ExecutionError,
    response::query_result::{QueryResult, QueryRowsResult},
    serialize::row::SerializeRow,
    statement::{
        Consistency, SerialConsistency,
        batch::{Batch, BatchType},
        prepared::PreparedStatement,
    },
    value::{CqlValue, Row as CqlRow},
};

use crate::{
    failure::{failed, unavailable},
    statements::Cql,
};

/// How often a blind write is sent by us, beside the driver's own retries, before its caller hears
/// that it perhaps was not done.
const BLIND_TRIES: u32 = 3;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(50);

/// How a compare-and-set ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Applied,
    /// Somebody was before.
    Lost,
    /// Nobody knows: read at LOCAL_SERIAL, and decide from the state.
    Unknown,
}

/// One value of a batch's statement.
pub(crate) type Value = Option<CqlValue>;

/// The statements of a conditional batch, each with its values.
#[derive(Default)]
pub(crate) struct Conditional<'s>(Vec<(&'s PreparedStatement, Vec<Value>)>);

impl<'s> Conditional<'s> {
    pub(crate) fn push(&mut self, statement: &'s PreparedStatement, values: Vec<Value>) {
        self.0.push((statement, values));
    }
}

/// A text of a batch.
pub(crate) fn text(text: &str) -> Value {
    Some(CqlValue::Text(text.to_owned()))
}

/// A version of a batch.
pub(crate) fn number(number: u64) -> Value {
    Some(CqlValue::BigInt(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// A cell of a batch.
pub(crate) fn blob(bytes: Vec<u8>) -> Value {
    Some(CqlValue::Blob(bytes))
}

impl Cql {
    /// Reads rows.
    pub(crate) async fn read(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, Error> {
        let result = self.session.execute_unpaged(statement, values).await;
        result.map_err(|error| failed(&error))?.into_rows_result().map_err(unavailable)
    }

    /// Reads the one row that there may be.
    pub(crate) async fn read_one<T: for<'f> DeserializeRow<'f, 'f>>(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<T>, Error> {
        self.read(statement, values).await?.maybe_first_row::<T>().map_err(unavailable)
    }

    /// Sends a blind write until it is acknowledged.
    pub(crate) async fn put(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), Error> {
        let mut pause = PAUSE;
        for _ in 1..BLIND_TRIES {
            match self.session.execute_unpaged(statement, &values).await {
                Ok(_) => return Ok(()),
                Err(error) => tracing::debug!(%error, "a blind write is sent again"),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let last = self.session.execute_unpaged(statement, &values).await;
        last.map(drop).map_err(|error| failed(&error))
    }

    /// Sends one compare-and-set.
    pub(crate) async fn set_if(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Outcome {
        #[cfg(test)]
        if self.faults.is_lost() {
            return self.change(Outcome::Unknown);
        }
        self.ended(self.session.execute_unpaged(statement, values).await)
    }

    /// How a compare-and-set ended.
    fn ended(&self, sent: Result<QueryResult, ExecutionError>) -> Outcome {
        let outcome = match sent {
            Ok(result) => outcome(result.into_rows_result().ok()),
            Err(error) => unknown(&error),
        };
        #[cfg(test)]
        let outcome = self.change(outcome);
        outcome
    }

    /// Sends one compare-and-set whose repetition changes nothing, until its outcome is known.
    pub(crate) async fn set_surely(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), Error> {
        let mut pause = PAUSE;
        for _ in 0..BLIND_TRIES {
            if self.set_if(statement, &values).await != Outcome::Unknown {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(unavailable("Cassandra did not say whether a write was done"))
    }

    /// Sends a conditional batch of one partition.
    pub(crate) async fn set_all_if(&self, conditional: Conditional<'_>) -> Outcome {
        #[cfg(test)]
        let conditional = self.without_condition(conditional);
        let mut batch = Batch::new(BatchType::Logged);
        batch.set_consistency(Consistency::LocalQuorum);
        batch.set_serial_consistency(Some(SerialConsistency::LocalSerial));
        batch.set_is_idempotent(false);
        let mut values = Vec::with_capacity(conditional.0.len());
        for (statement, row) in conditional.0 {
            batch.append_statement(statement.clone());
            values.push(row);
        }
        #[cfg(test)]
        if self.faults.is_lost() {
            return self.change(Outcome::Unknown);
        }
        self.ended(self.session.batch(&batch, values).await)
    }
}

/// What tests do to compare-and-set.
#[cfg(test)]
impl Cql {
    fn change(&self, outcome: Outcome) -> Outcome {
        let outcome = if self.faults.is_lost() { Outcome::Unknown } else { outcome };
        // A batch without a condition answers nothing.
        let is_guessed = self.faults.guesses || self.faults.put_version.is_some();
        if outcome == Outcome::Unknown && is_guessed { Outcome::Applied } else { outcome }
    }

    fn without_condition<'s>(&'s self, mut conditional: Conditional<'s>) -> Conditional<'s> {
        if let Some(statement) = &self.faults.put_version {
            let (first, values) = &mut conditional.0[0];
            *first = statement;
            // The version that was there is no value of it.
            values.truncate(2);
        }
        conditional
    }
}

fn unknown(error: &impl std::fmt::Display) -> Outcome {
    tracing::debug!(%error, "the outcome of a compare-and-set is unknown");
    Outcome::Unknown
}

/// The first column of the first row says whether it was applied.
fn outcome(rows: Option<QueryRowsResult>) -> Outcome {
    let row = rows.and_then(|rows| rows.first_row::<CqlRow>().ok());
    match row.as_ref().and_then(|row| row.columns.first()) {
        Some(Some(CqlValue::Boolean(true))) => Outcome::Applied,
        Some(Some(CqlValue::Boolean(false))) => Outcome::Lost,
        _ => Outcome::Unknown,
    }
}
