//! What is seen of a run.

pub mod calls;
pub(crate) mod dialogue;
pub mod known;
#[cfg(test)]
pub(crate) mod made_up;
pub(crate) mod messages;
pub(crate) mod recording;
pub mod run;
pub(crate) mod words;
