//! What people see: conversations, messages, contacts, groups, and finding things again.

use super::Scene;
use crate::scene::{NOON, also, ana, ana_lid, ben, family, in_group, says, with};
use proptest::prelude::*;
use std::collections::BTreeSet;
use waypost_engine::model::content::Media;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    Address, Content, ConversationId, Direction, Inbound, MediaKind, MediaPointer, MediaState,
    SendState, Timestamp, WorkspaceId,
};
use waypost_store::admin::contacts::{ContactFilter, MergeId};
use waypost_store::admin::conversations::{
    Around, ConversationFilter, ConversationView, MessageView, Party, Show,
};
use waypost_store::admin::groups::{GroupInfo, GroupRole, Joined};
use waypost_store::admin::search::{Coverage, SearchQuery};
use waypost_store::{Page, Paged, StoreError};

const HOME: WorkspaceId = WorkspaceId::DEFAULT;

fn at(inbound: Inbound, ms: i64) -> Inbound {
    Inbound {
        sent_at: Timestamp(NOON.0 + ms),
        ..inbound
    }
}

fn named(inbound: Inbound, name: &str) -> Inbound {
    Inbound {
        push_name: Some(name.to_owned()),
        ..inbound
    }
}

async fn listed(scene: &Scene, filter: ConversationFilter) -> Vec<ConversationView> {
    scene
        .store
        .conversations(filter, Page::default())
        .await
        .unwrap()
        .items
}

async fn newest(scene: &Scene, conversation: ConversationId) -> Vec<MessageView> {
    scene
        .store
        .messages(HOME, conversation, Around::Newest, 200)
        .await
        .unwrap()
        .messages
}

fn words(messages: &[MessageView]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.content.words().unwrap_or("-"))
        .collect()
}

#[tokio::test]
async fn the_list_shows_the_newest_conversation_first_with_its_last_words() {
    let scene = Scene::new().await;
    scene
        .work(at(named(says(ana(), "A1", "hello from Ana"), "Ana"), 1))
        .await;
    scene.work(at(says(ben(), "B1", "hello from Ben"), 2)).await;
    scene
        .work(at(
            named(in_group(family(), ana(), "G1", "dinner?"), "Ana"),
            3,
        ))
        .await;
    scene
        .work(at(named(says(ana(), "A2", "are you there?"), "Ana"), 4))
        .await;

    let list = listed(&scene, ConversationFilter::all(HOME)).await;
    let titles: Vec<_> = list.iter().map(|talk| talk.title.as_str()).collect();
    assert_eq!(titles, ["Ana", "12036300000000", "+971500000002"]);
    let last = list[0].last.as_ref().unwrap();
    assert_eq!(
        (last.text.as_deref(), last.direction),
        (Some("are you there?"), Direction::In)
    );
    assert_eq!(list[0].unread, 2);
    assert!(
        matches!(&list[1].party, Party::Chat { address, joined: None } if *address == family())
    );
    assert_eq!(
        list[1].last.as_ref().unwrap().sender_name.as_deref(),
        Some("Ana")
    );

    let search = |text: &str| ConversationFilter {
        text: Some(text.to_owned()),
        ..ConversationFilter::all(HOME)
    };
    for (text, found) in [
        ("ana", 1),
        ("00000002", 1),
        ("120363", 1),
        ("%", 0),
        ("_", 0),
        ("zoe", 0),
    ] {
        assert_eq!(listed(&scene, search(text)).await.len(), found, "{text}");
    }
    let foreign = ConversationFilter::all(WorkspaceId::from_raw(7));
    assert!(listed(&scene, foreign).await.is_empty());
    let other = scene.second_account().await.id;
    let others = ConversationFilter {
        account: Some(other),
        ..ConversationFilter::all(HOME)
    };
    assert!(listed(&scene, others).await.is_empty());
}

