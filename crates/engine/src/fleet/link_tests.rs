use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000;

/// A person, a phone and a channel around one attempt.
struct Desk {
    flow: LinkFlow,
    now: i64,
    open: Option<SocketNo>,
    opened: u32,
    shown: Vec<(i64, String)>,
    codes: Vec<String>,
    asked: Vec<Address>,
    states: Vec<(AccountState, Reason)>,
    records: Vec<LinkRecord>,
}

impl Desk {
    fn new(method: LinkMethod, phone: Option<&str>) -> Self {
        let phone = phone.map(Address::phone);
        let config = LinkConfig::default();
        let (flow, effects) =
            LinkFlow::start(config, method, phone, AccountState::New, Timestamp(0));
        let mut desk = Self {
            flow,
            now: 0,
            open: None,
            opened: 0,
            shown: Vec::new(),
            codes: Vec::new(),
            asked: Vec::new(),
            states: Vec::new(),
            records: Vec::new(),
        };
        desk.obey(effects);
        desk
    }

    fn obey(&mut self, effects: Vec<LinkEffect>) {
        for effect in effects {
            match effect {
                LinkEffect::OpenSocket(no) => {
                    assert_eq!(self.open, None, "two sockets of one attempt");
                    self.open = Some(no);
                    self.opened += 1;
                }
                LinkEffect::CloseSocket(no) => assert_eq!(self.open.take(), Some(no)),
                LinkEffect::ShowQr { text, .. } => self.shown.push((self.now, text)),
                LinkEffect::RequestPairingCode { socket, phone } => {
                    assert_eq!(self.open, Some(socket));
                    self.asked.push(phone);
                }
                LinkEffect::ShowCode { code, .. } => self.codes.push(code),
                LinkEffect::SetState(state, reason) => self.states.push((state, reason)),
                LinkEffect::Record(record) => self.records.push(record),
            }
        }
    }

    fn event(&mut self, event: LinkEvent) {
        let socket = self.open.unwrap_or(SocketNo(0));
        if matches!(event, LinkEvent::Down(_)) {
            self.open = None;
        }
        let effects = self.flow.event(socket, event, Timestamp(self.now));
        self.obey(effects);
    }

    fn qr(&mut self, text: &str) {
        self.event(LinkEvent::QrCode {
            text: text.into(),
            valid_for: Duration::secs(20),
        });
    }

    /// Lets time pass, firing the timer exactly when it is due.
    fn wait_until(&mut self, then: i64) {
        while let Some(at) = self.flow.wake_at().filter(|at| at.0 <= then) {
            self.now = at.0.max(self.now);
            let effects = self.flow.tick(Timestamp(self.now));
            self.obey(effects);
        }
        self.now = then;
    }

    fn last_state(&self) -> (AccountState, Reason) {
        self.states.last().cloned().unwrap()
    }

    fn assert_nothing_is_left(&self) {
        assert!(self.flow.is_ended());
        assert_eq!(self.open, None, "a socket outlived its attempt");
        assert_eq!(self.flow.wake_at(), None, "a timer outlived its attempt");
        assert_eq!(self.records.len(), 1);
    }
}

#[test]
fn a_scan_links_and_the_time_it_took_is_remembered() {
    let mut desk = Desk::new(LinkMethod::Qr, None);
    desk.wait_until(SECOND);
    desk.qr("first");
    desk.wait_until(9 * SECOND);
    desk.event(LinkEvent::Linked);
    assert_eq!(
        desk.last_state(),
        (AccountState::Connecting, Reason::Linked)
    );
    let record = &desk.records[0];
    assert_eq!((record.scan_time_ms, record.codes_shown), (Some(8_000), 1));
    assert_eq!(record.outcome, LinkOutcome::Linked);
    desk.open = None; // handed over to the connection, not closed
    desk.assert_nothing_is_left();
}

