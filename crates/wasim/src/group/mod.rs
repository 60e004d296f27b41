//! Groups: who is in them, what they are called, and messages under sender keys.

mod delivery;
mod handle;

pub(crate) use delivery::{distribute, learn, repeat_parts, send};
pub use handle::{Group, GroupMember};

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::event::NetEvent;
use crate::lock::{Locked, Shared};
use crate::mailbox::Class;
use crate::person::{Addressing, Person};
use crate::server::push;
use crate::world::World;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// People in one group, as on the real network.
pub const MAX_MEMBERS: usize = 1_024;
/// Groups on one network; more are refused.
pub const MAX_GROUPS: usize = 100_000;

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) lid: String,
    pub(crate) pn: String,
    pub(crate) rank: Rank,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Reads and writes.
    Member,
    /// May change the group.
    Admin,
    /// Made the group.
    Creator,
}

impl Rank {
    fn wire(self) -> Option<&'static str> {
        match self {
            Self::Member => None,
            Self::Admin => Some("admin"),
            Self::Creator => Some("superadmin"),
        }
    }
}

/// What changes over a group's life.
pub(crate) struct RoomState {
    pub(crate) subject: String,
    pub(crate) subject_at: u64,
    pub(crate) description: Option<String>,
    pub(crate) members: Vec<Member>,
    /// Raised when somebody leaves: every sender then makes a new sender key.
    epoch: u64,
}

/// Which devices have a sender's key, and of which epoch it is.
#[derive(Default)]
struct Handed {
    epoch: u64,
    devices: HashSet<String>,
}

/// One group.
pub(crate) struct Room {
    pub(crate) id: String,
    pub(crate) creator: String,
    pub(crate) created_at: u64,
    pub(crate) addressing: Addressing,
    pub(crate) state: Mutex<RoomState>,
    handed: Mutex<HashMap<String, Handed>>,
}

impl Room {
    pub(crate) fn jid(&self) -> Jid {
        Jid::group(self.id.as_str())
    }

    /// A member's address in this group.
    pub(crate) fn address(&self, person: &Person) -> Jid {
        match self.addressing {
            Addressing::Migrated => person.lid_jid(),
            Addressing::Unmigrated => person.pn_jid(),
        }
    }

    /// The attribute and value that tell the other address of somebody in this group.
    pub(crate) fn other_address(&self, person: &Person) -> (&'static str, Jid) {
        match self.addressing {
            Addressing::Migrated => ("participant_pn", person.pn_jid()),
            Addressing::Unmigrated => ("participant_lid", person.lid_jid()),
        }
    }

    pub(crate) fn mode(&self) -> &'static str {
        match self.addressing {
            Addressing::Migrated => "lid",
            Addressing::Unmigrated => "pn",
        }
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        self.state.locked().members.clone()
    }

    pub(crate) fn has(&self, person: &Person) -> bool {
        self.state
            .locked()
            .members
            .iter()
            .any(|m| m.lid == person.lid)
    }

    pub(crate) fn people(&self, world: &World) -> Vec<Arc<Person>> {
        let directory = world.directory.reading();
        self.members()
            .iter()
            .filter_map(|m| directory.by_lid(&m.lid))
            .collect()
    }

    fn member_node(&self, member: &Member) -> Node {
        let (lid, pn) = (Jid::lid(member.lid.as_str()), Jid::pn(member.pn.as_str()));
        let mut node = NodeBuilder::new("participant");
        node = match self.addressing {
            Addressing::Migrated => node.attr("jid", lid).attr("phone_number", pn),
            Addressing::Unmigrated => node.attr("jid", pn).attr("lid", lid),
        };
        if let Some(rank) = member.rank.wire() {
            node = node.attr("type", rank);
        }
        node.build()
    }

    /// The `<group>` that describes it.
    pub(crate) fn node(&self) -> Node {
        let state = self.state.locked();
        let mut parts: Vec<Node> = state.members.iter().map(|m| self.member_node(m)).collect();
        if let Some(description) = &state.description {
            let body = NodeBuilder::new("body")
                .string_content(description.as_str())
                .build();
            parts.push(
                NodeBuilder::new("description")
                    .attr("id", "d1")
                    .children([body])
                    .build(),
            );
        }
        let creator = match self.addressing {
            Addressing::Migrated => Jid::lid(self.creator.as_str()),
            Addressing::Unmigrated => state
                .members
                .iter()
                .find(|m| m.lid == self.creator)
                .map_or_else(
                    || Jid::lid(self.creator.as_str()),
                    |m| Jid::pn(m.pn.as_str()),
                ),
        };
        NodeBuilder::new("group")
            .attr("id", self.id.clone())
            .attr("subject", state.subject.clone())
            .attr("addressing_mode", self.mode())
            .attr("creator", creator.clone())
            .attr("creation", self.created_at)
            .attr("s_t", state.subject_at)
            .attr("s_o", creator)
            .attr("size", state.members.len() as u32)
            .children(parts)
            .build()
    }
}

