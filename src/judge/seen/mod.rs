//! What is seen of a run: calls, messages, the dialogue of the clients; and what is not. [`scene::Scene`]
//! has it all.

pub mod calls;
pub mod condition;
pub mod dialogue;
pub mod finding;
pub mod known;
#[cfg(test)]
pub(crate) mod made_up;
pub mod messages;
pub(crate) mod pattern;
pub(crate) mod recording;
pub mod run;
pub mod scene;
pub(crate) mod standstill;
pub mod unseen;
pub(crate) mod words;
