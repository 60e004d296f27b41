//! One message's way: accept, lanes, stages, effects, outbox.
