//! Pages in one file for the browser, and what they share.

pub mod column;
pub mod html;
