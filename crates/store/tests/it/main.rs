//! The store as its callers know it, over real databases: every story is told on SQLite and on
//! PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(
    clippy::duplicate_mod,
    reason = "the stories are the same on both databases; each is a test of its own on each"
)]

mod place;
mod scene;

/// Every story on an SQLite file.
#[path = "."]
mod sqlite {
    pub(crate) type Scene = crate::scene::Scene<crate::place::Folder>;
    #[path = "stories/mod.rs"]
    mod stories;
}

/// Every story in a schema of a PostgreSQL database.
#[path = "."]
mod postgres {
    pub(crate) type Scene = crate::scene::Scene<crate::place::OnServer<crate::place::Schema>>;
    #[path = "stories/mod.rs"]
    mod stories;
}

// What is about SQLite's files.
mod backup;
mod crash;
mod foreign;
// What is about a server and the way to it.
mod server;
mod tls;
