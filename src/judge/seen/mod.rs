//! What is seen of a run.

pub mod calls;
pub mod dialogue;
pub mod known;
#[cfg(test)]
pub(crate) mod made_up;
pub mod messages;
pub(crate) mod pattern;
pub(crate) mod recording;
pub mod run;
pub mod scene;
pub mod unseen;
pub(crate) mod words;
