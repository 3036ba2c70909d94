//! Names of files.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A file's name, fit to be a part of an output's name: 1 to 200 bytes of UTF-8 with no slash and
/// no control character, and neither `.` nor `..`.
///
/// Cloning shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Arc<str>);

impl FileName {
    /// The longest name, in bytes. File systems allow 255, and an output's name has `client<R>_` in
    /// front.
    pub const LONGEST: usize = 200;

    /// Checks a name.
    ///
    /// # Errors
    /// Says which demand the name does not meet.
    pub fn new(name: &str) -> Result<FileName, String> {
        const LONGEST: usize = FileName::LONGEST;
        if name.is_empty() {
            Err("an empty name".into())
        } else if name.len() > LONGEST {
            let bytes = name.len();
            Err(format!("a name of {bytes} bytes, more than {LONGEST}"))
        } else if name == "." || name == ".." {
            Err("the name of a folder, '.' or '..'".into())
        } else if let Some(character) = name.chars().find(|&c| c == '/' || c.is_control()) {
            Err(format!("a name with {character:?} in it"))
        } else {
            Ok(FileName(name.into()))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for FileName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What people read may have escapes, and then it is no part of the text.
        if deserializer.is_human_readable() {
            let name = Cow::<str>::deserialize(deserializer)?;
            return FileName::new(&name).map_err(de::Error::custom);
        }
        let name = <&str>::deserialize(deserializer)?;
        FileName::new(name).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_anything_that_stays_inside_the_output_folder() {
        for name in [
            "file1",
            "x",
            "ubuntu-24.04.iso",
            "Ștefan.mp3",
            "...",
            ".hidden",
            &"n".repeat(200),
        ] {
            assert_eq!(FileName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_name_that_could_leave_the_output_folder_or_break_a_terminal_is_refused() {
        let folder = "the name of a folder, '.' or '..'";
        for (name, problem) in [
            ("", "an empty name"),
            (".", folder),
            ("..", folder),
            ("../x", "a name with '/' in it"),
            ("a\0b", "a name with '\\0' in it"),
            ("a\u{1b}[2Jb", "a name with '\\u{1b}' in it"),
            (&"n".repeat(201), "a name of 201 bytes, more than 200"),
        ] {
            assert_eq!(FileName::new(name), Err(problem.into()));
        }
    }
}
