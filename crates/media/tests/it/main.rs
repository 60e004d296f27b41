//! Files as people send them, and as enemies do, read by the real process.

mod documents;
mod hostile;
mod make;
mod pictures;
mod voice;
mod walls;
