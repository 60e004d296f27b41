//! Who may come in, what is answered by itself, and how linking went.

use super::Scene;
use crate::scene::NOON;
use waypost_engine::model::rule::Scope;
use waypost_engine::model::{Duration, Match, Timestamp, WorkspaceId};
use waypost_store::admin::api_keys::{ApiKey, NewApiKey};
use waypost_store::admin::link_attempts::{
    ATTEMPTS_KEPT, ATTEMPTS_KEPT_FOR, LinkAttempt, LinkMethod, LinkOutcome,
};
use waypost_store::admin::people::{
    EndSignIns, NewPerson, Person, PersonRole, SIGN_INS_MAX, TokenHash,
};
use waypost_store::admin::rules::RuleSpec;
use waypost_store::{Page, StoreError};

const HOME: WorkspaceId = WorkspaceId::DEFAULT;

fn later(ms: i64) -> Timestamp {
    Timestamp(NOON.0 + ms)
}

fn token(n: u8) -> TokenHash {
    TokenHash([n; 32])
}

fn somebody(login: &str, role: PersonRole) -> NewPerson {
    NewPerson {
        workspace: HOME,
        login: login.to_owned(),
        name: login.to_owned(),
        password_hash: format!("hash of {login}'s password"),
        role,
    }
}

async fn owner(scene: &Scene) -> Person {
    scene
        .store
        .create_person(somebody("olga", PersonRole::Owner), NOON)
        .await
        .unwrap()
}

#[tokio::test]
async fn only_the_printed_token_makes_the_first_owner_and_only_once() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let olga = || somebody("olga", PersonRole::Viewer);
    store.set_setup_token(token(1)).await.unwrap();
    assert!(store.has_setup_token().await.unwrap());

    let wrong = store
        .create_first_person(olga(), token(2), NOON)
        .await
        .unwrap_err();
    assert!(matches!(wrong, StoreError::Invalid { .. }), "{wrong}");
    assert_eq!(store.people_count().await.unwrap(), 0);

    let (first, second) = tokio::join!(
        store.create_first_person(olga(), token(1), NOON),
        store.create_first_person(somebody("mallory", PersonRole::Owner), token(1), NOON),
    );
    assert_eq!(
        first.unwrap().role,
        PersonRole::Owner,
        "the first person is always the owner"
    );
    assert!(matches!(second.unwrap_err(), StoreError::Conflict { .. }));
    assert!(!store.has_setup_token().await.unwrap());
    assert_eq!(store.people_count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_login_is_the_same_in_capitals_and_belongs_to_one_person() {
    let scene = Scene::new().await;
    let olga = owner(&scene).await;
    let taken = scene
        .store
        .create_person(somebody("OLGA", PersonRole::Viewer), NOON)
        .await;
    assert!(matches!(taken.unwrap_err(), StoreError::Conflict { .. }));
    let found = scene
        .store
        .credentials("Olga".to_owned())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.person, olga);
    assert_eq!(found.password_hash, "hash of olga's password");
    assert!(
        !format!("{found:?}").contains("password's"),
        "hashes stay out of logs"
    );
    assert_eq!(
        scene.store.credentials("nobody".to_owned()).await.unwrap(),
        None
    );
    for odd in ["", "  ", "a\nb", &"x".repeat(201)] {
        let refused = scene
            .store
            .create_person(somebody(odd, PersonRole::Viewer), NOON)
            .await;
        assert!(
            matches!(refused.unwrap_err(), StoreError::Invalid { .. }),
            "{odd:?}"
        );
    }
}

