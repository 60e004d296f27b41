//! Groups: made, changed, written to and read.

use crate::bench::{ANA, Bench, NUMBER};
use std::time::Duration;
use wasim::{ContactSpec, NetEvent, Outgoing};
use waypost_engine::model::{Address, Content};
use waypost_wa::{ChannelEvent, GroupChange, Target};

const BEN: &str = "971500000003";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_read_and_answered() {
    let mut bench = Bench::new().await;
    let mut line = bench.linked().await;
    let group = bench.net.add_group("Offers", ANA, &[NUMBER]).unwrap();
    let address: Address = group.address().parse().unwrap();
    group
        .send(
            ANA,
            Outgoing::Text {
                text: "hello all".into(),
            },
        )
        .await
        .unwrap();
    let inbound = bench.message().await;
    assert_eq!(
        (inbound.chat, inbound.content),
        (address.clone(), Content::text("hello all"))
    );
    assert!([Some(bench.ana_lid()), Some(Address::phone(ANA))].contains(&Some(inbound.sender)));
    let target = Target {
        chat: address,
        ..bench.target()
    };
    bench
        .send(&line, "G1", &Content::text("hello Ana"), &target)
        .await;
    assert_eq!(line.server_ack("G1").await, None);
    let received = |event: &NetEvent| matches!(event, NetEvent::MessageReceived { id, group: Some(_), reader, .. } if id == "G1" && reader == ANA);
    bench
        .net
        .wait_for(Duration::from_secs(10), received)
        .await
        .unwrap();
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_makes_a_group_and_changes_it() {
    let bench = Bench::new().await;
    let ben = ContactSpec {
        number: BEN.into(),
        push_name: "Ben".into(),
        ..Default::default()
    };
    bench.net.add_contact(ben).unwrap();
    let line = bench.linked().await;
    let connection = &line.connection;
    let made = connection
        .group_create("Team", &[Address::phone(ANA)])
        .await
        .unwrap();
    assert_eq!((made.subject.as_str(), made.members.len()), ("Team", 2));
    let refused = connection
        .group_add(&made.address, &[Address::phone(BEN)])
        .await
        .unwrap();
    assert_eq!(refused, []);
    assert_eq!(
        connection.group(&made.address).await.unwrap().members.len(),
        3
    );
    connection
        .group_subject(&made.address, "The team")
        .await
        .unwrap();
    let refused = connection
        .group_remove(&made.address, &[Address::phone(ANA)])
        .await
        .unwrap();
    assert_eq!(refused, []);
    let now = connection.group(&made.address).await.unwrap();
    assert_eq!((now.subject.as_str(), now.members.len()), ("The team", 2));
    connection.group_leave(&made.address).await.unwrap();
    let found = connection
        .on_whatsapp(&[Address::phone(ANA), Address::phone("971599999999")])
        .await
        .unwrap();
    let exists = |number: &str| {
        let is = |address: &Address| *address == Address::phone(number);
        found
            .iter()
            .find(|p| is(&p.address) || p.alt.as_ref().is_some_and(is))
            .map(|p| p.exists)
    };
    assert_eq!(exists(ANA), Some(true));
    assert_ne!(exists("971599999999"), Some(true));
    bench.end(line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_change_of_a_group_is_told() {
    let bench = Bench::new().await;
    let mut line = bench.linked().await;
    let group = bench.net.add_group("Before", ANA, &[NUMBER]).unwrap();
    group.set_subject(ANA, "After").unwrap();
    let address: Address = group.address().parse().unwrap();
    line.wait("the new subject", |event| match event {
        ChannelEvent::GroupChanged {
            group,
            change: GroupChange::Subject(subject),
            ..
        } if *group == address && subject == "After" => Some(()),
        _ => None,
    })
    .await;
    bench.end(line).await;
}
