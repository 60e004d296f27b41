use super::*;
use proptest::prelude::*;

const T0: i64 = 1_800_000_000_000;

/// A connection as the world has it: what it answers, and what the account therefore hears.
struct World {
    now: i64,
    liveness: Liveness,
    vitals: Vitals,
    pings: Answer,
    accepts: Answer,
    effects: Vec<(i64, LivenessEffect)>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            now: T0,
            liveness: Liveness::new(LivenessConfig::default()),
            vitals: Vitals::default(),
            pings: Answer::Came,
            accepts: Answer::Came,
            effects: Vec::new(),
        };
        world.signal(&Signal::Connected);
        world
    }

    fn signal(&mut self, signal: &Signal) {
        let now = Timestamp(self.now);
        for effect in self.liveness.step(signal, &self.vitals, now) {
            self.effects.push((self.now - T0, effect));
        }
    }

    fn delivered(&mut self) {
        let now = Some(Timestamp(self.now));
        (self.vitals.heard_at, self.vitals.served_at) = (now, now);
        self.vitals.decrypted += 1;
    }

    /// Lets this much time pass; questions are answered as the world does.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span.0 as i64;
        let mut ticks = 0;
        while let Some(at) = self.liveness.wake_at().filter(|at| at.0 <= end) {
            ticks += 1;
            assert!(ticks < 100_000, "it spins");
            self.now = self.now.max(at.0);
            let asked = self.effects.len();
            self.signal(&Signal::Tick);
            let mut answered = asked;
            while answered < self.effects.len() {
                let effect = self.effects[answered].1.clone();
                answered += 1;
                let (wait, answer) = match &effect {
                    LivenessEffect::Probe { wait } => (*wait, self.pings),
                    LivenessEffect::RoundTrip { wait } => (*wait, self.accepts),
                    _ => continue,
                };
                if answer == Answer::Missing {
                    self.now += wait.0 as i64;
                }
                let signal = match effect {
                    LivenessEffect::Probe { .. } => Signal::Probed(answer),
                    _ => Signal::RoundTrip(answer),
                };
                self.signal(&signal);
            }
        }
        self.now = self.now.max(end);
    }

    fn replaced(&self) -> Vec<(i64, DownReason)> {
        let replace = |(at, effect): &(i64, LivenessEffect)| match effect {
            LivenessEffect::Replace(down) => Some((*at, down.clone())),
            _ => None,
        };
        self.effects.iter().filter_map(replace).collect()
    }

    fn asked(&self, wanted: fn(&LivenessEffect) -> bool) -> Vec<i64> {
        let matching = self.effects.iter().filter(|(_, e)| wanted(e));
        matching.map(|(at, _)| at / 1_000).collect()
    }

    fn sick(&self) -> Option<Reason> {
        self.liveness.shown.clone()
    }
}

fn is_probe(effect: &LivenessEffect) -> bool {
    matches!(effect, LivenessEffect::Probe { .. })
}

fn is_round_trip(effect: &LivenessEffect) -> bool {
    matches!(effect, LivenessEffect::RoundTrip { .. })
}

#[test]
fn an_open_but_silent_socket_is_degraded_after_40_and_replaced_after_50_seconds() {
    let mut world = World::new();
    world.pings = Answer::Missing;
    world.pass(Duration::mins(2));
    let degraded = (40_000, LivenessEffect::Sick(Reason::KeepaliveTimeout));
    assert!(world.effects.contains(&degraded), "{:?}", world.effects);
    assert_eq!(world.replaced(), [(50_000, DownReason::KeepaliveTimeout)]);
    assert_eq!(world.liveness.wake_at(), None, "it asks nothing any more");
}

#[test]
fn silence_that_begins_at_any_moment_is_found_within_a_minute() {
    for begins in 0..120 {
        let mut world = World::new();
        world.pass(Duration::secs(begins));
        world.pings = Answer::Missing;
        world.pass(Duration::mins(2));
        let (at, _) = world.replaced()[0];
        assert!(at - begins as i64 * 1_000 <= 60_000, "{begins} s: {at}");
    }
}

#[test]
fn an_idle_account_is_never_replaced_and_asked_ever_more_rarely() {
    let mut world = World::new();
    world.pass(Duration::hours(24));
    assert_eq!(world.replaced(), []);
    assert_eq!(world.sick(), None);
    let trips = world.asked(is_round_trip);
    assert_eq!(trips[..4], [300, 1_200, 2_400, 4_800]);
    assert!(trips.len() < 32, "{trips:?}");
    let probes = world.asked(is_probe);
    assert_eq!(probes.len(), 24 * 3_600 / 30);
}

