//! What messages want, in words that are not among the examples.

use super::{ANALYZER, monday, values};
use waypost_insight::intent::{IntentModel, TrainOptions, examples};
use waypost_insight::sentiment::{Feeling, Urgency};
use waypost_insight::{Analysis, Input};

fn read(text: &str) -> Analysis {
    let at = monday();
    ANALYZER.analyze(&Input {
        text,
        at: &at,
        locale: None,
    })
}

#[test]
fn plain_wishes_are_understood() {
    let table = [
        ("hello there", "greeting"),
        ("thanks so much for your help", "thanks"),
        (
            "could I view the flat on thursday at 6pm?",
            "viewing_request",
        ),
        ("is there any discount on this", "negotiation"),
        ("I'd like to offer 1.15M for it", "offer"),
        ("please share a copy of the title deed", "document_request"),
        ("any news about the apartment?", "follow_up"),
        ("the AC is leaking again, nobody comes", "complaint"),
        ("good night, talk tomorrow", "farewell"),
        ("ممكن اشوف الشقة يوم الجمعة؟", "viewing_request"),
        ("كم الايجار؟", "property_info"),
        ("شكرا لك اخوي", "thanks"),
        ("I have transferred the security deposit", "payment"),
        ("please call me on 0501234567", "contact_request"),
        ("looking for a 3 bedroom villa in mirdif", "inquiry"),
        ("you have won a free iphone, click the link", "spam"),
    ];
    let wrong: Vec<_> = table
        .iter()
        .filter(|(text, intent)| read(text).intent.name != *intent)
        .map(|(text, intent)| (text, intent, read(text).intent))
        .collect();
    assert!(wrong.len() <= 1, "{wrong:#?}");
}

#[test]
fn nonsense_is_refused() {
    for text in ["zxcv qwpoe", "", "    ", "..."] {
        assert_eq!(read(text).intent.name, "unclear", "{text}");
    }
}

#[test]
fn feelings_and_urgency() {
    for (text, feeling) in [
        ("excellent service, thank you so much!", Feeling::Positive),
        ("this is terrible, nobody answers", Feeling::Negative),
        ("not good at all", Feeling::Negative),
        ("the apartment has two bedrooms", Feeling::Neutral),
        ("❤️❤️", Feeling::Positive),
        ("😡", Feeling::Negative),
        ("خدمة ممتازة", Feeling::Positive),
        ("خدمة سيئة جدا", Feeling::Negative),
        ("good morning", Feeling::Neutral),
        (
            "nice flat but the kitchen is dirty and broken",
            Feeling::Negative,
        ),
    ] {
        assert_eq!(
            read(text).sentiment.label,
            feeling,
            "{text} {:?}",
            read(text).sentiment
        );
    }
    assert_eq!(read("URGENT please call me").urgency, Urgency::High);
    assert_eq!(
        read("emergency, water leak, come immediately").urgency,
        Urgency::Critical
    );
    assert_eq!(read("whenever you have time").urgency, Urgency::Normal);
}

#[test]
fn languages_are_told_apart() {
    for (text, language) in [
        ("I need a flat", "en"),
        ("ابحث عن شقة", "ar"),
        ("مرحبا I need شقة in Marina", "mixed"),
        ("123", "und"),
    ] {
        assert_eq!(read(text).language, language, "{text}");
    }
}

#[test]
fn a_set_of_ones_own_is_learnt_and_survives_storage() {
    let yaml = "nlu:\n- intent: order\n  examples: |\n    - I want a pizza\n    - one margherita please\n    - order two pizzas\n- intent: hours\n  examples: |\n    - when do you open\n    - are you open now\n    - opening times?\n";
    let model = ANALYZER.train(
        &examples::from_yaml(yaml).unwrap(),
        &[],
        &TrainOptions::default(),
    );
    let stored = serde_json::to_string(&model).unwrap();
    let model: IntentModel = serde_json::from_str(&stored).unwrap();
    assert_eq!(
        model
            .classify(&waypost_insight::Doc::new("two pizzas please"), &[])
            .name,
        "order"
    );
    assert_eq!(
        model
            .classify(&waypost_insight::Doc::new("when are you open"), &[])
            .name,
        "hours"
    );
}

#[test]
fn a_hostile_megabyte_is_read_up_to_the_limit() {
    for piece in [
        "a\u{0301}\u{0302}",
        "9",
        "1,",
        "05",
        "@",
        "a.",
        "in marina gate ",
        "+9715",
        "مليون و ",
        "ب",
        "10:",
        "1-",
        "https://",
        "Mr. ",
    ] {
        let text = piece.repeat(1_000_000 / piece.len());
        let analysis = read(&text);
        assert!(analysis.truncated, "{piece}");
    }
    assert!(!values("2br").is_empty());
}
