//! `cargo xtask demo`: Waypost at work on a WhatsApp network of its own.

use crate::cli::DemoArgs;
use crate::http::Http;
use crate::parts::{self, Part};
use crate::place::Place;
use crate::service::pause;
use crate::test::{self, Stage};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::io::Read as _;

/// What the dashboard needs to be built.
const WEB_PARTS: &[Part] = &[Part::Node, Part::WebPackages];
/// The number that is linked while you watch.
const OFFICE: &str = "971500000001";
/// Who writes to it. So many that nobody writes 20 times a minute: Waypost would take such a person for
/// another bot and stop answering (its loop guard).
const PEOPLE: [&str; 12] = [
    "Ana Haddad",
    "Omar Rahimi",
    "Lena Fischer",
    "Yusuf Karim",
    "Mei Tanaka",
    "Daniel Okoye",
    "Sara Lindqvist",
    "Rania Aziz",
    "Tom Becker",
    "Priya Nair",
    "Luca Moretti",
    "Hana Novak",
];
/// What people say, each in turn.
const LINES: [[&str; 4]; 3] = [
    [
        "Good morning",
        "What are your opening hours?",
        "Can I visit on Saturday?",
        "Thanks!",
    ],
    [
        "Hello",
        "How much is the two-bedroom flat?",
        "Is it still available?",
        "Great, see you",
    ],
    [
        "Hi there",
        "Where is your office?",
        "Do you speak German?",
        "Perfect, thank you",
    ],
];
/// Looks at something that takes a moment, 100 ms apart: 60 s in all.
const TRIES: u32 = 600;
/// Looks before the account is linked, 100 ms apart, so that a person can open the dashboard.
const CURTAIN: u32 = 100;
/// Looks between two messages, 100 ms apart: about three messages a second, which is inside the
/// sending limits of one account.
const BEAT: u32 = 3;
/// How long the test run lets it chat, in seconds: as long as the README says.
const SMOKE_SECONDS: u32 = 20;
/// Looks for the last answers, 100 ms apart.
const LAST_ANSWERS: u32 = 300;

/// Builds what is missing, then runs the show: for ever, or for some seconds without a person.
///
/// # Errors
/// When something cannot be built or started, or, unattended, when a message was lost, doubled or
/// swapped.
pub(crate) fn run(place: &Place, args: &DemoArgs) -> Result<()> {
    if !place.path("web/dist/index.html").exists() {
        parts::install(place, &parts::missing(place, WEB_PARTS))?;
    }
    test::build_dashboard_if_needed(place)?;
    test::build_sim_program(place)?;
    let stage = Stage::start(place)?;
    let show = Show::on(&stage)?;
    if args.headless {
        return show.unattended(args.seconds);
    }
    show.introduce(&stage)?;
    let account = show.prepare()?;
    println!("Linking the account \"Office\" in 10 seconds; open its page to watch.");
    (0..CURTAIN).for_each(|_| pause());
    show.link(&account)?;
    println!("Linked. Its contacts are chatting with it now. Ctrl-C ends the demo.");
    show.talk(u64::MAX)
}

/// Sees that the demo works, with the programs that the tests were built from.
///
/// # Errors
/// As [`run`] unattended.
pub(crate) fn smoke(place: &Place) -> Result<()> {
    test::build_dashboard_if_needed(place)?;
    test::build_sim_program_as_tested(place)?;
    let stage = Stage::start(place)?;
    Show::on(&stage)?.unattended(SMOKE_SECONDS)
}

/// The two programs on stage.
struct Show {
    waypost: Http,
    wasim: Http,
}

impl Show {
    fn on(stage: &Stage) -> Result<Self> {
        Ok(Self {
            waypost: Http::new(
                format!("{}/api/v1", stage.waypost_url),
                Some(stage.api_key()?),
            ),
            wasim: Http::new(stage.wasim_url.clone(), None),
        })
    }

    /// Links, chats for so many seconds, and judges.
    fn unattended(&self, seconds: u32) -> Result<()> {
        let account = self.prepare()?;
        self.link(&account)?;
        self.talk(u64::from(seconds) * 10 / u64::from(BEAT))?;
        self.verdict()
    }

    /// Creates the owner and says how to get in.
    fn introduce(&self, stage: &Stage) -> Result<()> {
        let password = random_word()?;
        let owner = json!({
            "token": stage.setup_token,
            "login": "demo",
            "name": "Demo Owner",
            "password": password,
        });
        Http::new(format!("{}/api/v1", stage.waypost_url), None).post("/setup", &owner)?;
        println!("\n  Dashboard  {}", stage.waypost_url);
        println!("  Sign in    demo  /  {password}");
        println!(
            "  Network    {} (drive it yourself: docs/wasim.md)\n",
            stage.wasim_url
        );
        Ok(())
    }