#[test]
fn a_person_who_wants_proof_gets_both_questions_asked_at_once() {
    let mut world = World::new();
    world.pass(Duration::secs(10));
    world.signal(&Signal::Prove);
    assert_eq!(
        (world.asked(is_probe), world.asked(is_round_trip)),
        (vec![10], vec![10])
    );
    world.signal(&Signal::Prove);
    assert_eq!(
        world.asked(is_round_trip),
        [10],
        "what is asked waits for its answer"
    );
    // Nobody answers: it is found dead as at any other time.
    (world.pings, world.accepts) = (Answer::Missing, Answer::Missing);
    world.pass(Duration::secs(40));
    assert_eq!(world.replaced().len(), 1);
}

#[test]
fn traffic_answers_every_question() {
    let mut world = World::new();
    for _ in 0..200 {
        world.pass(Duration::secs(20));
        world.delivered();
        world.signal(&Signal::Tick);
    }
    assert_eq!(world.effects, [], "nothing had to be asked");
    assert!(world.liveness.view().served_at.is_some());
}

#[test]
fn traffic_that_pauses_again_and_again_asks_the_phone_at_most_four_times_an_hour() {
    let mut world = World::new();
    for _ in 0..200 {
        world.pass(Duration::mins(6));
        world.delivered();
        world.signal(&Signal::Tick);
    }
    let trips = world.asked(is_round_trip);
    assert!((60..=81).contains(&trips.len()), "{} in 20 h", trips.len());
    assert!(trips.windows(2).all(|two| two[1] - two[0] >= 900));
}

#[test]
fn a_slow_answer_counts_if_anything_came_after_the_question() {
    let mut world = World::new();
    world.now += 30_000;
    world.signal(&Signal::Tick);
    assert_eq!(world.asked(is_probe), [30]);
    world.now += 9_000;
    world.vitals.heard_at = Some(Timestamp(world.now));
    world.now += 1_000;
    world.signal(&Signal::Probed(Answer::Missing));
    assert_eq!((world.replaced(), world.sick()), (vec![], None));
}

#[test]
fn a_connection_that_answers_probes_and_serves_nothing_is_replaced() {
    let mut world = World::new();
    world.pass(Duration::mins(1));
    world.delivered();
    world.accepts = Answer::Missing;
    world.pass(Duration::mins(10));
    assert_eq!(
        world.replaced(),
        [(60_000 + 300_000 + 40_000, DownReason::NotServed)]
    );
}

#[test]
fn what_is_delivered_does_not_prove_that_anything_is_accepted() {
    let mut world = World::new();
    world.now += 300_000;
    world.signal(&Signal::Tick);
    assert_eq!(world.asked(is_round_trip), [300]);
    for seconds in [310, 330] {
        world.now = T0 + seconds * 1_000;
        world.delivered();
        world.signal(&Signal::RoundTrip(Answer::Missing));
    }
    assert_eq!(world.replaced(), [(330_000, DownReason::NotServed)]);
}

#[test]
fn a_connection_that_is_never_served_makes_no_loop() {
    let (mut world, mut replaced) = (World::new(), 0);
    world.accepts = Answer::Missing;
    let end = world.now + 24 * 3_600_000;
    while world.now < end {
        world.pass(Duration::mins(1));
        if world.replaced().len() > replaced {
            replaced += 1;
            world.signal(&Signal::Disconnected);
            world.vitals = Vitals::default();
            world.signal(&Signal::Connected);
        }
    }
    assert!((5..40).contains(&replaced), "{replaced} in a day");
}

#[test]
fn a_round_trip_that_cannot_be_asked_blames_nobody() {
    let mut world = World::new();
    world.accepts = Answer::NotAsked;
    world.pass(Duration::hours(6));
    assert_eq!((world.replaced(), world.sick()), (vec![], None));
}

#[test]
fn every_timer_begins_anew_with_a_connection() {
    let mut world = World::new();
    world.pings = Answer::Missing;
    world.pass(Duration::secs(55));
    assert_eq!(world.replaced().len(), 1);
    world.signal(&Signal::Disconnected);
    world.pings = Answer::Came;
    let (before, connected) = (world.effects.len(), world.now);
    world.signal(&Signal::Connected);
    assert_eq!(
        world.liveness.wake_at(),
        Some(Timestamp(connected + 30_000)),
        "not at once because the old connection was silent"
    );
    world.signal(&Signal::Probed(Answer::Missing));
    assert_eq!(world.effects.len(), before, "a late word changes nothing");
    world.pass(Duration::hours(1));
    assert_eq!(world.replaced().len(), 1);
}

fn person(n: u32) -> Signal {
    Signal::Unreadable(Address::lid(&n.to_string()))
}

