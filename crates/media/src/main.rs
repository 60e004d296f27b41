//! The walled process alone, for tests and measurements. Waypost starts itself as
//! `waypost media-worker`, which is the same.

fn main() -> std::process::ExitCode {
    waypost_media::worker::inside::main()
}
