//! What is said of a library for another machine.

/// Returns the reason in words for which a library for one machine cannot be loaded by a process for another.
pub fn other_architecture(theirs: impl std::fmt::Display, ours: impl std::fmt::Display) -> String {
    format!("it is for {theirs}, and this process is for {ours}: it has another architecture")
}