#[tokio::test]
async fn marking_as_read_names_what_was_unread_once() {
    let scene = Scene::new().await;
    scene.work(at(says(ana(), "A1", "one"), 1)).await;
    let work = scene.work(at(says(ana(), "A2", "two"), 2)).await;
    scene.work(says(ben(), "B1", "other")).await;
    let unread = ConversationFilter {
        show: Show::Unread,
        ..ConversationFilter::all(HOME)
    };
    assert_eq!(listed(&scene, unread.clone()).await.len(), 2);

    let read = scene
        .store
        .mark_read(HOME, work.conversation, NOON)
        .await
        .unwrap();
    let ids: Vec<_> = read
        .receipts
        .iter()
        .map(|receipt| receipt.wire_id.as_str())
        .collect();
    assert_eq!((read.account, ids), (scene.account, vec!["A2", "A1"]));
    let again = scene
        .store
        .mark_read(HOME, work.conversation, NOON)
        .await
        .unwrap();
    assert!(again.receipts.is_empty());
    assert_eq!(scene.told(kind::CONVERSATION_READ).await.len(), 1);
    assert_eq!(listed(&scene, unread).await.len(), 1);
    let foreign = scene
        .store
        .mark_read(WorkspaceId::from_raw(7), work.conversation, NOON)
        .await;
    assert_eq!(
        foreign,
        Err(StoreError::NotFound {
            what: "conversation"
        })
    );
}

#[tokio::test]
async fn a_message_shows_what_happened_to_it() {
    let scene = Scene::new().await;
    let work = scene.work(at(says(ana(), "A1", "see you at 5"), 1)).await;
    let emoji = |emoji: &str| Content::Reaction {
        target: "A1".to_owned(),
        emoji: emoji.to_owned(),
    };
    let own = |inbound: Inbound| Inbound {
        from_me: true,
        origin: waypost_engine::model::Origin::Own,
        ..inbound
    };
    scene
        .accept_one(at(with(says(ana(), "A2", ""), emoji("👍")), 2))
        .await;
    scene
        .accept_one(at(own(with(says(ana(), "O1", ""), emoji("🎉"))), 3))
        .await;
    let edit = Content::Edit {
        target: "A1".to_owned(),
        body: "see you at 6".to_owned(),
    };
    scene
        .accept_one(at(with(says(ana(), "A3", ""), edit), 4))
        .await;
    let answer = scene.answer(&work, "W1", "fine");
    scene.complete(&work, vec![answer]).await;

    let shown = newest(&scene, work.conversation).await;
    assert_eq!(
        words(&shown),
        ["fine", "see you at 5"],
        "by time sent; annotations are not messages"
    );
    let message = &shown[1];
    assert_eq!(message.edited.as_ref().unwrap().body, "see you at 6");
    let reactions: Vec<_> = message
        .reactions
        .iter()
        .map(|reaction| (reaction.contact.is_some(), reaction.emoji.as_str()))
        .collect();
    assert_eq!(reactions, [(true, "👍"), (false, "🎉")]);
    assert_eq!(
        message.findings,
        Some(serde_json::json!({ "language": "en" }))
    );
    assert_eq!(message.send, None);
    assert_eq!(shown[0].send.as_ref().unwrap().state, SendState::Accepted);

    // She takes the reaction back and deletes the message; Ben cannot delete it for her.
    scene
        .accept_one(at(with(says(ana(), "A4", ""), emoji("")), 5))
        .await;
    let revoke = || Content::Revoke {
        target: "A1".to_owned(),
    };
    scene
        .accept_one(at(with(says(ben(), "B1", ""), revoke()), 6))
        .await;
    assert_eq!(newest(&scene, work.conversation).await[1].revoked_at, None);
    scene
        .accept_one(at(with(says(ana(), "A5", ""), revoke()), 7))
        .await;
    let message = scene.store.message(HOME, work.message).await.unwrap();
    assert_eq!(message.revoked_at, Some(Timestamp(NOON.0 + 7)));
    assert_eq!(message.reactions.len(), 1);
    let foreign = scene
        .store
        .message(WorkspaceId::from_raw(7), work.message)
        .await;
    assert_eq!(foreign, Err(StoreError::NotFound { what: "message" }));
}

