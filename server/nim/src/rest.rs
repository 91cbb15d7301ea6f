//! NIM's server API, as an app's backend speaks it. A file for each noun reads the parameters of
//! its calls and writes their answers. Pure: no clock.

pub mod accounts;
mod answer;
mod fault;
mod form;
pub mod messages;
pub mod recalls;
pub mod sessions;
mod shown_team_id;
mod signature;
pub mod team_facts;
pub mod teams;

pub use self::{
    accounts::TOKEN_CHARS_MAX,
    answer::{DONE, refusal, refusal_v2},
    fault::RequestFault,
    form::Form,
    signature::{Signature, verify},
};