#[test]
fn three_new_sets_then_the_pairing_code_really_comes_and_then_a_person() {
    let mut desk = Desk::new(LinkMethod::Qr, Some("971500000001"));
    for window in 0..4 {
        assert_eq!(desk.flow.regenerations(), window);
        desk.qr("code");
        let closes = desk.flow.closes_at().unwrap().0;
        assert_eq!(closes, desk.now + 120 * SECOND);
        desk.wait_until(closes);
    }
    assert_eq!(
        desk.opened, 5,
        "a new socket for every set, and one for the code"
    );
    assert_eq!(
        desk.last_state(),
        (AccountState::Linking, Reason::AwaitingCode)
    );
    desk.qr("the socket is ready");
    desk.qr("and stays so");
    assert_eq!(
        desk.asked,
        [Address::phone("971500000001")],
        "asked for once"
    );
    let valid_for = Duration::secs(180);
    desk.event(LinkEvent::PairingCode {
        code: "ABCD1234".into(),
        valid_for,
    });
    assert_eq!(desk.codes, ["ABCD1234"]);
    desk.wait_until(desk.now + 180 * SECOND);
    assert_eq!(
        desk.last_state(),
        (AccountState::NeedsAttention, Reason::LinkExpired)
    );
    let record = desk.records[0].clone();
    assert_eq!((record.regenerations, record.fell_back), (3, true));
    assert_eq!(record.outcome, LinkOutcome::Expired);
    desk.assert_nothing_is_left();
}

#[test]
fn without_a_phone_number_a_person_is_called_after_the_third_new_set() {
    let mut desk = Desk::new(LinkMethod::Qr, None);
    for _ in 0..4 {
        desk.qr("code");
        desk.wait_until(desk.flow.closes_at().unwrap().0);
    }
    assert_eq!(
        desk.last_state(),
        (AccountState::NeedsAttention, Reason::LinkExpired)
    );
    assert_eq!(desk.opened, 4);
    desk.assert_nothing_is_left();
}

#[test]
fn a_typed_code_links() {
    let mut desk = Desk::new(LinkMethod::Code, Some("971500000001"));
    desk.qr("ready");
    let valid_for = Duration::secs(180);
    desk.event(LinkEvent::PairingCode {
        code: "ABCD1234".into(),
        valid_for,
    });
    assert!(
        desk.shown.is_empty(),
        "no QR code is shown to someone who asked for a code"
    );
    desk.wait_until(20 * SECOND);
    desk.event(LinkEvent::Linked);
    assert_eq!(desk.records[0].scan_time_ms, Some(20_000));
    let without = Desk::new(LinkMethod::Code, None);
    assert_eq!(without.last_state().0, AccountState::NeedsAttention);
    without.assert_nothing_is_left();
}

#[test]
fn a_qr_code_does_not_change_under_a_camera() {
    let mut desk = Desk::new(LinkMethod::Qr, None);
    for (at, text) in [(0, "a"), (300, "b"), (900, "c"), (5_000, "d")] {
        desk.wait_until(at);
        desk.qr(text);
    }
    let shown: Vec<(i64, &str)> = desk.shown.iter().map(|(at, t)| (*at, t.as_str())).collect();
    assert_eq!(shown, [(0, "a"), (2_000, "c"), (5_000, "d")]);
}

#[test]
fn a_passkey_is_told_plainly_and_never_loops() {
    let mut desk = Desk::new(LinkMethod::Qr, Some("971500000001"));
    desk.qr("code");
    desk.event(LinkEvent::PasskeyRequired);
    assert_eq!(
        desk.last_state(),
        (AccountState::NeedsAttention, Reason::PasskeyRequired)
    );
    desk.wait_until(3_600 * SECOND);
    assert_eq!(desk.opened, 1);
    desk.assert_nothing_is_left();
}

#[test]
fn cancelling_leaves_nothing_behind_and_late_words_change_nothing() {
    let mut desk = Desk::new(LinkMethod::Qr, None);
    desk.qr("code");
    desk.qr("one waiting for its turn");
    let effects = desk.flow.cancel(Timestamp(desk.now));
    desk.obey(effects);
    assert_eq!(
        desk.last_state(),
        (AccountState::New, Reason::LinkCancelled)
    );
    desk.assert_nothing_is_left();
    assert_eq!(
        desk.flow
            .event(SocketNo(1), LinkEvent::Linked, Timestamp(9)),
        []
    );
    assert_eq!(desk.flow.cancel(Timestamp(9)), []);
}