#[tokio::test]
async fn a_picture_shows_its_state_and_never_its_keys() {
    let scene = Scene::new().await;
    let pointer = MediaPointer {
        direct_path: "/v/secret-path".to_owned(),
        media_key: vec![7; 32],
        file_sha256: vec![1; 32],
        file_enc_sha256: vec![2; 32],
        file_length: 5,
    };
    let file = Media {
        media: MediaKind::Image,
        mime: "image/jpeg".to_owned(),
        caption: Some("the beach".to_owned()),
        file_name: None,
        seconds: None,
        size: Some((640, 480)),
        pointer: Some(pointer),
        blob: None,
    };
    let picture = Content::Media {
        file,
        quote: None,
        mentions: vec![],
    };
    let work = scene.work(with(says(ana(), "A1", ""), picture)).await;
    let shown = scene.store.message(HOME, work.message).await.unwrap();
    assert_eq!(shown.media.as_ref().unwrap().state, MediaState::Pending);
    assert!(
        !serde_json::to_string(&shown)
            .unwrap()
            .contains("secret-path")
    );

    let blob = scene
        .store
        .put_small_blob(b"jpeg!", "image/jpeg", NOON)
        .await
        .unwrap();
    let stored = waypost_store::MediaOutcome::Stored { blob: blob.id };
    scene
        .store
        .media_settled(work.message, stored, NOON)
        .await
        .unwrap();
    let media = scene
        .store
        .message(HOME, work.message)
        .await
        .unwrap()
        .media
        .unwrap();
    assert_eq!(
        media.state,
        MediaState::Stored {
            blob: blob.id,
            bytes: 5
        }
    );
    assert_eq!(media.mime.as_deref(), Some("image/jpeg"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn scrolling_up_and_down_shows_every_message_once_in_order(
        times in prop::collection::vec(0..6i64, 1..30),
        limit in 1..8u16,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new().await;
            let said = (0..).zip(&times).map(|(n, ms)| at(says(ana(), &format!("A{n}"), &format!("{n}")), *ms));
            let accepted = scene.accept(said.collect()).await;
            assert_eq!(accepted.len(), times.len());
            let conversation = scene.unfinished().await[0].conversation;
            let mut expect: Vec<(i64, usize)> =
                times.iter().enumerate().map(|(n, ms)| (*ms, n)).collect();
            expect.sort_unstable();
            let expect: Vec<String> = expect.into_iter().map(|(_, n)| n.to_string()).collect();

            let mut up: Vec<MessageView> = Vec::new();
            let mut around = Around::Newest;
            loop {
                let page = scene.store.messages(HOME, conversation, around, limit).await.unwrap();
                up = page.messages.into_iter().chain(up).collect();
                let Some(older) = page.older else { break };
                around = Around::Before(older);
            }
            assert_eq!(words(&up), expect);

            let first = scene.store.messages(HOME, conversation, Around::Newest, 200).await.unwrap();
            let start = first.messages.first().map(|m| waypost_store::admin::conversations::Place {
                sent_at: m.sent_at,
                seq: m.seq,
            });
            let mut down = vec![first.messages[0].clone()];
            let mut place = start.unwrap();
            loop {
                let around = Around::After(place);
                let page = scene.store.messages(HOME, conversation, around, limit).await.unwrap();
                place = page.newer.unwrap();
                if page.messages.is_empty() {
                    break;
                }
                down.extend(page.messages);
            }
            assert_eq!(words(&down), expect);
        });
    }

    #[test]
    fn paging_through_the_conversations_misses_none(count in 1..25usize, limit in 1..7u16) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new().await;
            for n in 0..count {
                // Several share a moment, so that the order must not hang on time alone.
                let who = Address::phone(&format!("97150000{n:04}"));
                scene.work(at(says(who, &format!("M{n}"), "hi"), (n / 3) as i64)).await;
            }
            let mut page = Page::first(limit);
            let mut seen = Vec::new();
            loop {
                let all = ConversationFilter::all(HOME);
                let Paged { items, next } = scene.store.conversations(all, page).await.unwrap();
                assert!(items.len() <= usize::from(limit));
                seen.extend(items.iter().map(|talk| (talk.last_at, talk.id)));
                let Some(next) = next else { break };
                page = Page { limit, cursor: Some(next) };
            }
            assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), count);
        });
    }
}

