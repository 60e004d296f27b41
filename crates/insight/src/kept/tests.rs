use super::*;
use crate::doc::Doc;
use crate::intent::examples::{self, FeltExample};
use crate::intent::{FeatureSet, Hint, Judging, Labelled, Loss, TrainOptions};
use crate::sentiment::{Feeling, Lexicon};
use crate::{
    Analysis, Analyzer, DEFAULT_EXAMPLES, DEFAULT_FEELINGS, Input, IntentSource, Settings,
};
use proptest::prelude::*;

const WORDS: &[&str] = &[
    "price",
    "villa",
    "please",
    "thanks",
    "late",
    "angry",
    "شقة",
    "مرحبا",
    "great",
    "offer",
    "12",
    "?",
    "viewing",
    "tomorrow",
    "never",
    "bad",
];

fn message() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(WORDS), 1..6)
        .prop_map(|words| words.join(" "))
}

fn options() -> impl Strategy<Value = TrainOptions> {
    (any::<bool>(), any::<bool>()).prop_map(|(plain, linear)| TrainOptions {
        oos_label: "unclear".into(),
        features: if plain {
            FeatureSet::Words
        } else {
            FeatureSet::Full
        },
        loss: if linear { Loss::Logistic } else { Loss::Hinge },
        judging: if plain {
            Judging::BestScore
        } else {
            Judging::AllSigns
        },
    })
}

fn trained() -> impl Strategy<Value = Trained> {
    let labelled = (message(), 0..4_usize).prop_map(|(text, label)| Labelled {
        text,
        label: ["asking", "complaint", "thanks", "unclear"][label].to_owned(),
        hints: vec![Hint::of_all("money")],
    });
    let examples = proptest::collection::vec(labelled, 0..40);
    (examples, options(), any::<bool>()).prop_map(|(examples, options, feels)| Trained {
        intents: IntentModel::train(&examples, &[], &options),
        mood: feels.then(mood).flatten(),
    })
}

/// Learnt from as few examples as teach anything.
fn mood() -> Option<Mood> {
    let lexicon = Lexicon::from_yaml(DEFAULT_FEELINGS).unwrap();
    let feelings = [Feeling::Negative, Feeling::Neutral, Feeling::Positive];
    let examples: Vec<FeltExample> = (0..210)
        .map(|at| FeltExample {
            text: format!("{} {}", WORDS[at % WORDS.len()], WORDS[at % 7]),
            feeling: feelings[at % 3],
        })
        .collect();
    Mood::train(&examples, &|text| lexicon.sentiment(&Doc::new(text)))
}

fn name() -> Fingerprint {
    Settings {
        intents: IntentSource::Examples(String::new()),
        ..Settings::default()
    }
    .fingerprint()
}

/// What it answers, to the last bit.
fn answers(trained: &Trained, text: &str) -> (String, u32, Option<(u32, i8)>) {
    let doc = Doc::new(text);
    let intent = trained.intents.classify(&doc, &[Hint::of_all("money")]);
    let lexicon = Lexicon::default();
    let felt = trained
        .mood
        .as_ref()
        .map(|mood| mood.feel(&doc, lexicon.sentiment(&doc)));
    let felt = felt.map(|felt| (felt.score.to_bits(), felt.label.sign()));
    (intent.name, intent.confidence.to_bits(), felt)
}

