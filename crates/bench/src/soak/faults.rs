//! What goes wrong in a soak run: Poisson, of every kind that the simulated network can do and that
//! heals without a person.

use super::chance::Chance;
use crate::stage::Api;
use anyhow::Result;
use serde_json::{Value, json};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The connection of one account is cut.
    Cut,
    /// WhatsApp ends one account's connection with an error.
    StreamError,
    /// One account's connection stays open and says nothing.
    Silent,
    /// One account's connection answers probes, and delivers and accepts nothing.
    Unserved,
    /// One account's logins are refused with 503.
    Refused,
    /// The same with 429, which asks for patience.
    TooMany,
    /// One account is banned for a moment.
    Banned,
    /// The backlog of one account stops half-way at its next login.
    ShortBacklog,
    /// The phone of one account is switched off.
    PhoneOff,
    /// All connections are cut at once.
    AllCut,
    /// Half of all connections fall silent at once.
    HalfSilent,
    /// The program is asked to end, and started again.
    Restarted,
    /// The program dies without a warning, and is started again.
    Killed,
}

/// Whom a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    One,
    All,
    Program,
}

/// One line of the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) fault: Fault,
    pub(super) scope: Scope,
    /// How often it strikes within a run, on average: each account, or the whole.
    pub(super) times: f64,
    /// Mean duration in seconds; zero when it has none.
    pub(super) lasts_s: f64,
}

const fn line(fault: Fault, scope: Scope, times: f64, lasts_s: f64) -> Line {
    Line {
        fault,
        scope,
        times,
        lasts_s,
    }
}

/// The model. Durations do not depend on how long the run is; how often does.
pub(super) const MODEL: [Line; 13] = [
    line(Fault::Cut, Scope::One, 1.0, 0.0),
    line(Fault::StreamError, Scope::One, 0.3, 0.0),
    line(Fault::Silent, Scope::One, 0.3, 12.0),
    line(Fault::Unserved, Scope::One, 0.15, 12.0),
    line(Fault::Refused, Scope::One, 0.3, 4.0),
    line(Fault::TooMany, Scope::One, 0.15, 4.0),
    line(Fault::Banned, Scope::One, 0.15, 4.0),
    line(Fault::ShortBacklog, Scope::One, 0.3, 6.0),
    line(Fault::PhoneOff, Scope::One, 0.3, 20.0),
    line(Fault::AllCut, Scope::All, 1.0, 0.0),
    line(Fault::HalfSilent, Scope::All, 1.0, 12.0),
    line(Fault::Restarted, Scope::Program, 0.7, 0.0),
    line(Fault::Killed, Scope::Program, 0.7, 0.0),
];

impl Fault {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cut => "connection cut",
            Self::StreamError => "connection ended with an error",
            Self::Silent => "connection open and silent",
            Self::Unserved => "probes answered, nothing else",
            Self::Refused => "logins refused (503)",
            Self::TooMany => "logins refused (429)",
            Self::Banned => "number banned for a moment",
            Self::ShortBacklog => "backlog stops half-way",
            Self::PhoneOff => "phone switched off",
            Self::AllCut => "all connections cut at once",
            Self::HalfSilent => "half of them silent at once",
            Self::Restarted => "program restarted",
            Self::Killed => "program killed",
        }
    }

    /// Whether it leaves the account no way to serve while it lasts.
    pub(super) const fn bars(self) -> bool {
        matches!(
            self,
            Self::Silent
                | Self::Unserved
                | Self::Refused
                | Self::TooMany
                | Self::Banned
                | Self::HalfSilent
        )
    }

    /// The network's plan for an account under it, on top of the rough day that all have.
    pub(super) fn plan(self, rough: &Value, lasts_s: f64) -> Option<Value> {
        let refusal = |reason: u16| json!({"reason": reason, "expires_in": lasts_s.ceil() as u64});
        let (field, value) = match self {
            Self::Silent | Self::HalfSilent => ("silent", json!(true)),
            Self::Unserved => ("lose_delivery", json!(1.0)),
            Self::Refused => ("refuse_login", refusal(503)),
            Self::TooMany => ("refuse_login", refusal(429)),
            Self::Banned => ("refuse_login", refusal(402)),
            Self::ShortBacklog => ("short_backlog", json!(1.0)),
            _ => return None,
        };
        let mut plan = rough.clone();
        plan[field] = value;
        if self == Self::Unserved {
            plan["lose_ack"] = json!(1.0);
        }
        Some(plan)
    }

    /// Whether its account's connection is cut as it begins, so that it is met at once.
    pub(super) const fn cuts(self) -> bool {
        matches!(
            self,
            Self::Cut
                | Self::AllCut
                | Self::Refused
                | Self::TooMany
                | Self::Banned
                | Self::ShortBacklog
        )
    }
}

