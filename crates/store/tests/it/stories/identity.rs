//! One person, two addresses: never two conversations for one, never one for two.

use super::Scene;
use crate::scene::{NOON, also, ana, ana_lid, ben, ben_lid, family, in_group, says};
use waypost_engine::model::event::kind;
use waypost_engine::model::{Inbound, Origin, WorkspaceId};
use waypost_store::admin::contacts::ContactFilter;
use waypost_store::{Accepted, Completed, Merged, Page};

#[tokio::test]
async fn both_addresses_of_a_person_lead_to_one_conversation() {
    let scene = Scene::new().await;
    let by_number = scene
        .work(also(says(ana(), "A1", "hello"), ana_lid()))
        .await;
    let by_lid = scene.work(says(ana_lid(), "A2", "it is me")).await;
    assert_eq!(by_number.conversation, by_lid.conversation);
    assert_eq!(by_number.sender, by_lid.sender);
}

#[tokio::test]
async fn an_address_leads_to_the_conversation_it_belongs_to_now() {
    let scene = Scene::new().await;
    let (store, account) = (&scene.store, scene.account);
    let by_number = scene.work(says(ana(), "A1", "by number")).await;
    let by_lid = scene.work(says(ana_lid(), "A2", "by LID")).await;
    let group = scene.work(in_group(family(), ben(), "G1", "hi")).await;
    let at = async |address| store.conversation_at(account, address).await.unwrap();
    assert_eq!(at(ana()).await, Some(by_number.conversation));
    assert_eq!(at(ana_lid()).await, Some(by_lid.conversation));
    assert_eq!(at(family()).await, Some(group.conversation));
    assert_eq!(at(ben()).await, None, "nobody wrote to Ben alone");
    assert_eq!(at(ben_lid()).await, None);

    // Both turn out to be one person: both addresses lead to what goes on.
    let both = scene.work(also(says(ana_lid(), "A3", "both"), ana())).await;
    assert_eq!(at(ana()).await, Some(both.conversation));
    assert_eq!(at(ana_lid()).await, Some(both.conversation));
}

#[tokio::test]
async fn two_strangers_who_turn_out_to_be_one_are_merged_with_their_messages() {
    let scene = Scene::new().await;
    let (tell, told) = std::sync::mpsc::channel();
    scene
        .store
        .on_merge(move |merged| tell.send(merged).unwrap());
    let by_number = scene.work(says(ana(), "A1", "by number")).await;
    let by_lid = scene.work(says(ana_lid(), "A2", "by LID")).await;
    assert_ne!(by_number.conversation, by_lid.conversation);

    let both = scene.work(also(says(ana_lid(), "A3", "both"), ana())).await;
    assert_eq!(both.conversation, by_lid.conversation);
    assert_eq!(scene.told(kind::CONTACT_MERGED).await.len(), 1);
    let merged = Merged {
        account: scene.account,
        from: by_number.conversation,
        into: by_lid.conversation,
    };
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [merged]);
    // Places are what they were; only the label changed.
    let now = scene.unfinished().await;
    assert!(
        now.iter()
            .all(|work| work.conversation == by_lid.conversation),
        "{now:?}"
    );
    assert_eq!(
        now.iter().map(|work| work.seq.0).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    // What came before the merge is still recognised, under either address.
    for address in [ana(), ana_lid()] {
        let again = scene.accept_one(says(address, "A1", "by number")).await;
        assert_eq!(
            again,
            Accepted::Duplicate {
                message: by_number.message
            }
        );
    }
    // An answer decided before the merge goes to the conversation that goes on.
    let answer = scene.answer(&by_number, "W1", "hi");
    let Completed::Done { sends } = scene.complete(&by_number, vec![answer]).await else {
        panic!("done");
    };
    assert_eq!(sends[0].conversation, by_lid.conversation);
}

#[tokio::test]
async fn a_number_only_stranger_keeps_the_conversation_when_the_lid_is_learned() {
    let scene = Scene::new().await;
    let before = scene.work(says(ana(), "A1", "hello")).await;
    let after = scene
        .work(also(says(ana(), "A2", "again"), ana_lid()))
        .await;
    assert_eq!(before.conversation, after.conversation);
    assert!(scene.told(kind::CONTACT_MERGED).await.is_empty());
}

#[tokio::test]
async fn a_number_that_moves_to_somebody_else_never_mixes_two_people() {
    let scene = Scene::new().await;
    let ana_before = scene
        .work(also(says(ana(), "A1", "I am Ana"), ana_lid()))
        .await;
    let newcomer = scene
        .work(also(says(ana(), "N1", "new SIM card"), ben_lid()))
        .await;
    assert_ne!(ana_before.conversation, newcomer.conversation);
    let by_number = scene
        .work(says(ana(), "N2", "the number is mine now"))
        .await;
    assert_eq!(by_number.conversation, newcomer.conversation);
    let ana_still = scene.work(says(ana_lid(), "A2", "still Ana")).await;
    assert_eq!(ana_still.conversation, ana_before.conversation);
    assert!(scene.told(kind::CONTACT_MERGED).await.is_empty());
}