#[test]
fn one_broken_contact_is_not_the_accounts_fault() {
    let mut world = World::new();
    for _ in 0..50 {
        world.signal(&person(1));
        world.pass(Duration::secs(30));
    }
    assert_eq!((world.replaced(), world.sick()), (vec![], None));
}

#[test]
fn an_account_that_can_read_nobody_is_rebuilt_once_and_then_shown() {
    let mut world = World::new();
    for n in 0..3 {
        world.signal(&person(n));
    }
    world.pass(Duration::mins(2));
    assert_eq!(world.replaced(), [(60_000, DownReason::DecryptFailing)]);
    world.signal(&Signal::Connected);
    for n in 0..3 {
        world.signal(&person(n));
    }
    world.pass(Duration::mins(2));
    assert_eq!(world.replaced().len(), 1, "no loop");
    assert_eq!(world.sick(), Some(Reason::DecryptFailing));
    world.delivered();
    world.signal(&Signal::Tick);
    assert_eq!(world.sick(), None);
}

#[test]
fn repairs_that_come_in_time_are_nothing_to_talk_about() {
    let mut world = World::new();
    for n in 0..3 {
        world.signal(&person(n));
    }
    world.pass(Duration::secs(20));
    world.delivered();
    world.pass(Duration::mins(5));
    assert_eq!((world.replaced(), world.sick()), (vec![], None));
}

#[test]
fn a_restriction_is_shown_replaces_nothing_and_passes() {
    let mut world = World::new();
    world.signal(&Signal::Refused);
    world.signal(&Signal::Refused);
    assert_eq!(world.sick(), None, "two may be two odd contacts");
    world.signal(&Signal::Refused);
    assert_eq!(world.sick(), Some(Reason::Restricted));
    world.pass(Duration::hours(5));
    assert_eq!(world.sick(), Some(Reason::Restricted));
    world.pass(Duration::hours(2));
    assert_eq!((world.sick(), world.replaced()), (None, vec![]));
}

#[test]
fn a_phone_that_stays_away_is_asked_and_warned_about_before_whatsapp_unlinks() {
    let mut world = World::new();
    let day = Duration::hours(24);
    for _ in 0..10 {
        world.delivered();
        world.pass(day);
    }
    assert_eq!(world.sick(), None);
    world.pass(day);
    let since = Timestamp(T0);
    let until = since + PHONE_LIMIT;
    assert_eq!(world.sick(), Some(Reason::PhoneOffline { since, until }));
    assert_eq!(world.replaced(), [], "no reconnecting brings a phone back");
    world.vitals.phone_at = Some(Timestamp(world.now));
    world.signal(&Signal::Tick);
    assert_eq!(world.sick(), None);
}

#[test]
fn what_an_earlier_process_knew_of_the_phone_counts() {
    let mut world = World::new();
    let since = Timestamp(T0 - 12 * 24 * 3_600_000);
    world.liveness = Liveness::new(LivenessConfig::default());
    world.signal(&Signal::PhoneSeen(since));
    world.signal(&Signal::Connected);
    assert!(matches!(world.sick(), Some(Reason::PhoneOffline { .. })));
}

#[test]
fn a_clock_set_back_stops_no_check_and_one_set_forward_kills_nothing() {
    let mut world = World::new();
    world.pass(Duration::mins(2));
    world.now -= 3_600_000;
    world.signal(&Signal::Tick);
    world.pings = Answer::Missing;
    world.pass(Duration::mins(2));
    assert_eq!(world.replaced().len(), 1, "silence is still found");

    let mut world = World::new();
    world.now += 3_600_000;
    world.pass(Duration::mins(2));
    assert_eq!(world.replaced(), []);
}

proptest! {
    /// Whatever happens: it never stands still, never spins, and never ends a connection that
    /// answers.
    #[test]
    fn it_neither_spins_nor_kills_the_living(
        script in prop::collection::vec((0u8..8, 0u64..400_000), 0..120), raw: u64,
    ) {
        let mut world = World::new();
        for (what, wait) in script {
            match what {
                0 => world.delivered(),
                1 => world.signal(&person((raw % 2) as u32)),
                2 => world.signal(&Signal::Refused),
                3 => world.accepts = Answer::NotAsked,
                4 => world.accepts = Answer::Came,
                5 => world.vitals.phone_at = Some(Timestamp(world.now)),
                _ => {}
            }
            world.signal(&Signal::Tick);
            let (before, from) = (world.effects.len(), world.now);
            world.pass(Duration(wait));
            let most = 16 + 4 * (world.now - from) / 30_000;
            prop_assert!((world.effects.len() - before) as i64 <= most);
            prop_assert!(world.liveness.wake_at().is_some(), "it watches on");
            prop_assert_eq!(world.replaced(), vec![]);
        }
    }
}