#[tokio::test]
async fn the_last_owner_can_neither_be_locked_out_nor_demoted() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let olga = owner(&scene).await;
    assert!(matches!(
        store.disable_person(olga.id, NOON).await,
        Err(StoreError::Conflict { .. })
    ));
    let demoted = store
        .change_person(olga.id, "Olga".to_owned(), PersonRole::Admin)
        .await;
    assert!(matches!(demoted, Err(StoreError::Conflict { .. })));

    let pia = store
        .create_person(somebody("pia", PersonRole::Owner), NOON)
        .await
        .unwrap();
    store
        .change_person(olga.id, "Olga".to_owned(), PersonRole::Admin)
        .await
        .unwrap();
    assert!(matches!(
        store.disable_person(pia.id, NOON).await,
        Err(StoreError::Conflict { .. })
    ));
    let people = store.people(HOME, Page::first(1)).await.unwrap();
    assert_eq!(people.items[0].role, PersonRole::Admin);
    let rest = Page {
        limit: 10,
        cursor: people.next,
    };
    assert_eq!(store.people(HOME, rest).await.unwrap().items, [pia]);
}

#[tokio::test]
async fn a_sign_in_ends_in_time_with_a_new_password_and_when_locked_out() {
    let scene = Scene::new().await;
    let store = &scene.store;
    owner(&scene).await;
    let ben = store
        .create_person(somebody("ben", PersonRole::Operator), NOON)
        .await
        .unwrap();
    for n in 1..=3 {
        store
            .start_sign_in(token(n), ben.id, NOON, later(1_000))
            .await
            .unwrap();
    }
    let seen = store.sign_in(token(1), later(999)).await.unwrap().unwrap();
    assert_eq!((seen.person.id, seen.expires_at), (ben.id, later(1_000)));
    assert_eq!(
        store.sign_in(token(1), later(1_000)).await.unwrap(),
        None,
        "it has ended"
    );
    assert_eq!(store.sign_in(token(9), NOON).await.unwrap(), None);

    let keep = EndSignIns::Except(token(2));
    store
        .set_password(ben.id, "new hash".to_owned(), keep)
        .await
        .unwrap();
    assert_eq!(store.sign_in(token(1), NOON).await.unwrap(), None);
    assert!(store.sign_in(token(2), NOON).await.unwrap().is_some());

    store.disable_person(ben.id, NOON).await.unwrap();
    assert_eq!(store.sign_in(token(2), NOON).await.unwrap(), None);
    let refused = store
        .start_sign_in(token(4), ben.id, NOON, later(1_000))
        .await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
    store.enable_person(ben.id).await.unwrap();
    assert_eq!(
        store.sign_in(token(2), NOON).await.unwrap(),
        None,
        "it does not come back"
    );
    store
        .start_sign_in(token(4), ben.id, NOON, later(1_000))
        .await
        .unwrap();
    assert_eq!(store.end_expired_sign_ins(later(1_000)).await.unwrap(), 1);
}

#[tokio::test]
async fn somebody_who_signs_in_everywhere_loses_the_oldest_sign_in() {
    let scene = Scene::new().await;
    let olga = owner(&scene).await;
    let count = u8::try_from(SIGN_INS_MAX).unwrap() + 1;
    for n in 0..count {
        let at = later(i64::from(n));
        scene
            .store
            .start_sign_in(token(n), olga.id, at, later(9_999))
            .await
            .unwrap();
    }
    assert_eq!(scene.store.sign_in(token(0), NOON).await.unwrap(), None);
    for n in [1, count - 1] {
        assert!(
            scene.store.sign_in(token(n), NOON).await.unwrap().is_some(),
            "{n}"
        );
    }
}

#[tokio::test]
async fn use_is_noted_to_the_minute() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let olga = owner(&scene).await;
    store
        .start_sign_in(token(1), olga.id, NOON, later(9_999_999))
        .await
        .unwrap();
    let key = store.create_api_key(new_key("ci"), NOON).await.unwrap();
    for (ms, noted) in [(0, 0), (59_000, 0), (61_000, 61_000), (90_000, 61_000)] {
        let now = later(ms);
        let sign_in = store.sign_in(token(1), now).await.unwrap().unwrap();
        store.touch_sign_in(token(1), &sign_in, now).await.unwrap();
        let key = store.api_key(key_hash("ci")).await.unwrap().unwrap();
        store.touch_api_key(&key, now).await.unwrap();
        let sign_in = store.sign_in(token(1), now).await.unwrap().unwrap();
        let key = store.api_key(key_hash("ci")).await.unwrap().unwrap();
        assert_eq!(
            (sign_in.seen_at, key.used_at),
            (later(noted), Some(later(noted))),
            "{ms}"
        );
    }
    assert_eq!(key.used_at, None);
}

