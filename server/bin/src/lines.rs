//! Lines of a text file as people make them: a byte order mark is skipped, UTF-16 is refused in
//! words, lines end in LF or CRLF. What a line holds is its reader's business.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead as _, BufReader, Chain, Cursor, Read as _},
    path::{Path, PathBuf},
};

/// Longest line, in bytes: a hundred thousand accounts of full length.
pub(crate) const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Why a file has no lines to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Excel and Notepad call it Unicode.
    #[error("{path} is UTF-16 (\"Unicode\" in Excel and Notepad): save it as UTF-8")]
    Utf16 { path: PathBuf },
}

/// A wrong line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// From 1.
    pub(crate) line: u64,
    pub(crate) reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Most wrong lines that are shown; the others are counted.
const SHOWN_MAX: usize = 20;

/// The wrong lines of a file that is read to its end before anything of it is sent.
#[derive(Debug)]
pub(crate) struct WrongLines {
    path: PathBuf,
    count: usize,
    first: Vec<BadLine>,
}

impl WrongLines {
    /// None yet.
    pub(crate) fn none_in(path: &Path) -> Self {
        Self { path: path.to_owned(), count: 0, first: Vec::new() }
    }

    /// This one, which came after the file was checked.
    pub(crate) fn of(path: &Path, line: BadLine) -> Self {
        Self { path: path.to_owned(), count: 1, first: vec![line] }
    }

    pub(crate) fn add(&mut self, line: BadLine) {
        self.count += 1;
        if self.first.len() < SHOWN_MAX {
            self.first.push(line);
        }
    }

    /// Refuses the file if a line is wrong.
    pub(crate) fn refuse(self) -> Result<(), Self> {
        if self.count == 0 { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for WrongLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, path) = (self.count, self.path.display());
        write!(f, "{count} lines of {path} are wrong, nothing was sent:")?;
        for line in &self.first {
            write!(f, "\n{line}")?;
        }
        if count > self.first.len() {
            write!(f, "\nand {} more", count - self.first.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for WrongLines {}

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) text: String,
}

/// The lines of a file that are not blank. Ends after a line that cannot be read at all.
pub(crate) struct Lines {
    file: BufReader<Chain<Cursor<Vec<u8>>, File>>,
    number: u64,
    ended: bool,
}

impl Lines {
    /// Opens the file and looks at its first bytes.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |source| OpenError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut first = Vec::new();
        file.by_ref().take(UTF8_MARK.len() as u64).read_to_end(&mut first).map_err(unreadable)?;
        // Without a mark: every other byte of ASCII in UTF-16 is zero, and none in UTF-8.
        if UTF16_MARKS.iter().any(|mark| first.starts_with(mark)) || first.contains(&0) {
            return Err(OpenError::Utf16 { path: path.to_owned() });
        }
        if first == UTF8_MARK {
            first.clear();
        }
        let file = BufReader::new(Cursor::new(first).chain(file));
        Ok(Self { file, number: 0, ended: false })
    }

    /// Reads the next line, blank or not.
    fn read(&mut self) -> Option<Result<Line, BadLine>> {
        let mut bytes = Vec::new();
        self.number += 1;
        let bad = |reason| Some(Err(BadLine { line: self.number, reason }));
        match self.file.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(read) if read as u64 > LINE_BYTES_MAX => {
                // Its end is not searched: this is not a file of lines.
                self.ended = true;
                return bad(format!("is longer than {LINE_BYTES_MAX} bytes"));
            }
            Ok(_) => {}
            Err(error) => {
                self.ended = true;
                return bad(format!("cannot be read: {error}"));
            }
        }
        let end: &[u8] = if bytes.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
        bytes.truncate(bytes.strip_suffix(end).unwrap_or(&bytes).len());
        match String::from_utf8(bytes) {
            Ok(text) => Some(Ok(Line { number: self.number, text })),
            Err(_) => bad("is not UTF-8: save the file as UTF-8".to_owned()),
        }
    }
}

impl Iterator for Lines {
    type Item = Result<Line, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.read()? {
                Ok(line) if line.text.trim().is_empty() => {}
                other => return Some(other),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(bytes: &[u8]) -> Result<Vec<String>, String> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        let lines = Lines::open(&path).map_err(|error| error.to_string())?;
        let shown = |line: Result<Line, BadLine>| {
            line.map_or_else(|bad| bad.to_string(), |line| format!("{} {}", line.number, line.text))
        };
        Ok(lines.map(shown).collect())
    }

    #[test]
    fn a_file_is_read_as_its_maker_saw_it() {
        let check = |bytes: &[u8], expected: &[&str]| {
            assert_eq!(opened(bytes), Ok(expected.iter().map(ToString::to_string).collect()));
        };
        check(b"\xef\xbb\xbfa\r\n\r\n  \n b \n", &["1 a", "4  b "]);
        check(b"\xef\xbb\xbf", &[]);
        check(b"", &[]);
        check(b"a", &["1 a"]);
        check(b"a\nb\xff\nc", &["1 a", "line 2: is not UTF-8: save the file as UTF-8", "3 c"]);
        let mut long = vec![b' '; usize::try_from(LINE_BYTES_MAX).unwrap() + 1];
        long.extend(b"\nb");
        check(&long, &["line 1: is longer than 16777216 bytes"]);
        let utf16 = |mark: &[u8], unit: fn(u16) -> [u8; 2]| {
            let mut bytes = mark.to_vec();
            bytes.extend("amy\r\n".encode_utf16().flat_map(unit));
            bytes
        };
        for bytes in [
            utf16(UTF16_MARKS[0], u16::to_le_bytes),
            utf16(UTF16_MARKS[1], u16::to_be_bytes),
            utf16(b"", u16::to_le_bytes),
            utf16(b"", u16::to_be_bytes),
        ] {
            let refused = opened(&bytes).unwrap_err();
            assert!(
                refused.contains("UTF-16") && refused.contains("save it as UTF-8"),
                "{refused}"
            );
        }
    }
}