#[tokio::test]
async fn an_old_message_does_not_take_a_number_back() {
    let scene = Scene::new().await;
    scene
        .work(also(says(ana(), "A1", "I am Ana"), ana_lid()))
        .await;
    let newcomer = scene
        .work(also(says(ana(), "N1", "new SIM card"), ben_lid()))
        .await;
    let past = also(says(ana(), "H1", "Ana, last year"), ana_lid());
    scene
        .accept_one(Inbound {
            origin: Origin::History,
            ..past
        })
        .await;
    let now = scene.work(says(ana(), "N2", "still mine")).await;
    assert_eq!(now.conversation, newcomer.conversation);
}

#[tokio::test]
async fn a_person_is_the_same_in_a_group_and_alone() {
    let scene = Scene::new().await;
    let alone = scene.work(also(says(ana(), "A1", "hi"), ana_lid())).await;
    let grouped = scene
        .work(in_group(family(), ana_lid(), "G1", "hi all"))
        .await;
    let other = scene.work(in_group(family(), ben(), "G2", "hi Ana")).await;
    assert_eq!(alone.sender, grouped.sender);
    assert_ne!(alone.conversation, grouped.conversation);
    assert_eq!(grouped.conversation, other.conversation);
    assert!(grouped.is_group && !alone.is_group);
}

#[tokio::test]
async fn a_message_from_my_phone_lands_in_the_recipients_conversation() {
    let scene = Scene::new().await;
    let theirs = scene.work(says(ana(), "A1", "hi")).await;
    let own = Inbound {
        from_me: true,
        origin: Origin::Own,
        ..says(ana(), "O1", "from my phone")
    };
    let Accepted::Stored { conversation, .. } = scene.accept_one(own).await else {
        panic!("own messages are only stored");
    };
    assert_eq!(conversation, theirs.conversation);
    let draft = scene.draft(ana(), "W1", "from Waypost");
    scene
        .store
        .enqueue(draft.clone(), None, NOON)
        .await
        .unwrap();
    let sent = scene.store.outbox_item(draft.id).await.unwrap();
    assert_eq!(sent.conversation, theirs.conversation);
}

/// Stanza number `n` of a life in which addresses, names and origins mix; the same with every run.
fn mixed(n: u64) -> Inbound {
    // Knuth's MMIX generator; its upper bits are good enough to deal cards.
    let dice = (0..3).fold(n, |x, _| {
        x.wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407)
    }) >> 33;
    let (lids, numbers) = ([ana_lid(), ben_lid()], [ana(), ben()]);
    let lid = lids[(dice & 1) as usize].clone();
    let number = numbers[(dice >> 1 & 1) as usize].clone();
    let wire_id = format!("M{n}");
    let stanza = match dice >> 2 & 3 {
        0 => says(lid, &wire_id, "under the LID"),
        1 => says(number, &wire_id, "under the number"),
        _ if dice >> 4 & 7 == 0 => {
            also(says(lid, &wire_id, "a number that may have moved"), number)
        }
        _ => {
            let own = numbers[usize::from(lid == ben_lid())].clone();
            also(says(lid, &wire_id, "under both"), own)
        }
    };
    let name = ["Ana", "Ana H.", ""][(dice >> 7) as usize % 3];
    Inbound {
        push_name: Some(name.to_owned()).filter(|name| !name.is_empty()),
        origin: [Origin::Live, Origin::Live, Origin::Offline][(dice >> 10) as usize % 3],
        ..stanza
    }
}

/// Which messages share a conversation and a sender, and what everybody is called, without ids.
async fn life(scene: &Scene) -> (Vec<[usize; 2]>, Vec<[Option<String>; 3]>) {
    let work = scene.unfinished().await;
    let told = work.iter().map(|one| {
        let chat = work.iter().position(|x| x.conversation == one.conversation);
        let who = work.iter().position(|x| x.sender == one.sender);
        [chat.unwrap(), who.unwrap()]
    });
    let everybody = ContactFilter::default();
    let people = scene
        .store
        .contacts(WorkspaceId::DEFAULT, everybody, Page::default())
        .await
        .unwrap();
    let mut people: Vec<_> = people
        .items
        .into_iter()
        .map(|p| {
            [
                p.push_name,
                p.lid.map(|a| a.to_string()),
                p.phone.map(|a| a.to_string()),
            ]
        })
        .collect();
    people.sort();
    (told.collect(), people)
}

#[tokio::test]
async fn who_is_who_does_not_depend_on_what_the_program_remembers() {
    let remembering = Scene::new().await;
    let mut forgetful = Scene::new().await;
    for n in 0..60 {
        remembering.accept_one(mixed(n)).await;
        forgetful.restart().await;
        forgetful.accept_one(mixed(n)).await;
    }
    let (told, people) = life(&remembering).await;
    assert_eq!(told.len(), 60);
    assert!(people.len() >= 2, "{people:?}");
    assert_eq!((told, people), life(&forgetful).await);
}
