//! Groups, and who is on WhatsApp.

use crate::connection::{Connection, TaskError};
use crate::jid;
use wacore_binary::Jid;
use waypost_engine::model::{Address, Timestamp};
use whatsapp_rust::IqError;
use whatsapp_rust::features::{
    GroupCreateOptions, GroupError, GroupMetadata, GroupParticipant, GroupParticipantOptions,
    GroupSubject,
};

/// The part somebody plays in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupRole {
    /// Can write.
    Member,
    /// Can change members too.
    Admin,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The address the group knows them by.
    pub address: Address,
    /// Their other address, if the group says it.
    pub alt: Option<Address>,
    /// The part they play.
    pub role: GroupRole,
}

/// A group as WhatsApp's server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its address.
    pub address: Address,
    /// Its subject. Outsiders' text.
    pub subject: String,
    /// Its description. Outsiders' text.
    pub description: Option<String>,
    /// Everybody in it.
    pub members: Vec<GroupMember>,
}

/// Whether an address is on WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The address asked about, as the server writes it.
    pub address: Address,
    /// The other address of the same person, if known.
    pub alt: Option<Address>,
    /// Whether there is an account.
    pub exists: bool,
}

fn member(participant: &GroupParticipant) -> GroupMember {
    let address = jid::address(&participant.jid);
    let alt = [&participant.phone_number, &participant.lid]
        .into_iter()
        .flatten()
        .map(jid::address)
        .find(|alt| *alt != address);
    let role = if participant.is_admin() {
        GroupRole::Admin
    } else {
        GroupRole::Member
    };
    GroupMember { address, alt, role }
}

fn group(metadata: GroupMetadata) -> Group {
    Group {
        address: jid::address(&metadata.id),
        members: metadata.participants.iter().map(member).collect(),
        subject: metadata.subject,
        description: metadata.description,
    }
}

fn jids(addresses: &[Address]) -> Result<Vec<Jid>, TaskError> {
    addresses.iter().map(one).collect()
}

fn one(address: &Address) -> Result<Jid, TaskError> {
    jid::jid(address)
        .ok_or_else(|| TaskError::Invalid(format!("'{address}' is not an address WhatsApp knows")))
}

fn failed(error: impl std::fmt::Display) -> TaskError {
    TaskError::Failed(error.to_string())
}

/// Why WhatsApp does not tell of a group: it does not exist, or the account is not in it.
fn untold(error: &GroupError) -> TaskError {
    match error {
        GroupError::Iq(IqError::ServerError {
            code: 401 | 403 | 404 | 410,
            ..
        }) => TaskError::NotThere(error.to_string()),
        other => failed(other),
    }
}

fn checked_subject(subject: &str) -> Result<GroupSubject, TaskError> {
    GroupSubject::new(subject.to_owned()).map_err(|error| TaskError::Invalid(error.to_string()))
}

impl Connection {
    /// Makes a group of these people and the account itself.
    ///
    /// # Errors
    /// [`TaskError`]; a subject may have at most 100 characters.
    pub async fn group_create(
        &self,
        subject: &str,
        members: &[Address],
    ) -> Result<Group, TaskError> {
        checked_subject(subject)?;
        let participants = jids(members)?
            .into_iter()
            .map(GroupParticipantOptions::new)
            .collect();
        let options: GroupCreateOptions = GroupCreateOptions::builder()
            .subject(subject)
            .participants(participants)
            .build();
        let created = async {
            self.client()
                .groups()
                .create_group(options)
                .await
                .map_err(failed)
        };
        Ok(group(self.while_up(created).await?.metadata))
    }

    /// Asks the server for a group.
    ///
    /// # Errors
    /// [`TaskError`]; [`TaskError::NotThere`] when the account is not in it.
    pub async fn group(&self, address: &Address) -> Result<Group, TaskError> {
        let jid = one(address)?;
        let asked = async {
            self.client()
                .groups()
                .get_metadata(&jid)
                .await
                .map_err(|error| untold(&error))
        };
        Ok(group(self.while_up(asked).await?))
    }

