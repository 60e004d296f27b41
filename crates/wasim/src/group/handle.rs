//! A group as tests and tools hold it.

use crate::content::Outgoing;
use crate::error::{Result, SimError};
use crate::group::{self, Change, Rank, Room};
use crate::lock::Locked;
use crate::person::Person;
use crate::world::World;
use serde::Serialize;
use std::sync::Arc;

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupMember {
    /// The phone number.
    pub number: String,
    /// What they may do.
    pub rank: Rank,
}

/// A group. Cheap to clone.
#[derive(Clone)]
pub struct Group {
    world: Arc<World>,
    room: Arc<Room>,
}

impl Group {
    pub(crate) fn new(world: Arc<World>, room: Arc<Room>) -> Self {
        Self { world, room }
    }

    /// The id; the address is `id@g.us`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.room.id
    }

    /// The address, `id@g.us`.
    #[must_use]
    pub fn address(&self) -> String {
        self.room.jid().to_string()
    }

    /// What it is called.
    #[must_use]
    pub fn subject(&self) -> String {
        self.room.state.locked().subject.clone()
    }

    /// Who is in it.
    #[must_use]
    pub fn members(&self) -> Vec<GroupMember> {
        let member = |m: group::Member| GroupMember {
            number: m.pn,
            rank: m.rank,
        };
        self.room.members().into_iter().map(member).collect()
    }

    /// A member writes. Returns the wire id.
    ///
    /// # Errors
    /// [`SimError::UnknownNumber`] for somebody who is not on the network or not in the group.
    pub async fn send(&self, from: &str, what: Outgoing) -> Result<String> {
        let sender = self.member(from)?;
        group::send(&self.world, &sender, &self.room.id, &what, None).await
    }

    /// A member adds people.
    ///
    /// # Errors
    /// As [`Group::send`].
    pub fn add(&self, by: &str, numbers: &[&str]) -> Result<()> {
        self.change(by, &Change::Add(self.people(numbers)?))
    }

    /// A member removes people.
    ///
    /// # Errors
    /// As [`Group::send`].
    pub fn remove(&self, by: &str, numbers: &[&str]) -> Result<()> {
        self.change(by, &Change::Remove(self.people(numbers)?))
    }

    /// A member makes others admins.
    ///
    /// # Errors
    /// As [`Group::send`].
    pub fn promote(&self, by: &str, numbers: &[&str]) -> Result<()> {
        self.change(by, &Change::Promote(self.people(numbers)?))
    }

    /// A member renames the group.
    ///
    /// # Errors
    /// As [`Group::send`].
    pub fn set_subject(&self, by: &str, subject: &str) -> Result<()> {
        self.change(by, &Change::Subject(subject.to_owned()))
    }

    fn change(&self, by: &str, change: &Change) -> Result<()> {
        let actor = self.member(by)?;
        group::change(&self.world, &self.room, &actor, change, None)
    }

    fn people(&self, numbers: &[&str]) -> Result<Vec<Arc<Person>>> {
        numbers.iter().map(|n| self.world.person(n)).collect()
    }

    fn member(&self, number: &str) -> Result<Arc<Person>> {
        let person = self.world.person(number)?;
        if self.room.has(&person) {
            Ok(person)
        } else {
            Err(SimError::UnknownNumber(format!(
                "{number} in group {}",
                self.room.id
            )))
        }
    }
}