/// The same bytes with a checksum that is right.
fn sealed(content: &[u8]) -> Vec<u8> {
    [content, &Sha256::digest(content)[..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_back_answers_as_what_was_written(
        trained in trained(),
        texts in proptest::collection::vec(message(), 8),
    ) {
        let bytes = trained.to_bytes(&name());
        let back = Trained::from_bytes(&bytes, &name()).unwrap();
        for text in &texts {
            prop_assert_eq!(answers(&trained, text), answers(&back, text));
        }
        prop_assert_eq!(back.to_bytes(&name()), bytes);
    }

    #[test]
    fn a_byte_that_is_not_what_it_was_is_noticed(
        trained in trained(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 64),
    ) {
        let bytes = trained.to_bytes(&name());
        for (at, change) in hits {
            let mut hit = bytes.clone();
            let at = at.index(hit.len());
            hit[at] ^= change;
            prop_assert!(Trained::from_bytes(&hit, &name()).is_err(), "byte {at}");
            prop_assert!(Trained::from_bytes(&bytes[..at], &name()).is_err(), "cut at {at}");
        }
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!(Trained::from_bytes(&longer, &name()).err(), Some(KeptError::Damaged));
    }

    #[test]
    fn rubbish_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(Trained::from_bytes(&bytes, &name()).is_err());
        let mut like_ours = [&MAGIC[..], &VERSION.to_le_bytes()[..], &name().as_bytes()[..]].concat();
        like_ours.extend(&bytes);
        prop_assert!(Trained::from_bytes(&sealed(&like_ours), &name()).is_err());
    }

    /// A checksum proves no good will: what it covers is refused, or answers something.
    #[test]
    fn a_forged_checksum_breaks_nothing(
        trained in trained(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 32),
        text in message(),
    ) {
        let bytes = trained.to_bytes(&name());
        let content = &bytes[..bytes.len() - SUM_LEN];
        for (at, byte) in hits {
            let mut hit = content.to_vec();
            let at = at.index(hit.len().min(4_000));
            hit[at] = byte;
            if let Ok(back) = Trained::from_bytes(&sealed(&hit), &name()) {
                answers(&back, &text);
            }
        }
    }
}

/// The whole way, with what comes with the program.
#[test]
fn the_programs_own_model_answers_the_same_after_it_was_kept() {
    let settings = Settings::default();
    let name = settings.fingerprint();
    let learnt = Analyzer::new(settings.clone()).unwrap();
    let bytes = learnt.trained().to_bytes(&name);
    let kept = Trained::from_bytes(&bytes, &name).unwrap();
    let kept = Analyzer::with_trained(&settings, kept).unwrap();
    let at = "2026-02-23T10:00[Asia/Dubai]".parse().unwrap();
    let messages = examples::from_lines(DEFAULT_EXAMPLES).unwrap();
    for message in messages.iter().step_by(7) {
        let input = Input {
            text: &message.text,
            at: &at,
            locale: None,
        };
        let (before, after) = (learnt.analyze(&input), kept.analyze(&input));
        assert_eq!(before, after, "{}", message.text);
        let bits = |a: &Analysis| (a.intent.confidence.to_bits(), a.sentiment.score.to_bits());
        assert_eq!(bits(&before), bits(&after), "{}", message.text);
    }
}

#[test]
fn a_length_that_claims_too_much_takes_no_memory() {
    let mut content = [
        &MAGIC[..],
        &VERSION.to_le_bytes()[..],
        &name().as_bytes()[..],
    ]
    .concat();
    content.extend(u64::MAX.to_le_bytes());
    assert_eq!(
        Trained::from_bytes(&sealed(&content), &name()).err(),
        Some(KeptError::Damaged)
    );
}

#[test]
fn what_was_learnt_from_something_else_is_refused() {
    let trained = Trained {
        intents: IntentModel::train(&[], &[], &TrainOptions::default()),
        mood: None,
    };
    let bytes = trained.to_bytes(&name());
    let refused = |of: &Settings| Trained::from_bytes(&bytes, &of.fingerprint()).err();
    let base = Settings::default();
    assert_eq!(refused(&base), Some(KeptError::OtherSource));
    assert_eq!(
        Trained::from_bytes(&vec![0; BYTES_MAX + 1], &name()).err(),
        Some(KeptError::TooLong)
    );
    assert_eq!(
        Trained::from_bytes(b"#!/bin/sh", &name()).err(),
        Some(KeptError::Foreign)
    );
}

#[test]
fn everything_that_is_learnt_from_changes_the_fingerprint() {
    let base = Settings::default();
    let model = IntentModel::train(&[], &[], &TrainOptions::default());
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut settings = base.clone();
        change(&mut settings);
        settings.fingerprint().to_string()
    };
    let mut names = vec![
        with(&|_| ()),
        with(&|s| s.places.push(' ')),
        with(&|s| s.names.push(' ')),
        with(&|s| s.feelings.push(' ')),
        with(&|s| s.labelled.push(' ')),
        with(&|s| s.currency = "EUR".into()),
        with(&|s| s.region = "DE".into()),
        with(&|s| s.intents = IntentSource::Examples("nlu: []".into())),
        with(&|s| s.intents = IntentSource::Trained(Box::new(model.clone()))),
    ];
    assert_eq!(names[0].len(), 64);
    assert_eq!(names[0], base.fingerprint().to_string());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 9);
}