#[test]
fn a_lost_socket_is_replaced_within_the_window_but_not_for_ever() {
    let mut desk = Desk::new(LinkMethod::Qr, None);
    desk.qr("code");
    desk.wait_until(10 * SECOND);
    desk.event(LinkEvent::Down(DownReason::Network));
    desk.wait_until(12 * SECOND);
    assert_eq!((desk.opened, desk.flow.regenerations()), (2, 0));
    assert_eq!(
        desk.flow.closes_at(),
        Some(Timestamp(120 * SECOND)),
        "the window goes on"
    );
    let mut rounds = 0;
    while !desk.flow.is_ended() {
        desk.event(LinkEvent::Down(DownReason::Network));
        desk.wait_until(desk.now + 3 * SECOND);
        rounds += 1;
        assert!(rounds < 30, "it must end");
    }
    desk.assert_nothing_is_left();
}

#[test]
fn a_word_from_a_replaced_socket_changes_nothing() {
    let mut desk = Desk::new(LinkMethod::Qr, None);
    desk.qr("code");
    desk.wait_until(desk.flow.closes_at().unwrap().0);
    assert_eq!(desk.open, Some(SocketNo(2)));
    let late = LinkEvent::Down(DownReason::Network);
    assert_eq!(desk.flow.event(SocketNo(1), late, Timestamp(desk.now)), []);
    assert_eq!(
        desk.flow
            .event(SocketNo(1), LinkEvent::QrExhausted, Timestamp(desk.now)),
        []
    );
}

#[test]
fn a_ban_ends_the_attempt_and_is_called_a_ban() {
    let mut desk = Desk::new(LinkMethod::Qr, None);
    let ban = DownReason::TemporaryBan {
        ban: 101,
        until: Timestamp(99),
    };
    desk.event(LinkEvent::Down(ban.clone()));
    assert_eq!(desk.last_state(), (AccountState::Banned, ban.reason()));
    desk.assert_nothing_is_left();
}

#[derive(Debug, Clone)]
enum Move {
    Says(LinkEvent),
    Wait(i64),
    Cancel,
}

fn moves() -> impl Strategy<Value = Move> {
    let valid_for = Duration::secs(20);
    prop_oneof![
        8 => Just(Move::Says(LinkEvent::QrCode { text: "qr".into(), valid_for })),
        2 => Just(Move::Says(LinkEvent::QrExhausted)),
        3 => Just(Move::Says(LinkEvent::PairingCode { code: "ABCD1234".into(), valid_for })),
        2 => Just(Move::Says(LinkEvent::Down(DownReason::Network))),
        1 => Just(Move::Says(LinkEvent::Down(DownReason::Blocked))),
        1 => Just(Move::Says(LinkEvent::PairingCodeFailed { error: "429".into() })),
        1 => Just(Move::Says(LinkEvent::PasskeyRequired)),
        20 => (0i64..60_000).prop_map(Move::Wait),
        1 => Just(Move::Cancel),
    ]
}

proptest! {
    #[test]
    fn every_attempt_ends_and_leaves_nothing(
        script in prop::collection::vec(moves(), 0..120), with_phone: bool, by_code: bool,
    ) {
        let method = if by_code { LinkMethod::Code } else { LinkMethod::Qr };
        let mut desk = Desk::new(method, with_phone.then_some("971500000001"));
        for step in script {
            match step {
                Move::Says(event) => if desk.open.is_some() { desk.event(event) },
                Move::Wait(ms) => desk.wait_until(desk.now + ms),
                Move::Cancel => {
                    let effects = desk.flow.cancel(Timestamp(desk.now));
                    desk.obey(effects);
                }
            }
            prop_assert!(desk.flow.regenerations() <= REGENERATIONS_MAX);
            prop_assert!(desk.opened <= (REGENERATIONS_MAX + 1) * SOCKETS_PER_WINDOW_MAX + 1);
        }
        // Left alone it comes to its end: the windows are finite.
        desk.wait_until(desk.now + 3_600 * SECOND);
        desk.assert_nothing_is_left();
        prop_assert!(!matches!(desk.last_state().0, AccountState::Linking));
    }
}
