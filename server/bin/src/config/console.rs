//! The console's settings: whether there is one, who may look, and how much is remembered of the
//! copies of late.

use huihua_http::{app::Secret, console::Operator};

use super::{
    reader::{Fields, Found, Reader},
    setting::{Setting, by_default, number, setting},
};

/// Name of an operator whose token has none.
const OPERATOR: &str = "operator";
/// Shortest token, in bytes: as of the apps' keys.
const TOKEN_BYTES_MIN: usize = 32;
/// Most operators, and longest name of one: each token is compared at each request.
const OPERATORS_MAX: usize = 16;
const NAME_BYTES_MAX: usize = 64;
/// Largest memory for copies, in KiB, and the default.
const COPIES_KB_MAX: usize = 64 * 1024;
const COPIES_KB_DEFAULT: usize = 512;

/// The console as it is configured.
#[derive(Debug, Clone)]
pub(crate) struct ConsoleConfig {
    /// Who may look; `None`: a token is drawn into a file of the data folder.
    pub(crate) operators: Option<Vec<Operator>>,
    /// Bytes of the copies that are remembered.
    pub(crate) copies_bytes_max: usize,
}

/// The console as it is read, and what is printed of it.
pub(super) struct ReadConsole {
    pub(super) console: Option<ConsoleConfig>,
    pub(super) settings: Vec<Setting>,
}

/// Reads the console's settings; a wrong one is a fault.
pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> ReadConsole {
    let is_on = fields.flag(reader, "console").unwrap_or_else(|| by_default(true));
    let file = fields.text(reader, "console_token_file");
    let copies_kb = fields
        .count(reader, "console_copies_kb", 0..=COPIES_KB_MAX)
        .unwrap_or_else(|| by_default(COPIES_KB_DEFAULT));
    let mut settings = vec![
        setting("console", &is_on, |is_on| (*is_on).into()),
        setting("console_copies_kb", &copies_kb, number),
    ];
    if let Some(file) = &file {
        settings.push(setting("console_token_file", file, |file| file.clone().into()));
    }
    let operators = file.map(|file| read_operators(reader, file));
    let console = ConsoleConfig { operators, copies_bytes_max: copies_kb.value << 10 };
    ReadConsole { console: is_on.value.then_some(console), settings }
}

fn read_operators(reader: &mut Reader<'_>, file: Found<String>) -> Vec<Operator> {
    let (field, place) = ("console_token_file", file.place.clone());
    let Some(text) = reader.secret_file(file, field) else { return Vec::new() };
    match parse_operators(&text) {
        Ok(operators) => operators,
        Err(reason) => {
            reader.fault(place, field, reason);
            Vec::new()
        }
    }
}

/// Reads a file of tokens: one a line, behind the name of who has it, or alone.
pub(crate) fn parse_operators(text: &str) -> Result<Vec<Operator>, String> {
    let mut operators: Vec<Operator> = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("line {} of the file", n + 1);
        let mut words = line.split_whitespace();
        let (name, token) = match (words.next(), words.next(), words.next()) {
            (Some(token), None, _) => (OPERATOR, token),
            (Some(name), Some(token), None) => (name, token),
            _ => return Err(format!("{at} must hold a name and a token, or a token alone")),
        };
        if token.len() < TOKEN_BYTES_MIN {
            return Err(format!(
                "{at} has a token of less than {TOKEN_BYTES_MIN} bytes: openssl rand -hex 32"
            ));
        }
        if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(format!("{at} has a name of more than {NAME_BYTES_MAX} bytes"));
        }
        let (name, token) = (name.to_owned(), Secret::new(token));
        if operators.iter().any(|other| other.name == name || other.token == token) {
            return Err(format!("{at} has the name or the token of a line before it"));
        }
        operators.push(Operator { name, token });
    }
    match operators.len() {
        0 => Err("the file holds no token: openssl rand -hex 32".to_owned()),
        1..=OPERATORS_MAX => Ok(operators),
        _ => Err(format!("the file holds more than {OPERATORS_MAX} tokens")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_tokens_names_who_has_each() {
        let [a, b] = ["a", "b"].map(|letter| letter.repeat(32));
        let names = |text: &str| {
            parse_operators(text).map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&a).unwrap(), [OPERATOR]);
        assert_eq!(names(&format!("lin {a}\n\n  kim\t{b} \n")).unwrap(), ["lin", "kim"]);
        for (text, reason) in [
            (String::new(), "no token"),
            ("short".to_owned(), "line 1 of the file has a token of less than 32 bytes"),
            (format!("lin {a}\nkim {a}"), "line 2 of the file has the name or the token"),
            (format!("lin {a}\nlin {b}"), "line 2 of the file has the name or the token"),
            (format!("lin kim {a}"), "a name and a token, or a token alone"),
            (format!("{} {a}", "n".repeat(65)), "a name of more than 64 bytes"),
        ] {
            let error = names(&text).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains(&a), "{error}");
        }
        let many: String = (0..17).map(|n| format!("n{n} {n:032}\n")).collect();
        assert!(names(&many).unwrap_err().contains("more than 16"));
    }
}
