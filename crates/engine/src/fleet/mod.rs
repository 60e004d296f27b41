//! An account's life: linking, connecting, recovering.