#[tokio::test]
async fn a_strange_page_cursor_is_refused_with_a_sentence() {
    let scene = Scene::new().await;
    for cursor in ["", "x", "AAAA", "ÄÖÜ", &"A".repeat(400)] {
        let page = Page {
            limit: 10,
            cursor: Some(cursor.to_owned()),
        };
        let refused = scene
            .store
            .conversations(ConversationFilter::all(HOME), page)
            .await;
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{cursor:?}"
        );
    }
}

#[tokio::test]
async fn contacts_are_found_named_and_know_their_addresses() {
    let scene = Scene::new().await;
    let work = scene
        .work(named(also(says(ana(), "A1", "hi"), ana_lid()), "Ana K"))
        .await;
    scene.work(says(ben(), "B1", "hi")).await;
    let contact = work.sender.unwrap();
    let found = |text: &str| ContactFilter {
        text: Some(text.to_owned()),
        account: None,
    };
    let list = async |filter| {
        scene
            .store
            .contacts(HOME, filter, Page::default())
            .await
            .unwrap()
            .items
    };
    assert_eq!(list(ContactFilter::default()).await.len(), 2);
    let by_name = list(found("ana k")).await;
    assert_eq!(
        (by_name[0].id, by_name[0].title()),
        (contact, "Ana K".to_owned())
    );
    assert_eq!(list(found("1111@lid")).await, by_name);
    assert_eq!(
        (&by_name[0].phone, &by_name[0].lid),
        (&Some(ana()), &Some(ana_lid()))
    );

    let name = Some("Ana from the bank".to_owned());
    scene
        .store
        .rename_contact(HOME, contact, name, NOON)
        .await
        .unwrap();
    assert_eq!(
        scene.store.contact(HOME, contact).await.unwrap().title(),
        "Ana from the bank"
    );
    let talk = scene
        .store
        .conversation(HOME, work.conversation)
        .await
        .unwrap();
    assert_eq!(talk.title, "Ana from the bank");
    let odd = scene
        .store
        .rename_contact(HOME, contact, Some(" ".to_owned()), NOON)
        .await;
    assert!(matches!(odd, Err(StoreError::Invalid { .. })));
    scene
        .store
        .rename_contact(HOME, contact, None, NOON)
        .await
        .unwrap();
    assert_eq!(
        scene.store.contact(HOME, contact).await.unwrap().title(),
        "Ana K"
    );

    let aliases = scene.store.aliases(HOME, contact).await.unwrap();
    let addresses: BTreeSet<_> = aliases.into_iter().map(|alias| alias.address).collect();
    assert_eq!(addresses, BTreeSet::from([ana(), ana_lid()]));
    let nobody = scene.second_account().await.id;
    let filter = ContactFilter {
        text: None,
        account: Some(nobody),
    };
    assert!(list(filter).await.is_empty());
}

