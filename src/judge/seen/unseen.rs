//! What a run did not show.

/// Something that was not seen, and so keeps a check from its conclusion: why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen(pub String);

/// What a check returns when it cannot tell, for this reason.
pub(crate) fn unseen<T>(why: impl Into<String>) -> Result<T, Unseen> {
    Err(Unseen(why.into()))
}
