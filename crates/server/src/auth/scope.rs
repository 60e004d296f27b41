//! What may be done: scopes of API keys, and the scopes that each role of a person has.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use waypost_store::admin::people::PersonRole;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// One permission.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub(crate) enum Scope {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Scope {
            /// Every scope.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it is written.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        /// One type per scope, so that a handler's signature says what it needs.
        pub(crate) mod need {
            $($(#[$doc])*
            #[derive(Debug)]
            pub(crate) struct $name;

            impl super::Needed for $name {
                const SCOPE: super::Scope = super::Scope::$name;
            })*
        }
    };
}

/// A scope as a type. See [`need`].
pub(crate) trait Needed {
    /// The scope.
    const SCOPE: Scope;
}

scopes! {
    /// See accounts and their history.
    AccountsRead = "accounts:read";
    /// Create, link, change and delete accounts.
    AccountsWrite = "accounts:write";
    /// Read messages and their files.
    MessagesRead = "messages:read";
    /// Send messages and upload files.
    MessagesSend = "messages:send";
    /// List conversations.
    ConversationsRead = "conversations:read";
    /// Mark conversations as read, show typing.
    ConversationsWrite = "conversations:write";
    /// See contacts.
    ContactsRead = "contacts:read";
    /// Rename contacts and take merges back.
    ContactsWrite = "contacts:write";
    /// See groups.
    GroupsRead = "groups:read";
    /// Create groups and change their members.
    GroupsWrite = "groups:write";
    /// See reply rules.
    RulesRead = "rules:read";
    /// Change reply rules.
    RulesWrite = "rules:write";
    /// See the parts of the pipeline and their switches.
    PipelineRead = "pipeline:read";
    /// Switch parts of the pipeline, read stored messages again, change what it knows.
    PipelineWrite = "pipeline:write";
    /// See webhook endpoints and deliveries.
    WebhooksRead = "webhooks:read";
    /// Change webhook endpoints.
    WebhooksWrite = "webhooks:write";
    /// See connections to Google Sheets, mappings, rows and spreadsheets.
    SheetsRead = "sheets:read";
    /// Connect Google Sheets, change mappings, write to spreadsheets.
    SheetsWrite = "sheets:write";
    /// See dead letters.
    DeadLettersRead = "dead_letters:read";
    /// Replay and archive dead letters.
    DeadLettersWrite = "dead_letters:write";
    /// Read the event log.
    EventsRead = "events:read";
    /// See API keys.
    KeysRead = "keys:read";
    /// Create and revoke API keys.
    KeysWrite = "keys:write";
    /// Everything, people included.
    Admin = "admin";
}

// By hand, because the derive does not see names that a macro puts in.
impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("One permission."))
            .enum_values(Some(Self::ALL.iter().map(|scope| scope.as_str())))
            .into()
    }
}

impl ToSchema for Scope {}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a scope")]
pub(crate) struct NoScope(String);

impl FromStr for Scope {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        let found = Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == text);
        found.ok_or_else(|| NoScope(text.chars().take(64).collect()))
    }
}

/// What somebody may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// From the texts stored with a key; texts of another version give nothing.
    pub(crate) fn of_key(texts: &[String]) -> Self {
        Self(texts.iter().filter_map(|text| text.parse().ok()).collect())
    }

    /// What a person with this role may do.
    pub(crate) fn of_role(role: PersonRole) -> Self {
        use Scope as S;
        let reading = [
            S::AccountsRead,
            S::MessagesRead,
            S::ConversationsRead,
            S::ContactsRead,
            S::GroupsRead,
            S::RulesRead,
            S::PipelineRead,
            S::WebhooksRead,
            S::SheetsRead,
            S::DeadLettersRead,
            S::EventsRead,
        ];
        let working = [
            S::AccountsWrite,
            S::MessagesSend,
            S::ConversationsWrite,
            S::ContactsWrite,
            S::GroupsWrite,
            S::DeadLettersWrite,
        ];
        let settings = [
            S::RulesWrite,
            S::PipelineWrite,
            S::WebhooksWrite,
            S::SheetsWrite,
            S::KeysRead,
            S::KeysWrite,
        ];
        let mut all: BTreeSet<Scope> = reading.into();
        if role >= PersonRole::Operator {
            all.extend(working);
        }
        if role >= PersonRole::Admin {
            all.extend(settings);
        }
        if role >= PersonRole::Owner {
            all.insert(S::Admin);
        }
        Self(all)
    }

    /// Whether `scope` is among them; `admin` includes all.
    pub(crate) fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&Scope::Admin) || self.0.contains(&scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_lower_one_may_and_more() {
        let roles = [
            PersonRole::Viewer,
            PersonRole::Operator,
            PersonRole::Admin,
            PersonRole::Owner,
        ];
        for pair in roles.windows(2) {
            let (low, high) = (Scopes::of_role(pair[0]), Scopes::of_role(pair[1]));
            assert!(low.0.is_subset(&high.0) && low != high, "{pair:?}");
        }
    }

    #[test]
    fn a_viewer_changes_nothing_and_only_the_owner_is_admin() {
        let viewer = Scopes::of_role(PersonRole::Viewer);
        let writing = Scope::ALL.iter().filter(|s| !s.as_str().ends_with(":read"));
        assert!(writing.clone().all(|scope| !viewer.allow(*scope)));
        assert!(!Scopes::of_role(PersonRole::Admin).allow(Scope::Admin));
        assert!(
            Scope::ALL
                .iter()
                .all(|s| Scopes::of_role(PersonRole::Owner).allow(*s))
        );
    }

    #[test]
    fn a_scope_reads_back_as_it_is_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(*scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert!("messages:everything".parse::<Scope>().is_err());
    }
}
