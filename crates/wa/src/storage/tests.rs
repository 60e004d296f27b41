use super::Storage;
use crate::cause::Cause;
use crate::lost::{Lost, LostReports};
use crate::memory::MemoryKeys;
use crate::ports::{CommitError, Inbox, KeysError, Space};
use crate::recent::RecentIds;
use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;
use wacore::store::traits::*;
use wacore::store::{Device, InMemoryBackend};
use wacore_appstate::processor::AppStateMutationMAC;
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::{AccountId, Address, Inbound};

/// The only message that the inbox has not got.
const LOST: &str = "LOST";

/// An inbox that knows frozen payloads, and every message but one.
struct Frozen(BTreeMap<String, Vec<u8>>);

#[async_trait]
impl Inbox for Frozen {
    async fn commit(&self, _: AccountId, _: Vec<Inbound>) -> Result<(), CommitError> {
        Ok(())
    }

    async fn has(&self, _: AccountId, _: &Address, wire_id: &str) -> Result<bool, KeysError> {
        Ok(wire_id != LOST)
    }

    async fn frozen(
        &self,
        _: AccountId,
        _: &Address,
        wire_id: &str,
    ) -> Result<Option<Vec<u8>>, KeysError> {
        Ok(self.0.get(wire_id).cloned())
    }
}

struct Bench {
    keys: Arc<MemoryKeys>,
    cause: Arc<Cause>,
    own_sends: Arc<RecentIds>,
    lost: (LostReports, mpsc::Receiver<Lost>),
    frozen: BTreeMap<String, Vec<u8>>,
}

impl Bench {
    fn new() -> Self {
        let own_sends = Arc::new(RecentIds::new(16));
        Self {
            keys: Arc::default(),
            cause: Arc::new(Cause::new()),
            own_sends,
            lost: LostReports::new(Arc::default()),
            frozen: BTreeMap::new(),
        }
    }

    fn storage(&self, account: i64) -> Storage {
        let inbox = Arc::new(Frozen(self.frozen.clone()));
        let keys: Arc<dyn crate::SessionKeys> = Arc::clone(&self.keys) as _;
        Storage::new(
            keys,
            inbox,
            AccountId::from_raw(account),
            Arc::clone(&self.cause),
            Arc::clone(&self.own_sends),
            self.lost.0.clone(),
        )
    }
}

/// One step the library might take. The names are few, so that steps meet.
#[derive(Debug, Clone)]
enum Step {
    Identity(u8, Option<u8>),
    Sessions(Vec<(u8, u8)>),
    DropSession(u8),
    Prekeys(Vec<(u32, u8)>),
    PrekeysUploaded(Vec<u32>),
    DropPrekey(u32),
    SignedPrekey(u32, Option<u8>),
    SenderKeys(Vec<(u8, u8)>),
    DropSenderKey(u8),
    SyncKey(u8, u8),
    Version(u8, u64),
    Macs(u8, Vec<(u8, u8)>),
    DropMacs(u8, Vec<u8>),
    ClearMacs(u8),
    KeyStatus(u8, Vec<(u8, bool)>),
    ClearKeyStatus(u8),
    ClearAllKeyStatus,
    DropKeyDevices(Vec<u8>),
    Mapping(u8, u8, i64),
    BaseKey(u8, u8, Option<u8>),
    Devices(u8, Vec<u32>, Option<u32>),
    DropDevices(u8),
    Group(u8, Option<u8>),
    Token(u8, i64, Option<i64>),
    TouchToken(u8, i64),
    ReceiveToken(u8, u8, i64),
    DropToken(u8),
    ExpireTokens(i64, i64),
    Pending(Vec<(u8, u8)>),
    DropPending(Vec<u8>),
    Secrets(Vec<(u8, u8, i64, i64)>),
    ExpireSecrets(i64),
}

fn name(n: u8) -> String {
    format!("10000000{}@lid", n % 6)
}