/// A fault at its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Strike {
    /// Since the traffic began, in seconds.
    pub(super) at_s: f64,
    pub(super) fault: Fault,
    /// Which account; all of them without.
    pub(super) account: Option<usize>,
    pub(super) lasts_s: f64,
}

/// All faults of a run of so many seconds, by time. The last tenth is quiet, so that everything is back
/// at the end.
pub(super) fn schedule(chance: &mut Chance, accounts: usize, seconds: f64) -> Vec<Strike> {
    let quiet_from = seconds * 0.9;
    let mut strikes = Vec::new();
    for line in MODEL {
        let whom: Vec<Option<usize>> = match line.scope {
            Scope::One => (0..accounts).map(Some).collect(),
            Scope::All | Scope::Program => vec![None],
        };
        for account in whom {
            let mut at_s = chance.wait(seconds / line.times);
            while at_s < quiet_from {
                strikes.push(Strike {
                    at_s,
                    fault: line.fault,
                    account,
                    lasts_s: chance.wait(line.lasts_s).min(line.lasts_s * 3.0),
                });
                at_s += chance.wait(seconds / line.times);
            }
        }
    }
    strikes.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    strikes
}

/// The accounts that a strike meets.
pub(super) fn met(strike: &Strike, accounts: usize) -> Vec<usize> {
    match (strike.account, strike.fault) {
        (Some(account), _) => vec![account],
        (None, Fault::HalfSilent) => (0..accounts).step_by(2).collect(),
        (None, _) => (0..accounts).collect(),
    }
}

/// Lets it happen to one account.
pub(super) async fn begin(
    network: &Api,
    number: &str,
    strike: &Strike,
    rough: &Value,
) -> Result<()> {
    if let Some(plan) = strike.fault.plan(rough, strike.lasts_s) {
        set(network, number, &plan).await?;
    }
    match strike.fault {
        fault if fault.cuts() => {
            network
                .post(&format!("/phones/{number}/kick"), &json!({}))
                .await?;
        }
        Fault::StreamError => {
            let path = format!("/phones/{number}/stream-error");
            network.post(&path, &json!({"code": 503})).await?;
        }
        Fault::PhoneOff => {
            let millis = (strike.lasts_s * 1_000.0).ceil() as u64;
            let path = format!("/phones/{number}/offline");
            network.post(&path, &json!({"for_ms": millis})).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Ends it.
pub(super) async fn end(network: &Api, number: &str, rough: &Value) -> Result<()> {
    set(network, number, rough).await
}

async fn set(network: &Api, number: &str, plan: &Value) -> Result<()> {
    let faults = json!({"account": number, "plan": plan});
    network.post("/faults", &faults).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_every_kind_strikes_a_fleet() {
        let of = |seed| schedule(&mut Chance::new(seed), 200, 3_600.0);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        for line in MODEL.iter().filter(|line| line.scope == Scope::One) {
            let strikes = of(1);
            assert!(strikes.iter().any(|s| s.fault == line.fault), "{line:?}");
        }
        assert!(of(1).iter().all(|strike| strike.at_s < 3_240.0));
        assert!(of(1).is_sorted_by(|a, b| a.at_s <= b.at_s));
    }

    #[test]
    fn a_plan_keeps_the_rough_day_and_adds_its_own() {
        let rough = json!({"duplicate": 0.05, "kick": 0.01});
        let plan = Fault::Banned.plan(&rough, 3.2).unwrap();
        assert_eq!(plan["duplicate"], 0.05);
        assert_eq!(plan["refuse_login"]["reason"], 402);
        assert_eq!(plan["refuse_login"]["expires_in"], 4);
        assert_eq!(Fault::Cut.plan(&rough, 0.0), None);
    }
}
