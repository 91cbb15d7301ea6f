//! Team ids in answers.

use serde::Serialize;

/// A team id as NIM's callers read it: a number if it prints as one, else text.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ShownTeamId<'a> {
    Number(i64),
    Text(&'a str),
}

impl<'a> ShownTeamId<'a> {
    pub(super) fn of(id: &'a str) -> Self {
        match id.parse::<i64>() {
            // Only a number that prints as the same text names the same team.
            Ok(number) if number.to_string() == id => Self::Number(number),
            Ok(_) | Err(_) => Self::Text(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_id_is_a_number_only_where_it_prints_as_one() {
        for (id, shown) in [
            ("2530000000", "2530000000"),
            ("9007199254740993", "9007199254740993"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "\"9223372036854775808\""),
            ("007", "\"007\""),
            ("-", "\"-\""),
            ("+5", "\"+5\""),
            ("room", "\"room\""),
        ] {
            assert_eq!(serde_json::to_string(&ShownTeamId::of(id)).unwrap(), shown);
        }
    }
}
