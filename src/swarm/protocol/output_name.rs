//! Names of outputs: `client<R>_<NAME>`.

use std::fmt;

use super::Rank;

const CLIENT: &str = "client";

/// The name of the output that has this file of a client.
pub fn output_name(client: Rank, file: impl fmt::Display) -> String {
    format!("{CLIENT}{client}_{file}")
}

/// Whether a name has the form of an output's.
pub fn is_output_name(name: &str) -> bool {
    let rank = name
        .strip_prefix(CLIENT)
        .and_then(|rest| rest.split_once('_'));
    rank.is_some_and(|(rank, _)| !rank.is_empty() && rank.bytes().all(|byte| byte.is_ascii_digit()))
}
