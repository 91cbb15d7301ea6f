//! The answers that several calls give: of those that return nothing, and of lists without pages.

use axum::response::Response;
use huihua_core::ANSWER_BYTES_MAX;
use huihua_nim::rest;

use super::error::CallError;
use crate::handlers::answers::json_text;

/// Answers a call that returns nothing.
pub(super) fn done() -> Response {
    json_text(rest::DONE.to_owned())
}

/// Answers with a list that has no pages, which so cannot end early.
///
/// # Errors
/// [`CallError::AnswerTooLarge`]: no answer is larger than 4 MiB.
pub(super) fn whole_list(answer: String) -> Result<Response, CallError> {
    if answer.len() > ANSWER_BYTES_MAX {
        Err(CallError::AnswerTooLarge)
    } else {
        Ok(json_text(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_pages_is_refused_when_it_is_larger_than_any_answer_may_be() {
        let list = |bytes| whole_list("x".repeat(bytes));
        assert!(list(ANSWER_BYTES_MAX).is_ok());
        assert!(matches!(list(ANSWER_BYTES_MAX + 1), Err(CallError::AnswerTooLarge)));
    }
}
