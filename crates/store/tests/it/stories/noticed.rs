//! What the channel notices besides messages: names, reading on the phone, groups left.

use super::Scene;
use crate::scene::{NOON, also, ana, ana_lid, ben, family, in_group, says, with};
use waypost_engine::model::event::kind;
use waypost_engine::model::{Address, Content, Inbound, Timestamp, WorkspaceId};
use waypost_store::admin::contacts::{Contact, ContactFilter, Noticed};
use waypost_store::admin::conversations::ReadElsewhere;
use waypost_store::admin::groups::{GroupInfo, GroupRole, Joined};
use waypost_store::{Page, Store};

const HOME: WorkspaceId = WorkspaceId::DEFAULT;

fn at(inbound: Inbound, seconds: i64) -> Inbound {
    Inbound {
        sent_at: Timestamp(NOON.0 + seconds * 1_000),
        ..inbound
    }
}

async fn contacts(store: &Store) -> Vec<Contact> {
    let filter = ContactFilter {
        text: None,
        account: None,
    };
    let page = store.contacts(HOME, filter, Page::default()).await;
    page.unwrap().items
}

#[tokio::test]
async fn a_contact_is_called_what_they_call_themselves_now() {
    let scene = Scene::new().await;
    let (store, account) = (&scene.store, scene.account);
    scene.work(says(ana(), "A1", "hello")).await;
    let name = |name: &str| Some(name.to_owned());
    store
        .contact_seen(account, vec![ana()], name("Ana"), NOON)
        .await
        .unwrap();
    let known = contacts(store).await;
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].push_name, name("Ana"));
    // The other address of somebody known is learned; their name stays.
    store
        .contact_seen(account, vec![ana_lid(), ana()], None, NOON)
        .await
        .unwrap();
    let known = contacts(store).await;
    assert_eq!((known.len(), known[0].lid.clone()), (1, Some(ana_lid())));
    assert_eq!(known[0].push_name, name("Ana"));
    // Somebody who never wrote is no contact.
    let noticed = store
        .contact_seen(account, vec![ben()], name("Ben"), NOON)
        .await;
    assert_eq!(noticed.unwrap(), Noticed::Stranger);
    assert_eq!(contacts(store).await.len(), 1);
}

#[tokio::test]
async fn what_was_read_on_the_phone_is_read_here() {
    let scene = Scene::new().await;
    let (store, account) = (&scene.store, scene.account);
    let work = scene
        .work(also(at(says(ana(), "A1", "one"), 1), ana_lid()))
        .await;
    scene.work(at(says(ana(), "A2", "two"), 2)).await;
    let liked = Content::Reaction {
        target: "A2".into(),
        emoji: "👍".into(),
    };
    scene
        .accept_one(with(at(says(ana(), "A3", ""), 3), liked))
        .await;
    scene.work(at(says(ana(), "A4", "four"), 4)).await;
    let unread = async || {
        let talk = store.conversation(HOME, work.conversation).await.unwrap();
        talk.unread
    };
    assert_eq!(unread().await, 3);
    let read = async |chat: Address, ids: &[&str]| {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let read = store.read_elsewhere(account, chat, ids, NOON).await;
        read.unwrap()
    };
    // The message is on its way still.
    assert_eq!(read(ana(), &["A9"]).await, ReadElsewhere::Unknown);
    assert_eq!(unread().await, 3);
    let one_left = ReadElsewhere::Marked { unread: 1 };
    assert_eq!(read(ana_lid(), &["A2", "A1"]).await, one_left);
    assert_eq!(unread().await, 1);
    assert_eq!(read(ana(), &["A1"]).await, ReadElsewhere::Already);
    assert_eq!(unread().await, 1, "reading never makes anything unread");
    // The library names the account's own chat instead of the person's.
    let own = Address::phone("971500000000");
    let none_left = ReadElsewhere::Marked { unread: 0 };
    assert_eq!(read(own, &["A4"]).await, none_left);
    let told = scene.told(kind::CONVERSATION_READ).await;
    let left: Vec<_> = told
        .iter()
        .map(|event| event.data["unread"].clone())
        .collect();
    assert_eq!(left, [1, 0]);
    assert!(
        told.iter()
            .all(|e| e.conversation == Some(work.conversation))
    );
}

#[tokio::test]
async fn a_group_the_account_left_stays_readable() {
    let scene = Scene::new().await;
    let (store, account) = (&scene.store, scene.account);
    scene.work(in_group(family(), ana(), "G1", "dinner?")).await;
    // Of a group that nobody told about there is nothing to leave.
    store.leave_group(account, family(), NOON).await.unwrap();
    assert!(store.group(account, family()).await.is_err());
    let info = GroupInfo {
        account,
        address: family(),
        subject: "Family".to_owned(),
        description: Some("Sundays".to_owned()),
        joined: Joined::Yes,
        members: vec![(ana(), GroupRole::Admin)],
    };
    store.put_group(info, NOON).await.unwrap();
    store.leave_group(account, family(), NOON).await.unwrap();
    let group = store.group(account, family()).await.unwrap();
    assert_eq!(
        (group.joined, group.subject.as_str()),
        (Joined::Left, "Family")
    );
    assert_eq!(
        (group.member_count, group.description.as_deref()),
        (1, Some("Sundays"))
    );
}