fn steps() -> impl Strategy<Value = Step> {
    let n = || 0u8..6;
    let id = || 0u32..8;
    let at = || 0i64..20;
    let pairs = || prop::collection::vec((0u8..6, any::<u8>()), 0..4);
    prop_oneof![
        (n(), any::<Option<u8>>()).prop_map(|(a, b)| Step::Identity(a, b)),
        pairs().prop_map(Step::Sessions),
        n().prop_map(Step::DropSession),
        prop::collection::vec((id(), any::<u8>()), 0..4).prop_map(Step::Prekeys),
        prop::collection::vec(id(), 0..4).prop_map(Step::PrekeysUploaded),
        id().prop_map(Step::DropPrekey),
        (id(), any::<Option<u8>>()).prop_map(|(a, b)| Step::SignedPrekey(a, b)),
        pairs().prop_map(Step::SenderKeys),
        n().prop_map(Step::DropSenderKey),
        (n(), any::<u8>()).prop_map(|(a, b)| Step::SyncKey(a, b)),
        (n(), any::<u64>()).prop_map(|(a, b)| Step::Version(a, b)),
        (n(), pairs()).prop_map(|(a, b)| Step::Macs(a, b)),
        (n(), prop::collection::vec(n(), 0..3)).prop_map(|(a, b)| Step::DropMacs(a, b)),
        n().prop_map(Step::ClearMacs),
        (n(), prop::collection::vec((n(), any::<bool>()), 0..4))
            .prop_map(|(a, b)| Step::KeyStatus(a, b)),
        n().prop_map(Step::ClearKeyStatus),
        Just(Step::ClearAllKeyStatus),
        prop::collection::vec(n(), 0..3).prop_map(Step::DropKeyDevices),
        (n(), n(), at()).prop_map(|(a, b, c)| Step::Mapping(a, b, c)),
        (n(), n(), any::<Option<u8>>()).prop_map(|(a, b, c)| Step::BaseKey(a, b, c)),
        (n(), prop::collection::vec(id(), 0..4), any::<Option<u32>>())
            .prop_map(|(a, b, c)| Step::Devices(a, b, c)),
        n().prop_map(Step::DropDevices),
        (n(), any::<Option<u8>>()).prop_map(|(a, b)| Step::Group(a, b)),
        (n(), at(), prop::option::of(at())).prop_map(|(a, b, c)| Step::Token(a, b, c)),
        (n(), at()).prop_map(|(a, b)| Step::TouchToken(a, b)),
        (n(), any::<u8>(), at()).prop_map(|(a, b, c)| Step::ReceiveToken(a, b, c)),
        n().prop_map(Step::DropToken),
        (at(), at()).prop_map(|(a, b)| Step::ExpireTokens(a, b)),
        pairs().prop_map(Step::Pending),
        prop::collection::vec(n(), 0..3).prop_map(Step::DropPending),
        prop::collection::vec((n(), any::<u8>(), at(), at()), 0..4).prop_map(Step::Secrets),
        at().prop_map(Step::ExpireSecrets),
    ]
}

fn shared(pairs: &[(u8, u8)]) -> Vec<(Arc<str>, Bytes)> {
    pairs
        .iter()
        .map(|(n, v)| (name(*n).into(), Bytes::from(vec![*v; 40])))
        .collect()
}

fn macs(pairs: &[(u8, u8)]) -> Vec<AppStateMutationMAC> {
    let mac = |(i, v): &(u8, u8)| AppStateMutationMAC {
        index_mac: vec![*i; 32],
        value_mac: vec![*v; 32],
    };
    pairs.iter().map(mac).collect()
}

