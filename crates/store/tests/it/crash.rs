//! The machine dies at any write: what was acknowledged is there, what belongs together is there
//! together, and the mutants that break this are caught.

use crate::scene::{NOON, ana, key, says};
use serde_json::json;
use waypost_engine::model::{AccountId, Content, Draft, MessageId, RuleId, SendOrigin, Seq};
use waypost_store::fault::{Crash, Disk, Dying, Mutation};
use waypost_store::{
    Accept, Accepted, Complete, Completed, KeyWrite, NewAccount, OwnerEpoch, Store, StoreError,
    Synchronous, Work,
};

/// Messages of one run.
const MESSAGES: usize = 4;
/// More writes than a run makes; reaching it would mean that a run never ends.
const OPERATIONS_MAX: u64 = 2_000;

/// How the store is run.
#[derive(Clone, Copy, Default)]
struct Rules {
    synchronous: Synchronous,
    mutation: Option<Mutation>,
}

fn open(disk: &Disk, rules: Rules) -> Result<Store, StoreError> {
    let mut config = disk.store(key());
    config.synchronous = rules.synchronous;
    config.mutation = rules.mutation;
    Store::open(config)
}

/// What the store said was durable.
#[derive(Debug, Default)]
struct Acknowledged {
    accepted: Vec<usize>,
    keys: Vec<usize>,
    completed: Vec<usize>,
}

/// A disk with a store on it that has one account, properly closed.
async fn linked_disk() -> (Disk, AccountId) {
    let disk = Disk::new();
    let store = open(&disk, Rules::default()).unwrap();
    let account = store
        .create_account(NewAccount::named("Sales", NOON))
        .await
        .unwrap()
        .id;
    store.close().await;
    (disk, account)
}

fn words(n: usize) -> String {
    format!("message {n}")
}

fn answer(store: &Store, work: &Work, n: usize) -> Draft {
    Draft {
        id: store.next_id::<MessageId>(NOON),
        account: work.account,
        conversation: Some(work.conversation),
        to: ana(),
        wire_id: format!("W{n}"),
        content: Content::text("thanks"),
        frozen: Some(b"payload".to_vec()),
        origin: SendOrigin::Rule {
            rule: RuleId::from_raw(1),
            answers: work.message,
        },
        created_at: NOON,
    }
}

async fn accept(
    store: &Store,
    account: AccountId,
    owner: OwnerEpoch,
    n: usize,
) -> Result<Accepted, StoreError> {
    let items = vec![says(ana(), &format!("A{n}"), &words(n))];
    let mut accepted = store
        .accept(Accept {
            account,
            owner,
            now: NOON,
            items,
        })
        .await?;
    Ok(accepted.pop().unwrap())
}

/// Accepts, moves the ratchet, answers; stops at the first error, as a dead machine does.
async fn play(
    store: &Store,
    account: AccountId,
    said: &mut Acknowledged,
) -> Result<(), StoreError> {
    let owner = store.take_ownership(account).await?;
    for n in 0..MESSAGES {
        let Accepted::New(work) = accept(store, account, owner, n).await? else {
            panic!("message {n} is new");
        };
        said.accepted.push(n);
        let put = KeyWrite::Put {
            space: 1,
            key: vec![n as u8],
            value: b"ratchet".to_vec(),
        };
        store.key_write(account, vec![put]).await?;
        said.keys.push(n);
        let complete = Complete {
            message: work.message,
            account,
            owner,
            now: NOON,
            findings: json!({}),
            read: None,
            sends: vec![answer(store, &work, n)],
            events: vec![],
        };
        let done = store.complete(complete).await?;
        assert!(matches!(done, Completed::Done { .. }), "{done:?}");
        said.completed.push(n);
    }
    Ok(())
}