#[tokio::test]
async fn a_merge_taken_back_leaves_everything_where_it_was() {
    let scene = Scene::new().await;
    let by_number = scene.work(at(says(ana(), "A1", "by number"), 1)).await;
    let by_lid = scene.work(at(says(ana_lid(), "L1", "by LID"), 2)).await;
    let before = listed(&scene, ConversationFilter::all(HOME)).await;
    scene
        .work(at(also(says(ana_lid(), "L2", "both"), ana()), 3))
        .await;
    // She goes on writing under the number, into the merged conversation.
    scene
        .work(at(says(ana(), "A2", "by number again"), 4))
        .await;
    let merged = listed(&scene, ConversationFilter::all(HOME)).await;
    assert_eq!(merged.len(), 1);
    let all = newest(&scene, by_number.conversation).await;
    assert_eq!(
        words(&all),
        ["by number", "by LID", "both", "by number again"]
    );

    let merges = scene
        .store
        .merges(HOME, Page::default())
        .await
        .unwrap()
        .items;
    let merge = merges[0].id;
    let shown = merge.to_string();
    assert_eq!(shown.parse::<MergeId>().unwrap(), merge);
    let undone = scene.store.undo_merge(HOME, merge, NOON).await.unwrap();
    assert_eq!(Some(undone.from), by_number.sender);
    let twice = scene.store.undo_merge(HOME, merge, NOON).await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })));

    assert_eq!(
        words(&newest(&scene, by_number.conversation).await),
        ["by number", "by number again"]
    );
    assert_eq!(
        words(&newest(&scene, by_lid.conversation).await),
        ["by LID", "both"]
    );
    let after = listed(&scene, ConversationFilter::all(HOME)).await;
    let parties = |list: &[ConversationView]| {
        list.iter()
            .map(|talk| (talk.id, talk.title.clone()))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(parties(&after), parties(&before));
    let last: BTreeSet<_> = after
        .iter()
        .map(|talk| talk.last.as_ref().unwrap().text.clone().unwrap())
        .collect();
    assert_eq!(
        last,
        BTreeSet::from(["by number again".to_owned(), "both".to_owned()])
    );
    // The order in the account is what it was all along.
    let places: Vec<_> = scene
        .unfinished()
        .await
        .into_iter()
        .map(|work| work.seq.0)
        .collect();
    assert_eq!(places, [1, 2, 3, 4]);
    // What comes now goes to the one it belongs to.
    let next = scene.work(at(says(ana(), "A3", "still me"), 5)).await;
    assert_eq!(next.conversation, by_number.conversation);
}

#[tokio::test]
async fn a_group_shows_its_name_and_who_is_in_it() {
    let scene = Scene::new().await;
    let work = scene
        .work(named(in_group(family(), ana(), "G1", "dinner?"), "Ana"))
        .await;
    let info = GroupInfo {
        account: scene.account,
        address: family(),
        subject: "Family".to_owned(),
        description: None,
        joined: Joined::Yes,
        members: vec![(ana(), GroupRole::Admin), (ben(), GroupRole::Member)],
    };
    scene.store.put_group(info.clone(), NOON).await.unwrap();
    let talk = scene
        .store
        .conversation(HOME, work.conversation)
        .await
        .unwrap();
    assert_eq!(talk.title, "Family");
    let members = scene
        .store
        .group_members(scene.account, family())
        .await
        .unwrap();
    let known: Vec<_> = members
        .iter()
        .map(|m| (m.address.clone(), m.role, m.name.clone()))
        .collect();
    assert_eq!(
        known,
        [
            (ana(), GroupRole::Admin, Some("Ana".to_owned())),
            (ben(), GroupRole::Member, None)
        ]
    );
    let fewer = GroupInfo {
        joined: Joined::Left,
        members: vec![(ana(), GroupRole::Owner)],
        ..info
    };
    scene.store.put_group(fewer, NOON).await.unwrap();
    let group = scene.store.group(scene.account, family()).await.unwrap();
    assert_eq!((group.member_count, group.joined), (1, Joined::Left));
    assert_eq!(group.conversation, Some(work.conversation));
    assert_eq!(
        scene
            .store
            .groups(scene.account, Page::default())
            .await
            .unwrap()
            .items,
        [group]
    );
    let no_group = GroupInfo {
        account: scene.account,
        address: ana(),
        subject: String::new(),
        description: None,
        joined: Joined::Yes,
        members: vec![],
    };
    let refused = scene.store.put_group(no_group, NOON).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
}