fn key_hash(name: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    TokenHash(hash)
}

fn new_key(name: &str) -> NewApiKey {
    NewApiKey {
        workspace: HOME,
        name: name.to_owned(),
        shown: format!("wp_{name}"),
        hash: key_hash(name),
        scopes: vec!["messages:send".to_owned(), "accounts:read".to_owned()],
        expires_at: None,
    }
}

#[tokio::test]
async fn an_api_key_works_until_it_ends_or_is_revoked() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let ci = store.create_api_key(new_key("ci"), NOON).await.unwrap();
    let short = NewApiKey {
        expires_at: Some(later(10)),
        ..new_key("short")
    };
    let short = store.create_api_key(short, NOON).await.unwrap();
    assert_eq!(
        store.api_key(key_hash("ci")).await.unwrap(),
        Some(ci.clone())
    );
    assert_eq!(ci.scopes, ["messages:send", "accounts:read"]);
    assert!(short.is_valid(later(9)) && !short.is_valid(later(10)));

    store.revoke_api_key(HOME, ci.id, later(5)).await.unwrap();
    store.revoke_api_key(HOME, ci.id, later(7)).await.unwrap();
    let revoked = store.api_key(key_hash("ci")).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(later(5)), "the first time counts");
    assert!(!revoked.is_valid(later(6)));
    let other = WorkspaceId::from_raw(77);
    let foreign = store.revoke_api_key(other, short.id, NOON).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })));

    let names = |keys: Vec<ApiKey>| keys.into_iter().map(|key| key.name).collect::<Vec<_>>();
    let all = store.api_keys(HOME, Page::first(10)).await.unwrap();
    assert_eq!(names(all.items), ["short", "ci"]);
}

fn rule(name: &str, position: i32) -> RuleSpec {
    RuleSpec {
        workspace: HOME,
        account: None,
        name: name.to_owned(),
        position,
        matches: Match::AnyWord {
            words: vec!["price".to_owned()],
        },
        conditions: waypost_engine::model::Conditions::default(),
        scope: Scope::Direct,
        answer: "Our prices: {text}".to_owned(),
        max_age: Duration::mins(10),
        enabled: true,
    }
}

#[tokio::test]
async fn an_account_gets_the_rules_that_are_on_for_it_in_their_order() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let support = scene.second_account().await;
    let only_support = RuleSpec {
        account: Some(support.id),
        ..rule("support", 0)
    };
    let second = store.create_rule(rule("second", 20), NOON).await.unwrap();
    store.create_rule(rule("first", 10), NOON).await.unwrap();
    store
        .create_rule(
            RuleSpec {
                enabled: false,
                ..rule("off", 5)
            },
            NOON,
        )
        .await
        .unwrap();
    store.create_rule(only_support, NOON).await.unwrap();

    let names = async |account| -> Vec<String> {
        store
            .rules_for(account)
            .await
            .unwrap()
            .into_iter()
            .map(|rule| rule.name)
            .collect()
    };
    assert_eq!(names(scene.account).await, ["first", "second"]);
    assert_eq!(names(support.id).await, ["support", "first", "second"]);
    assert_eq!(store.rules(HOME).await.unwrap().len(), 4);

    let earlier = RuleSpec {
        position: 1,
        scope: Scope::Everywhere,
        ..rule("second", 1)
    };
    let changed = store.change_rule(second.id, earlier).await.unwrap();
    assert_eq!(
        (changed.created_at, changed.scope),
        (NOON, Scope::Everywhere)
    );
    assert_eq!(store.rule(HOME, second.id).await.unwrap(), changed);
    assert_eq!(names(scene.account).await, ["second", "first"]);

    store.delete_rule(HOME, second.id).await.unwrap();
    let gone = store.change_rule(second.id, rule("second", 1)).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    store.delete_account(support.id, NOON).await.unwrap();
    assert_eq!(
        store.rules(HOME).await.unwrap().len(),
        2,
        "an account takes its rules with it"
    );
}

