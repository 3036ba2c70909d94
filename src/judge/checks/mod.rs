//! What is judged.

pub mod check;
pub(crate) mod conduct;
pub(crate) mod hang;
pub(crate) mod mpi_use;
pub(crate) mod outcome;
