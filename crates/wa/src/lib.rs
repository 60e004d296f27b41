//! The linked-device channel.