async fn take(step: &Step, on: &impl Backend) -> wacore::store::error::Result<u32> {
    let dated = |at: &i64| if *at % 5 == 0 { 0 } else { *at };
    match step {
        Step::Identity(n, Some(v)) => on.put_identity(&name(*n), [*v; 32]).await?,
        Step::Identity(n, None) => on.delete_identity(&name(*n)).await?,
        Step::Sessions(pairs) => on.put_sessions_batch(&shared(pairs)).await?,
        Step::DropSession(n) => on.delete_session(&name(*n)).await?,
        Step::Prekeys(keys) => {
            let keys: Vec<_> = keys
                .iter()
                .map(|(id, v)| (*id, Bytes::from(vec![*v; 33])))
                .collect();
            on.store_prekeys_batch(&keys, false).await?;
        }
        Step::PrekeysUploaded(ids) => on.mark_prekeys_uploaded(ids).await?,
        Step::DropPrekey(id) => on.remove_prekey(*id).await?,
        Step::SignedPrekey(id, Some(v)) => on.store_signed_prekey(*id, &[*v; 70]).await?,
        Step::SignedPrekey(id, None) => on.remove_signed_prekey(*id).await?,
        Step::SenderKeys(pairs) => on.put_sender_keys_batch(&shared(pairs)).await?,
        Step::DropSenderKey(n) => on.delete_sender_key(&name(*n)).await?,
        Step::SyncKey(n, v) => {
            let key = AppStateSyncKey {
                key_data: vec![*v; 32],
                fingerprint: vec![*n; 5],
                timestamp: i64::from(*v),
            };
            on.set_sync_key(&[*n; 6], key).await?;
        }
        Step::Version(n, version) => {
            let state = wacore::appstate::hash::HashState {
                version: *version,
                ..Default::default()
            };
            on.set_version(&name(*n), state).await?;
        }
        Step::Macs(n, pairs) => on.put_mutation_macs(&name(*n), 1, &macs(pairs)).await?,
        Step::DropMacs(n, gone) => {
            let gone: Vec<_> = gone.iter().map(|i| vec![*i; 32]).collect();
            on.delete_mutation_macs(&name(*n), &gone).await?;
        }
        Step::ClearMacs(n) => on.clear_mutation_macs(&name(*n)).await?,
        Step::KeyStatus(n, entries) => {
            let entries: Vec<_> = entries.iter().map(|(d, has)| (name(*d), *has)).collect();
            let entries: Vec<_> = entries.iter().map(|(d, has)| (d.as_str(), *has)).collect();
            on.set_sender_key_status(&name(*n), &entries).await?;
        }
        Step::ClearKeyStatus(n) => on.clear_sender_key_devices(&name(*n)).await?,
        Step::ClearAllKeyStatus => on.clear_all_sender_key_devices().await?,
        Step::DropKeyDevices(gone) => {
            let gone: Vec<_> = gone.iter().map(|n| name(*n)).collect();
            let gone: Vec<_> = gone.iter().map(String::as_str).collect();
            on.delete_sender_key_device_rows(&gone).await?;
        }
        Step::Mapping(lid, number, at) => {
            let entry = LidPnMappingEntry {
                lid: name(*lid),
                phone_number: format!("97150{number}"),
                created_at: *at,
                updated_at: at + 1,
                learning_source: "usync".to_owned(),
            };
            on.put_lid_mapping(&entry).await?;
        }
        Step::BaseKey(a, m, Some(v)) => on.save_base_key(&name(*a), &name(*m), &[*v; 32]).await?,
        Step::BaseKey(a, m, None) => on.delete_base_key(&name(*a), &name(*m)).await?,
        Step::Devices(n, ids, raw_id) => {
            let device = |id: &u32| {
                DeviceInfo::new(*id, Some(id * 2).filter(|_| id.is_multiple_of(2)))
                    .with_hosting(id.is_multiple_of(3))
            };
            let phash = raw_id.map(|id| format!("2:{id}"));
            let devices = ids.iter().map(device).collect();
            let record = DeviceListRecord {
                user: name(*n),
                devices,
                timestamp: 7,
                phash,
                raw_id: *raw_id,
            };
            on.update_device_list(record).await?;
        }
        Step::DropDevices(n) => on.delete_devices(&name(*n)).await?,
        Step::Group(n, Some(v)) => on.put_group_metadata(&name(*n), &[*v; 99]).await?,
        Step::Group(n, None) => on.delete_group_metadata(&name(*n)).await?,
        Step::Token(n, at, sender) => {
            let entry = TcTokenEntry {
                token: vec![*n; 9],
                token_timestamp: *at,
                sender_timestamp: *sender,
            };
            on.put_tc_token(&name(*n), &entry).await?;
        }
        Step::TouchToken(n, at) => on.touch_tc_token_sender_timestamp(&name(*n), *at).await?,
        Step::ReceiveToken(n, v, at) => {
            on.store_received_tc_token(&name(*n), &[*v; 8], *at).await?
        }
        Step::DropToken(n) => on.delete_tc_token(&name(*n)).await?,
        Step::ExpireTokens(token, sender) => {
            return on.delete_expired_tc_tokens(*token, *sender).await;
        }
        Step::Pending(pairs) => {
            let rows: Vec<_> = pairs
                .iter()
                .map(|(n, v)| (name(*n), vec![*v; 50]))
                .collect();
            let rows: Vec<_> = rows
                .iter()
                .map(|(n, message)| PendingInboundRow {
                    chat: n,
                    sender: "s",
                    id: "i",
                    message,
                })
                .collect();
            on.store_pending_inbound_batch(&rows).await?;
        }
        Step::DropPending(gone) => {
            let gone: Vec<_> = gone.iter().map(|n| name(*n)).collect();
            let keys: Vec<_> = gone
                .iter()
                .map(|n| PendingInboundKey {
                    chat: n,
                    sender: "s",
                    id: "i",
                })
                .collect();
            on.delete_pending_inbound_batch(&keys).await?;
        }
        Step::Secrets(rows) => {
            let entry = |(n, v, expires, sent): &(u8, u8, i64, i64)| MsgSecretEntry {
                chat: name(*n).into(),
                sender: "s".into(),
                msg_id: "i".into(),
                secret: [*v; 32],
                expires_at: dated(expires),
                message_ts: dated(sent),
            };
            on.put_msg_secrets(rows.iter().map(entry).collect()).await?;
        }
        Step::ExpireSecrets(at) => return on.delete_expired_msg_secrets(*at).await,
    }
    Ok(0)
}