/// Compares what is there with what was acknowledged. Each line is a broken promise.
async fn judge(store: &Store, account: AccountId, said: &Acknowledged) -> Vec<String> {
    let mut broken = Vec::new();
    let owner = store.take_ownership(account).await.unwrap();
    let unfinished = store.unfinished(account, Seq(0), 100).await.unwrap();
    let sends = store.outbox_due(account, Seq(0), 100).await.unwrap();
    let mut places: Vec<_> = unfinished.iter().map(|work| work.seq).collect();
    places.extend(sends.iter().map(|send| send.seq));
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0] == pair[1]) {
        broken.push(format!("two messages share a place: {places:?}"));
    }
    for n in 0..MESSAGES {
        let waits = unfinished
            .iter()
            .any(|work| work.content.words() == Some(&words(n)));
        let answers = sends
            .iter()
            .filter(|send| send.wire_id == format!("W{n}"))
            .count();
        let ratchet = store
            .key_get(account, 1, &[n as u8])
            .await
            .unwrap()
            .is_some();
        let stored = matches!(
            accept(store, account, owner, n).await.unwrap(),
            Accepted::Duplicate { .. }
        );
        let done = stored && !waits;
        let mut check = |kept: bool, promise: &str| {
            if !kept {
                broken.push(format!("message {n}: {promise}"));
            }
        };
        check(stored || !said.accepted.contains(&n), "accepted, and lost");
        check(
            ratchet || !said.keys.contains(&n),
            "its key was acknowledged, and lost",
        );
        check(stored || !ratchet, "its key is there without it");
        check(
            done || !said.completed.contains(&n),
            "completed, and not done",
        );
        check(
            answers == usize::from(done),
            "done and answered do not go together",
        );
    }
    broken
}

/// One run on a copy of `disk` that dies at the given write. `None` when the run ended before.
async fn die_at(
    disk: &Disk,
    account: AccountId,
    rules: Rules,
    (operation, crash): (u64, Crash),
) -> Option<Vec<String>> {
    let mut noise = operation.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise
    };
    let disk = disk.after_crash(Crash::Killed, &mut random);
    let dying = if operation % 2 == 0 {
        Dying::After
    } else {
        Dying::Before
    };
    disk.die_at(operation, dying);
    let mut said = Acknowledged::default();
    let outcome = match open(&disk, rules) {
        Ok(store) => {
            let outcome = play(&store, account, &mut said).await;
            let ended = !disk.is_dead();
            disk.die();
            store.close().await;
            if ended {
                outcome.unwrap();
                return None;
            }
            outcome
        }
        Err(error) => Err(error),
    };
    assert!(disk.is_dead() || outcome.is_ok(), "{outcome:?}");
    let after = disk.after_crash(crash, &mut random);
    let store = open(&after, Rules::default()).expect("the database opens after every crash");
    let broken = judge(&store, account, &said).await;
    store.close().await;
    Some(broken)
}

/// Dies at every write of the run, in every way; returns every broken promise.
async fn die_everywhere(rules: Rules, crashes: &[Crash]) -> (u64, Vec<String>) {
    let (disk, account) = linked_disk().await;
    let (mut runs, mut broken) = (0, Vec::new());
    for operation in 1..OPERATIONS_MAX {
        for crash in crashes {
            let Some(found) = die_at(&disk, account, rules, (operation, *crash)).await else {
                return (runs, broken);
            };
            runs += 1;
            broken.extend(
                found
                    .into_iter()
                    .map(|what| format!("at write {operation}: {what}")),
            );
        }
    }
    panic!("a run makes more than {OPERATIONS_MAX} writes");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_at_every_single_write() {
    let crashes = [Crash::Killed, Crash::PowerLossAll, Crash::PowerLossSome];
    let (runs, broken) = die_everywhere(Rules::default(), &crashes).await;
    assert!(runs > 50, "only {runs} crashes");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn a_store_that_does_not_sync_is_caught() {
    let rules = Rules {
        synchronous: Synchronous::OffForTests,
        ..Rules::default()
    };
    let (_, broken) = die_everywhere(rules, &[Crash::PowerLossAll]).await;
    assert!(
        broken.iter().any(|what| what.contains("lost")),
        "{broken:#?}"
    );
}

#[tokio::test]
async fn an_outbox_row_outside_the_commit_is_caught() {
    let rules = Rules {
        mutation: Some(Mutation::OutboxOutsideCommit),
        ..Rules::default()
    };
    let (_, broken) = die_everywhere(rules, &[Crash::Killed]).await;
    assert!(
        broken
            .iter()
            .any(|what| what.contains("do not go together")),
        "{broken:#?}"
    );
}

#[tokio::test]
async fn a_dead_disk_acknowledges_nothing_and_says_what_to_check() {
    let (disk, account) = linked_disk().await;
    let store = open(&disk, Rules::default()).unwrap();
    let owner = store.take_ownership(account).await.unwrap();
    disk.die();
    let error = accept(&store, account, owner, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("check the disk"), "{error}");
    store.close().await;
}
