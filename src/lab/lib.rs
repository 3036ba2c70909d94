//! What studies swarms.

pub mod check;
pub mod generate;
pub mod picture;
pub mod rules;
pub mod simulate;
pub mod study;
pub mod twin;