/// Everything that can be asked about the few names, as text. The number map is left out: the
/// reference forgets a number's newer holder when an older one moves on.
async fn sight(on: &impl Backend) -> wacore::store::error::Result<BTreeSet<String>> {
    let mut seen = BTreeSet::new();
    let mut see = |what: &str, n: u8, value: String| seen.insert(format!("{what} {n} {value}"));
    for n in 0..6u8 {
        let of = name(n);
        see("identity", n, format!("{:?}", on.load_identity(&of).await?));
        see(
            "session",
            n,
            format!(
                "{:?} {}",
                on.get_session(&of).await?,
                on.has_session(&of).await?
            ),
        );
        see(
            "user",
            n,
            format!(
                "{}",
                on.has_signal_state_for_user(of.trim_end_matches("@lid"))
                    .await?
            ),
        );
        see(
            "sender key",
            n,
            format!("{:?}", on.get_sender_key(&of).await?),
        );
        see(
            "sync key",
            n,
            format!("{:?}", on.get_sync_key(&[n; 6]).await?),
        );
        see("version", n, on.get_version(&of).await?.version.to_string());
        for i in 0..6u8 {
            see(
                "mac",
                n,
                format!("{i} {:?}", on.get_mutation_mac(&of, &[i; 32]).await?),
            );
            see(
                "base key",
                n,
                format!(
                    "{i} {}",
                    on.has_same_base_key(&of, &name(i), &[1; 32]).await?
                ),
            );
        }
        let many = on.get_mutation_macs(&of, &[[1; 32], [2; 32]]).await?;
        see(
            "macs",
            n,
            format!("{:?}", many.into_iter().collect::<BTreeMap<_, _>>()),
        );
        let mut status = on.get_sender_key_devices(&of).await?;
        status.sort();
        see("status", n, format!("{status:?}"));
        see(
            "mapping",
            n,
            format!("{:?}", on.get_lid_mapping(&of).await?),
        );
        see("devices", n, format!("{:?}", on.get_devices(&of).await?));
        see(
            "group",
            n,
            format!("{:?}", on.get_group_metadata(&of).await?),
        );
        see("token", n, format!("{:?}", on.get_tc_token(&of).await?));
        see(
            "pending",
            n,
            format!("{:?}", on.get_pending_inbound(&of, "s", "i").await?),
        );
        see(
            "secret",
            n,
            format!("{:?}", on.get_msg_secret_with_ts(&of, "s", "i").await?),
        );
    }
    for id in 0..8u32 {
        see("prekey", 0, format!("{id} {:?}", on.load_prekey(id).await?));
        see(
            "signed",
            0,
            format!("{id} {:?}", on.load_signed_prekey(id).await?),
        );
    }
    see(
        "prekeys",
        0,
        format!("{:?}", on.load_prekeys_batch(&[3, 1, 7]).await?),
    );
    see("last prekey", 0, on.get_max_prekey_id().await?.to_string());
    let mut signed = on.load_all_signed_prekeys().await?;
    signed.sort();
    see("all signed", 0, format!("{signed:?}"));
    see(
        "latest",
        0,
        format!("{:?}", on.get_latest_sync_key_id().await?),
    );
    let mut jids = on.get_all_tc_token_jids().await?;
    jids.sort();
    see("tokens", 0, format!("{jids:?}"));
    let maps: BTreeSet<String> = on
        .get_all_lid_mappings()
        .await?
        .iter()
        .map(|m| format!("{m:?}"))
        .collect();
    see("mappings", 0, format!("{maps:?}"));
    Ok(seen)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_sequence_of_steps_leaves_what_the_reference_would(sequence in prop::collection::vec(steps(), 1..60)) {
        block_on(async {
            let (bench, reference) = (Bench::new(), InMemoryBackend::new());
            // A neighbour in the same store must not be touched by any of it.
            let (storage, neighbour) = (bench.storage(1), bench.storage(2));
            neighbour.put_session(&name(1), b"neighbour").await.unwrap();
            let untouched = sight(&neighbour).await.unwrap();
            for step in &sequence {
                let (ours, theirs) = (take(step, &storage).await.unwrap(), take(step, &reference).await.unwrap());
                prop_assert_eq!(ours, theirs, "{:?}", step);
            }
            prop_assert_eq!(sight(&storage).await.unwrap(), sight(&reference).await.unwrap());
            prop_assert_eq!(sight(&neighbour).await.unwrap(), untouched);
            Ok(())
        })?;
    }

    #[test]
    fn a_number_always_points_to_a_person_who_has_it(
        pairs in prop::collection::vec((0u8..5, 0u8..5), 1..40),
    ) {
        block_on(async {
            let storage = Bench::new().storage(1);
            let mut holder: BTreeMap<String, String> = BTreeMap::new();
            let mut number_of: BTreeMap<String, String> = BTreeMap::new();
            for (lid, number) in pairs {
                let entry = LidPnMappingEntry {
                    lid: name(lid),
                    phone_number: format!("97150{number}"),
                    created_at: 1,
                    updated_at: 2,
                    learning_source: "usync".to_owned(),
                };
                storage.put_lid_mapping(&entry).await.unwrap();
                if let Some(old) = number_of.insert(entry.lid.clone(), entry.phone_number.clone())
                    && old != entry.phone_number && holder.get(&old) == Some(&entry.lid)
                {
                    holder.remove(&old);
                }
                holder.insert(entry.phone_number.clone(), entry.lid.clone());
            }
            for number in 0..5 {
                let number = format!("97150{number}");
                let found = storage.get_pn_mapping(&number).await.unwrap().map(|entry| entry.lid);
                prop_assert_eq!(found.as_ref(), holder.get(&number));
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_used_one_time_key_stays_gone_when_its_upload_is_confirmed() {
    let storage = Bench::new().storage(1);
    storage.store_prekey(5, b"record", false).await.unwrap();
    storage.remove_prekey(5).await.unwrap();
    storage.mark_prekeys_uploaded(&[5]).await.unwrap();
    assert_eq!(storage.load_prekey(5).await.unwrap(), None);
}

#[tokio::test]
async fn a_retry_request_is_answered_from_the_frozen_payload_any_number_of_times() {
    let mut bench = Bench::new();
    bench.frozen.insert("A1".to_owned(), b"frozen".to_vec());
    let storage = bench.storage(1);
    bench.own_sends.insert("A1");
    storage
        .store_sent_message("1@lid", "A1", b"the library's copy")
        .await
        .unwrap();
    assert_eq!(
        bench.keys.count(AccountId::from_raw(1), Space::SentCopy),
        0,
        "no second copy of our own sends"
    );
    for _ in 0..3 {
        assert_eq!(
            storage
                .take_sent_message("1@lid", "A1")
                .await
                .unwrap()
                .as_deref(),
            Some(&b"frozen"[..])
        );
    }
    storage
        .store_sent_message("1@lid", "B2", b"its own")
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(
            storage
                .take_sent_message("1@lid", "B2")
                .await
                .unwrap()
                .as_deref(),
            Some(&b"its own"[..])
        );
    }
    assert_eq!(
        storage
            .delete_expired_sent_messages(i64::MAX)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        storage.take_sent_message("1@lid", "B2").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn the_device_survives_being_written_down() {
    let bench = Bench::new();
    let storage = bench.storage(1);
    assert!(!storage.exists().await.unwrap() && storage.load().await.unwrap().is_none());
    let mut device = Device::new();
    device.pn = Some("971500000001:3@s.whatsapp.net".parse().unwrap());
    device.push_name = "Ana".to_owned();
    device.next_pre_key_id = 77;
    device.edge_routing_info = Some(vec![0, 255, 7]);
    storage.save(&device).await.unwrap();
    let again = storage.load().await.unwrap().unwrap();
    assert_eq!(
        serde_json::to_value(&again).unwrap(),
        serde_json::to_value(&device).unwrap()
    );
    assert!(
        super::has_session(&*bench.keys, AccountId::from_raw(1))
            .await
            .unwrap()
    );
    assert!(
        !super::has_session(&*bench.keys, AccountId::from_raw(2))
            .await
            .unwrap()
    );
    storage.create().await.unwrap();
    assert_eq!(
        storage.load().await.unwrap().unwrap().push_name,
        "Ana",
        "an existing device is kept"
    );
}

#[tokio::test]
async fn a_lost_ratchet_gives_the_connection_up_and_stops_every_later_write() {
    let bench = Bench::new();
    let storage = bench.storage(1);
    bench.keys.fail_writes(Some("disk full"));
    assert!(storage.put_group_metadata("g@g.us", b"x").await.is_err());
    assert!(
        !bench.cause.is_poisoned(),
        "group metadata is asked for again"
    );
    assert!(storage.put_session("1@lid", b"ratchet").await.is_err());
    assert!(bench.cause.is_poisoned() && bench.cause.is_ending());
    bench.keys.fail_writes(None);
    assert!(
        storage.put_session("1@lid", b"later").await.is_err(),
        "nothing may overtake what was lost"
    );
    assert_eq!(storage.get_session("1@lid").await.unwrap(), None);
    let reason = bench.cause.reason_or(DownReason::Network);
    assert!(matches!(reason, DownReason::StoreFailed { error } if error.contains("disk full")));
}

proptest! {
    #[test]
    fn a_damaged_value_is_an_error_and_never_a_panic(value in prop::collection::vec(any::<u8>(), 0..80)) {
        block_on(async {
            let bench = Bench::new();
            let storage = bench.storage(1);
            for space in [
                Space::Device, Space::SyncKey, Space::SyncVersion, Space::LidMapping, Space::DeviceList,
                Space::TcToken, Space::PendingInbound, Space::MessageSecret, Space::SentCopy, Space::Identity,
            ] {
                for key in [&b"device"[..], b"x", b"x\0s\0i", b"x\0i"] {
                    storage.put(super::Weight::Light, space, key, value.clone()).await.unwrap();
                }
            }
            let _ = storage.load().await;
            let _ = storage.get_sync_key(b"x").await;
            let _ = storage.get_version("x").await;
            let _ = storage.get_all_lid_mappings().await;
            let _ = storage.get_devices("x").await;
            let _ = storage.get_tc_token("x").await;
            let _ = storage.get_pending_inbound("x", "s", "i").await;
            let _ = storage.get_msg_secret("x", "s", "i").await;
            let _ = storage.take_sent_message("x", "i").await;
            let _ = storage.load_identity("x").await;
            let _ = storage.delete_expired_msg_secrets(5).await;
            let _ = storage.delete_expired_tc_tokens(5, 5).await;
        });
    }
}

#[tokio::test]
async fn a_message_that_is_nowhere_is_not_acknowledged_but_asked_for() {
    let mut bench = Bench::new();
    let storage = bench.storage(1);
    let stored = storage
        .get_pending_inbound("200@lid", "200:3@lid", "ANY")
        .await;
    assert_eq!(stored.unwrap(), None, "a stored one may be acknowledged");
    assert!(bench.lost.1.try_recv().is_err());
    let lost = storage
        .get_pending_inbound("200@lid", "200:3@lid", LOST)
        .await;
    assert!(lost.is_err());
    let reported = bench.lost.1.try_recv().unwrap();
    assert_eq!(
        (reported.sender.to_string(), reported.id.as_str()),
        ("200:3@lid".to_owned(), LOST)
    );
}