    /// Asks the server for every group the account is in.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn groups(&self) -> Result<Vec<Group>, TaskError> {
        let asked = async {
            self.client()
                .groups()
                .get_participating()
                .await
                .map_err(failed)
        };
        let groups = self.while_up(asked).await?;
        Ok(groups.into_values().map(group).collect())
    }

    /// Adds people; returns those the server did not add.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn group_add(
        &self,
        address: &Address,
        people: &[Address],
    ) -> Result<Vec<Address>, TaskError> {
        let (jid, people) = (one(address)?, jids(people)?);
        let added = async {
            self.client()
                .groups()
                .add_participants(jid, &people)
                .await
                .map_err(failed)
        };
        let answers = self.while_up(added).await?;
        Ok(answers
            .iter()
            .filter(|answer| !answer.is_ok())
            .map(|answer| jid::address(&answer.jid))
            .collect())
    }

    /// Removes people; returns those the server did not remove.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn group_remove(
        &self,
        address: &Address,
        people: &[Address],
    ) -> Result<Vec<Address>, TaskError> {
        let (jid, people) = (one(address)?, jids(people)?);
        let removed = async {
            self.client()
                .groups()
                .remove_participants(jid, &people)
                .await
                .map_err(failed)
        };
        let answers = self.while_up(removed).await?;
        Ok(answers
            .iter()
            .filter(|answer| !answer.is_ok())
            .map(|answer| jid::address(&answer.jid))
            .collect())
    }

    /// Renames a group.
    ///
    /// # Errors
    /// [`TaskError`]; a subject may have at most 100 characters.
    pub async fn group_subject(&self, address: &Address, subject: &str) -> Result<(), TaskError> {
        let (jid, subject) = (one(address)?, checked_subject(subject)?);
        self.while_up(async {
            self.client()
                .groups()
                .set_subject(jid, subject)
                .await
                .map_err(failed)
        })
        .await
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn group_leave(&self, address: &Address) -> Result<(), TaskError> {
        let jid = one(address)?;
        self.while_up(async { self.client().groups().leave(jid).await.map_err(failed) })
            .await
    }

    /// Asks which of these people are on WhatsApp, and under which other address.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn on_whatsapp(&self, people: &[Address]) -> Result<Vec<Presence>, TaskError> {
        if let Some(other) = people.iter().find(|address| !address.is_person()) {
            return Err(TaskError::Invalid(format!(
                "'{other}' is not a person's address"
            )));
        }
        let people = jids(people)?;
        let asked = async {
            self.client()
                .contacts()
                .is_on_whatsapp(&people)
                .await
                .map_err(failed)
        };
        let answers = self.while_up(asked).await?;
        let presence = |answer: &wacore::iq::usync::IsOnWhatsAppResult| {
            let address = jid::address(&answer.jid);
            let mut alts = [&answer.lid, &answer.pn_jid]
                .into_iter()
                .flatten()
                .map(jid::address);
            Presence {
                alt: alts.find(|alt| *alt != address),
                address,
                exists: answer.is_registered,
            }
        };
        Ok(answers.iter().map(presence).collect())
    }

    /// Asks until when WhatsApp bars this account from starting new chats; `None` when it may.
    ///
    /// # Errors
    /// [`TaskError`]; servers that do not know the question count as not answering.
    pub async fn new_chats_barred_until(&self) -> Result<Option<Timestamp>, TaskError> {
        let asked = async {
            self.client()
                .mex()
                .fetch_reachout_timelock()
                .await
                .map_err(failed)
        };
        let lock = self.while_up(asked).await?;
        if lock.is_active != Some(true) {
            return Ok(None);
        }
        let ends = lock.time_enforcement_ends.as_deref();
        let seconds = ends.and_then(|ends| ends.parse::<i64>().ok());
        let seconds =
            seconds.ok_or_else(|| TaskError::Failed("a restriction without an end".to_owned()))?;
        Ok(Some(Timestamp::from_secs(seconds)))
    }
}