#[tokio::test]
async fn a_rule_that_says_nothing_or_names_nobody_is_refused() {
    let scene = Scene::new().await;
    let silent = RuleSpec {
        answer: " ".to_owned(),
        ..rule("silent", 1)
    };
    let nameless = rule("", 1);
    for bad in [silent, nameless] {
        let refused = scene.store.create_rule(bad, NOON).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    }
    let stranger = waypost_engine::model::AccountId::from_raw(99);
    let lost = RuleSpec {
        account: Some(stranger),
        ..rule("lost", 1)
    };
    let refused = scene.store.create_rule(lost, NOON).await;
    assert_eq!(refused, Err(StoreError::NotFound { what: "account" }));
}

#[tokio::test]
async fn the_record_of_linking_keeps_the_newest_attempts() {
    let scene = Scene::new().await;
    let attempt = |n: i64| LinkAttempt {
        account: scene.account,
        started_at: later(n),
        method: if n % 2 == 0 {
            LinkMethod::Qr
        } else {
            LinkMethod::Code
        },
        codes_shown: 3,
        regenerations: 1,
        scanned_at: (n % 2 == 0).then(|| later(n + 5)),
        ended_at: later(n + 6),
        outcome: if n % 2 == 0 {
            LinkOutcome::Linked
        } else {
            LinkOutcome::Expired
        },
    };
    for n in 0..ATTEMPTS_KEPT + 3 {
        scene.store.record_link_attempt(attempt(n)).await.unwrap();
    }
    let mut page = Page::first(200);
    let mut all = Vec::new();
    loop {
        let found = scene
            .store
            .link_attempts(scene.account, page)
            .await
            .unwrap();
        all.extend(found.items);
        let Some(next) = found.next else { break };
        page = Page {
            limit: 200,
            cursor: Some(next),
        };
    }
    let expect: Vec<_> = (3..ATTEMPTS_KEPT + 3).rev().map(attempt).collect();
    assert_eq!(all, expect);
}

#[tokio::test]
async fn what_is_learned_from_linking_is_a_month_of_all_accounts() {
    let scene = Scene::new().await;
    let other = scene.second_account().await.id;
    let day = ATTEMPTS_KEPT_FOR.0.cast_signed() / 30;
    let attempt = |account, days: i64| LinkAttempt {
        account,
        started_at: later(days * day),
        method: LinkMethod::Qr,
        codes_shown: 2,
        regenerations: 0,
        scanned_at: Some(later(days * day + 20_000)),
        ended_at: later(days * day + 20_000),
        outcome: LinkOutcome::Linked,
    };
    for (account, days) in [
        (scene.account, 0),
        (other, 1),
        (scene.account, 2),
        (other, 40),
    ] {
        scene
            .store
            .record_link_attempt(attempt(account, days))
            .await
            .unwrap();
    }
    let since = later(2 * day);
    let found = scene.store.link_attempts_since(since).await.unwrap();
    assert_eq!(found, [attempt(scene.account, 2), attempt(other, 40)]);

    let pruned = scene.store.prune(later(41 * day)).await.unwrap();
    assert_eq!(pruned.link_attempts, 3);
    let kept = scene.store.link_attempts_since(NOON).await.unwrap();
    assert_eq!(kept, [attempt(other, 40)]);
}