    /// Phones, contacts, an account and what it answers.
    fn prepare(&self) -> Result<String> {
        self.wasim
            .post("/phones", &json!({"number": OFFICE, "push_name": "Office"}))?;
        for (person, name) in PEOPLE.iter().enumerate() {
            self.wasim.post(
                "/contacts",
                &json!({"number": number_of(person), "push_name": name}),
            )?;
        }
        for (position, (name, words, answer)) in [
            (
                "Opening hours",
                "hours",
                "We are open from 9 to 18, Sunday to Thursday. You asked: {text}",
            ),
            (
                "Prices",
                "much",
                "The price list is on its way, {name}. You asked: {text}",
            ),
            (
                "Everything else",
                "",
                "Thank you, {name}, we got your message: {text}",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let matches = match words {
                "" => json!({"on": "any"}),
                word => json!({"on": "contains", "text": word}),
            };
            let rule =
                json!({"name": name, "position": position, "matches": matches, "answer": answer});
            self.waypost.post("/rules", &rule)?;
        }
        let account = self.waypost.post("/accounts", &json!({"name": "Office"}))?;
        text(&account, "/id").map(str::to_owned)
    }

    /// Links the account by QR code, as its owner would.
    fn link(&self, account: &str) -> Result<()> {
        let path = format!("/accounts/{account}/link");
        self.waypost.post(&path, &json!({"method": "qr"}))?;
        let qr = wait_for("a QR code", || {
            let link = self.waypost.get(&path)?;
            Ok(link.get("qr").and_then(Value::as_str).map(str::to_owned))
        })?;
        self.wasim
            .post(&format!("/phones/{OFFICE}/scan"), &json!({"qr": qr}))?;
        wait_for("the account to be online", || {
            let account = self.waypost.get(&format!("/accounts/{account}"))?;
            Ok((text(&account, "/state")? == "online").then_some(()))
        })
    }

    /// Lets the contacts write in turn. Every message carries a number that its answer repeats.
    fn talk(&self, messages: u64) -> Result<()> {
        for n in 0..messages {
            let turn = usize::try_from(n)?;
            let person = turn % PEOPLE.len();
            let lines = LINES[person % LINES.len()];
            let line = lines[turn / PEOPLE.len() % lines.len()];
            let content = json!({"kind": "text", "text": format!("{line} #{n}")});
            let path = format!("/contacts/{}/send", number_of(person));
            self.wasim
                .post(&path, &json!({"to": OFFICE, "content": content}))?;
            (0..BEAT).for_each(|_| pause());
        }
        Ok(())
    }

    /// Waits for the last answers and prints the ledger's verdict as one line of JSON.
    fn verdict(&self) -> Result<()> {
        let mut judged = Value::Null;
        for _ in 0..LAST_ANSWERS {
            judged = self.wasim.get("/ledger/judgement?mark=%23")?;
            if judged.get("answered") == judged.get("expected") {
                break;
            }
            pause();
        }
        let count = |what: &str| {
            judged
                .get(what)
                .and_then(Value::as_array)
                .map_or(0, Vec::len)
        };
        let (lost, duplicated, reordered) =
            (count("lost"), count("duplicated"), count("reordered"));
        let totals = self.wasim.get("/ledger")?;
        let linked = self.waypost.get("/accounts")?;
        let linked = linked
            .get("items")
            .and_then(Value::as_array)
            .map_or(0, |accounts| {
                accounts
                    .iter()
                    .filter(|a| a.get("state") == Some(&json!("online")))
                    .count()
            });
        let line = json!({
            "accounts_linked": linked,
            "messages_in": judged.get("expected"),
            "messages_out": totals.get("shown"),
            "latency_ms": judged.get("latency_ms"),
            "lost": lost,
            "duplicated": duplicated,
            "reordered": reordered,
        });
        println!("{line}");
        if lost + duplicated + reordered > 0 {
            bail!("the ledger is not clean: {judged}");
        }
        Ok(())
    }
}

/// The number of one of [`PEOPLE`].
fn number_of(person: usize) -> String {
    format!("9715000001{person:02}")
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.with_context(|| format!("the server's answer has no {pointer}: {value}"))
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..TRIES {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        pause();
    }
    bail!("waited 60 s for {what}")
}

/// A word that nobody can guess.
fn random_word() -> Result<String> {
    let mut bytes = [0_u8; 9];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