/// Makes a group; its creator is its first member. All members' devices are told, except one.
pub(crate) fn create(
    world: &World,
    creator: &Person,
    subject: &str,
    members: &[Arc<Person>],
    except: Option<(&str, u16)>,
) -> Result<Arc<Room>> {
    let mut all = vec![Member {
        lid: creator.lid.clone(),
        pn: creator.pn.clone(),
        rank: Rank::Creator,
    }];
    for person in members {
        if all.iter().all(|m| m.lid != person.lid) {
            all.push(plain_member(person));
        }
    }
    if all.len() > MAX_MEMBERS {
        return Err(SimError::protocol("too many members for one group"));
    }
    let now = unix_seconds();
    let room = Arc::new(Room {
        id: format!("120363{:012}", world.number()),
        creator: creator.lid.clone(),
        created_at: now,
        addressing: creator.addressing,
        state: Mutex::new(RoomState {
            subject: subject.to_owned(),
            subject_at: now,
            description: None,
            members: all,
            epoch: 1,
        }),
        handed: Mutex::default(),
    });
    {
        let mut directory = world.directory.writing();
        if directory.groups.len() >= MAX_GROUPS {
            return Err(SimError::protocol("too many groups"));
        }
        directory.groups.insert(room.id.clone(), room.clone());
    }
    let what = NodeBuilder::new("create")
        .attr("type", "new")
        .children([room.node()])
        .build();
    tell(world, &room, creator, what, &room.members(), except)?;
    Ok(room)
}

fn plain_member(person: &Person) -> Member {
    Member {
        lid: person.lid.clone(),
        pn: person.pn.clone(),
        rank: Rank::Member,
    }
}

/// A change of a group.
#[derive(Debug)]
pub(crate) enum Change {
    Add(Vec<Arc<Person>>),
    Remove(Vec<Arc<Person>>),
    Promote(Vec<Arc<Person>>),
    Demote(Vec<Arc<Person>>),
    Subject(String),
    Description(Option<String>),
}

/// Applies a change and tells the members, also those who leave by it.
pub(crate) fn change(
    world: &World,
    room: &Room,
    actor: &Person,
    change: &Change,
    except: Option<(&str, u16)>,
) -> Result<()> {
    let before = room.members();
    let what = apply(room, change)?;
    let mut audience = room.members();
    audience.extend(
        before
            .into_iter()
            .filter(|b| !room.members().iter().any(|m| m.lid == b.lid)),
    );
    tell(world, room, actor, what, &audience, except)
}

fn apply(room: &Room, change: &Change) -> Result<Node> {
    let mut state = room.state.locked();
    let listed = |tag: &'static str, people: &[Arc<Person>], rank: Rank| {
        let nodes = people.iter().map(|p| {
            room.member_node(&Member {
                rank,
                ..plain_member(p)
            })
        });
        NodeBuilder::new(tag).children(nodes).build()
    };
    Ok(match change {
        Change::Add(people) => {
            if state.members.len() + people.len() > MAX_MEMBERS {
                return Err(SimError::protocol("too many members for one group"));
            }
            for person in people {
                if state.members.iter().all(|m| m.lid != person.lid) {
                    state.members.push(plain_member(person));
                }
            }
            listed("add", people, Rank::Member)
        }
        Change::Remove(people) => {
            state
                .members
                .retain(|m| people.iter().all(|p| p.lid != m.lid));
            state.epoch += 1;
            listed("remove", people, Rank::Member)
        }
        Change::Promote(people) => {
            set_rank(&mut state, people, Rank::Admin);
            listed("promote", people, Rank::Admin)
        }
        Change::Demote(people) => {
            set_rank(&mut state, people, Rank::Member);
            listed("demote", people, Rank::Member)
        }
        Change::Subject(subject) => {
            state.subject.clone_from(subject);
            state.subject_at = unix_seconds();
            NodeBuilder::new("subject")
                .attr("subject", subject.clone())
                .attr("s_t", state.subject_at)
                .build()
        }
        Change::Description(description) => {
            state.description.clone_from(description);
            let node = NodeBuilder::new("description").attr("id", "d1");
            match description {
                Some(text) => {
                    let body = NodeBuilder::new("body")
                        .string_content(text.as_str())
                        .build();
                    node.children([body]).build()
                }
                None => node.attr("delete", "true").build(),
            }
        }
    })
}

fn set_rank(state: &mut RoomState, people: &[Arc<Person>], rank: Rank) {
    for member in &mut state.members {
        if people.iter().any(|p| p.lid == member.lid) && member.rank != Rank::Creator {
            member.rank = rank;
        }
    }
}

/// Sends a `w:gp2` notification to the devices of these members.
fn tell(
    world: &World,
    room: &Room,
    actor: &Person,
    what: Node,
    audience: &[Member],
    except: Option<(&str, u16)>,
) -> Result<()> {
    let change = what.tag.to_string();
    let (other_key, other) = room.other_address(actor);
    for member in audience {
        let Some(person) = world.person_at(&Jid::lid(member.lid.as_str())) else {
            continue;
        };
        for companion in person.companions() {
            if except == Some((companion.account.as_str(), companion.device)) {
                continue;
            }
            let id = format!("g{}", world.number());
            let node = NodeBuilder::new("notification")
                .attr("type", "w:gp2")
                .attr("from", room.jid())
                .attr("participant", room.address(actor))
                .attr(other_key, other.clone())
                .attr("addressing_mode", room.mode())
                .attr("id", id.clone())
                .attr("t", unix_seconds())
                .children([what.clone()])
                .build();
            push(world, &companion, Class::Notification, &id, &room.id, node)?;
        }
    }
    world.event(NetEvent::GroupChanged {
        group: room.id.clone(),
        change,
    });
    Ok(())
}
