//! Sessions that move in: account, identity, keys and state in one transaction.

use crate::command::Write;
use crate::error::StoreError;
use crate::imports::{IMPORT_WRITES_MAX, ImportAccount, ImportInto};
use crate::keys::KeyWrite;
use crate::seal::KeyOwner;
use crate::sql::accounts::{CreateAccount, SetIdentity, SetState, account_by_id};
use crate::sql::keys::{WriteKeys, seal_one};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{Account, AccountId, AccountState, Reason};

/// One account with its keys sealed.
struct MoveIn {
    create: Option<CreateAccount>,
    keys: WriteKeys,
    identity: SetIdentity,
    state: SetState,
}

impl MoveIn {
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Account, StoreError> {
        if let Some(create) = &self.create {
            create.apply(tx)?;
        }
        self.keys.apply(tx)?;
        self.identity.apply(tx)?;
        self.state.apply(tx)?;
        account_by_id(tx.conn(), self.state.id)
    }
}

struct MoveAllIn(Vec<MoveIn>);

impl Write for MoveAllIn {
    type Output = Vec<Account>;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Account>, StoreError> {
        self.0.iter().map(|one| one.apply(tx)).collect()
    }
}

impl Store {
    /// Takes the sessions of other clients, all or none: each account is created if it is new, holds
    /// exactly these keys, knows its addresses and is `connecting` because it was `linked`.
    ///
    /// Whoever calls makes sure that nothing runs for an account that is there already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a new account's name is taken, [`StoreError::NotFound`] when an
    /// existing one is gone, [`StoreError::Invalid`] above [`IMPORT_WRITES_MAX`] keys.
    pub async fn import_accounts(
        &self,
        accounts: Vec<ImportAccount>,
    ) -> Result<Vec<Account>, StoreError> {
        if accounts.iter().map(|one| one.keys.len()).sum::<usize>() > IMPORT_WRITES_MAX {
            return Err(StoreError::invalid("too many keys to import at once"));
        }
        let mut made = Vec::new();
        let outcome = self.import(accounts, &mut made).await;
        let may_exist = matches!(outcome, Ok(_) | Err(StoreError::Unconfirmed { .. }));
        if !may_exist {
            // Keys of accounts that never came to be.
            for id in made {
                self.shared.sealer.forget(KeyOwner::Account(id));
            }
        }
        outcome
    }

    async fn import(
        &self,
        accounts: Vec<ImportAccount>,
        made: &mut Vec<AccountId>,
    ) -> Result<Vec<Account>, StoreError> {
        let mut all = Vec::with_capacity(accounts.len());
        for one in accounts {
            let (id, create) = match one.into {
                ImportInto::Existing(id) => (id, None),
                ImportInto::New(new) => {
                    let create = CreateAccount::prepared(self, new)?;
                    // The keys below are sealed with it; it is stored with them or not at all.
                    self.shared.sealer.install(&create.key)?;
                    made.push(create.id);
                    (create.id, Some(create))
                }
            };
            let clear = std::iter::once(Ok(KeyWrite::ClearAll));
            let sealed = one
                .keys
                .into_iter()
                .map(|write| seal_one(&self.shared.sealer, id, write));
            all.push(MoveIn {
                create,
                keys: WriteKeys {
                    account: id,
                    writes: clear.chain(sealed).collect::<Result<_, _>>()?,
                },
                identity: SetIdentity {
                    id,
                    phone: Some(one.phone),
                    lid: one.lid,
                },
                state: SetState {
                    id,
                    to: AccountState::Connecting,
                    reason: Reason::Linked,
                    now: one.now,
                },
            });
        }
        self.write(MoveAllIn(all)).await
    }
}