fn looking_for(text: &str) -> SearchQuery {
    SearchQuery {
        workspace: HOME,
        account: None,
        conversation: None,
        text: text.to_owned(),
    }
}

async fn found(scene: &Scene, query: SearchQuery) -> Vec<String> {
    let result = scene.store.search(query, Page::default()).await.unwrap();
    assert_eq!(result.coverage, Coverage::Complete);
    words(&result.found.items)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn a_message_is_found_by_its_words_as_soon_as_it_is_stored() {
    let scene = Scene::new().await;
    let work = scene
        .work(says(
            ana(),
            "A1",
            "The café in Dubai Marina costs 5,000 AED",
        ))
        .await;
    scene.work(says(ben(), "B1", "marina")).await;
    scene.work(says(ben(), "B2", "شقة في دبي مارينا")).await;
    for (text, expect) in [
        ("marina", 2),
        ("DUBAI mar", 1),
        ("cafe", 1),
        ("دبي", 1),
        ("marina\" OR \"costs", 0),
        ("5,000", 1),
        ("nothing", 0),
        ("words:marina", 0),
    ] {
        assert_eq!(
            found(&scene, looking_for(text)).await.len(),
            expect,
            "{text}"
        );
    }
    let here = SearchQuery {
        conversation: Some(work.conversation),
        ..looking_for("marina")
    };
    assert_eq!(found(&scene, here).await.len(), 1);
    let elsewhere = SearchQuery {
        workspace: WorkspaceId::from_raw(7),
        ..looking_for("marina")
    };
    assert!(found(&scene, elsewhere).await.is_empty());
    for bad in ["", " \" * ", &"x ".repeat(100), &"x".repeat(1_000)] {
        let refused = scene.store.search(looking_for(bad), Page::default()).await;
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{bad:?}"
        );
    }
    // A search goes on where its page ended.
    let one = scene
        .store
        .search(looking_for("marina"), Page::first(1))
        .await
        .unwrap()
        .found;
    let rest = Page {
        limit: 10,
        cursor: one.next,
    };
    let two = scene
        .store
        .search(looking_for("marina"), rest)
        .await
        .unwrap()
        .found;
    assert_eq!((words(&one.items), two.items.len()), (vec!["marina"], 1));
}

#[tokio::test]
async fn a_repaired_message_is_found_and_a_deleted_accounts_is_not() {
    let scene = Scene::new().await;
    scene
        .accept_one(with(says(ana(), "A1", ""), Content::Placeholder))
        .await;
    assert!(found(&scene, looking_for("lighthouse")).await.is_empty());
    scene
        .work(says(ana(), "A1", "the lighthouse at last"))
        .await;
    assert_eq!(found(&scene, looking_for("lighthouse")).await.len(), 1);
    scene
        .store
        .delete_account(scene.account, NOON)
        .await
        .unwrap();
    assert!(found(&scene, looking_for("lighthouse")).await.is_empty());
}

#[tokio::test]
async fn the_counts_say_what_is_waiting() {
    let scene = Scene::new().await;
    let work = scene.work(says(ana(), "A1", "one")).await;
    scene.work(says(ana(), "A2", "two")).await;
    let answer = scene.answer(&work, "W1", "hi");
    scene.complete(&work, vec![answer]).await;
    let counts = scene.store.counts().await.unwrap();
    assert_eq!((counts.unfinished, counts.sends_waiting), (1, 1));
    assert_eq!(counts.accounts.get("new"), Some(&1));
    let queues = scene.store.account_queues(HOME).await.unwrap();
    let here = queues[&scene.account];
    assert_eq!(
        (here.unfinished, here.sends_waiting, queues.len()),
        (1, 1, 1)
    );
}
