//! What a message mentions: the kinds, and the order in which the grammars look.
//!
//! Each grammar is one file. They run in a fixed order over the same tokens, and a token belongs to the
//! first grammar that claims it: what can be said for certain goes first, what is left over is a number.

mod area;
mod bedrooms;
mod calendar;
pub(crate) mod datetime;
mod duration;
mod email_url;
mod gazetteer;
mod lean;
mod moment;
mod money;
mod number;
mod paid;
mod percentage;
mod person;
mod person_lead;
mod phone;
mod phone_words;
mod places;
mod price;
mod price_words;
mod property;
mod quantity;
mod reference;
mod time_of_day;
mod unit;
mod weekday;

pub use gazetteer::{Gazetteer, GazetteerError, Place, PlaceKind};
pub use person::Names;

use crate::doc::Doc;
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Values named in one message at most; what comes after is not looked at.
pub const ENTITIES_MAX: usize = 512;
/// Confidence below which a value is dropped.
pub const CONFIDENCE_MIN: f32 = 0.70;
/// Confidence of a value that its surroundings agree with.
pub const CONFIDENCE_AGREED: f32 = 0.99;

/// The kinds of values that are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A phone number, in E.164: `+971505760056`.
    Phone,
    /// ISO 4217 code and exact decimal: `AED 1500000`.
    Money,
    /// An address with a lower-cased host.
    Email,
    /// An address with a lower-cased host.
    Url,
    /// ISO 8601 day: `2026-02-25`.
    Date,
    /// ISO 8601 minute in the contact's zone: `2026-02-25T15:00`.
    Datetime,
    /// ISO 8601 duration: `P2W`.
    Duration,
    /// A decimal without its sign: `2.5`.
    Percentage,
    /// Any other number, as a plain decimal.
    Number,
    /// Decimal and unit: `3 km`.
    Quantity,
    /// Decimal and `sqft` or `sqm`, as written.
    AreaSize,
    /// The number of a flat, villa, office or shop.
    Unit,
    /// A project or building, by its canonical name.
    Project,
    /// An area, community or city, by its canonical name.
    Location,
    /// One of apartment, villa, townhouse, studio, penthouse, duplex, office, shop, warehouse, plot,
    /// building.
    PropertyType,
    /// How many bedrooms; 0 for a studio.
    Bedrooms,
    /// A person, as written.
    Person,
    /// A reference, permit or document number, as written.
    Reference,
}

impl Kind {
    /// The kind's name as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Money => "money",
            Self::Email => "email",
            Self::Url => "url",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Duration => "duration",
            Self::Percentage => "percentage",
            Self::Number => "number",
            Self::Quantity => "quantity",
            Self::AreaSize => "area_size",
            Self::Unit => "unit",
            Self::Project => "project",
            Self::Location => "location",
            Self::PropertyType => "property_type",
            Self::Bedrooms => "bedrooms",
            Self::Person => "person",
            Self::Reference => "reference",
        }
    }
}

/// Who found a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A grammar.
    Rule,
    /// A trained model.
    Model,
    /// A list that users edit.
    Gazetteer,
    /// A language model that was asked.
    Llm,
}

/// One value that a message mentions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// What it is.
    pub kind: Kind,
    /// Its normal form.
    pub value: String,
    /// What was typed.
    pub text: String,
    /// First byte in the message.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// How sure, between [`CONFIDENCE_MIN`] and 1.
    pub confidence: f32,
    /// Who found it.
    pub source: Source,
}

/// What the grammars know besides the words.
pub(crate) struct Context<'c> {
    /// When the message was written, in the contact's zone.
    pub(crate) at: &'c Zoned,
    /// Currency of an amount without one.
    pub(crate) currency: &'c str,
    /// Country whose national numbers are read, such as `AE`.
    pub(crate) region: &'c str,
    pub(crate) places: &'c Gazetteer,
    pub(crate) names: &'c Names,
}

/// A value on its way through the grammars.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) value: String,
    pub(crate) tokens: Range<usize>,
    pub(crate) confidence: f32,
    pub(crate) source: Source,
}

/// The state of one message between grammars.
pub(crate) struct Pass<'p, 'a> {
    pub(crate) doc: &'p Doc<'a>,
    pub(crate) context: &'p Context<'p>,
    pub(crate) found: Vec<Found>,
    claimed: Vec<bool>,
    shouting: bool,
}

impl<'p, 'a> Pass<'p, 'a> {
    fn new(doc: &'p Doc<'a>, context: &'p Context<'p>) -> Self {
        Self {
            doc,
            context,
            found: Vec::new(),
            claimed: vec![false; doc.len()],
            shouting: is_shouting(doc),
        }
    }

    /// Whether most of the message is in capitals, so that they say nothing.
    pub(crate) fn is_shouting(&self) -> bool {
        self.shouting
    }

    /// Whether no grammar has claimed any of these tokens.
    pub(crate) fn is_free(&self, tokens: Range<usize>) -> bool {
        tokens.end <= self.claimed.len() && !self.claimed[tokens].contains(&true)
    }

    /// Whether a token is there and nobody's yet.
    pub(crate) fn is_open(&self, i: usize) -> bool {
        self.claimed.get(i) == Some(&false)
    }

    /// Takes tokens without a value, so that no later grammar reads them.
    pub(crate) fn claim(&mut self, tokens: Range<usize>) {
        let end = tokens.end.min(self.claimed.len());
        for claimed in &mut self.claimed[tokens.start.min(end)..end] {
            *claimed = true;
        }
    }

    /// Adds a value by rule and claims its tokens.
    pub(crate) fn add(&mut self, kind: Kind, value: String, tokens: Range<usize>, confidence: f32) {
        self.add_from(Source::Rule, kind, value, tokens, confidence);
    }

    /// Adds a value and claims its tokens.
    pub(crate) fn add_from(
        &mut self,
        source: Source,
        kind: Kind,
        value: String,
        tokens: Range<usize>,
        confidence: f32,
    ) {
        self.claim(tokens.clone());
        if self.found.len() < ENTITIES_MAX {
            self.found.push(Found {
                kind,
                value,
                tokens,
                confidence,
                source,
            });
        }
    }

    /// Whether a value of this kind ends right before a token, with nothing but spaces between.
    pub(crate) fn ends_at(&self, kind: Kind, i: usize) -> bool {
        self.found
            .iter()
            .any(|f| f.kind == kind && f.tokens.end == i)
    }

    /// Whether a value of this kind was found.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.found.iter().any(|f| f.kind == kind)
    }
}

fn is_shouting(doc: &Doc<'_>) -> bool {
    let words = (0..doc.len()).filter(|&i| doc.kind(i) == Some(crate::doc::TokenKind::Latin));
    let (capitals, all) = words.fold((0, 0), |(c, a), i| {
        (c + usize::from(doc.is_shouted(i)), a + 1)
    });
    all > 3 && capitals * 3 > all * 2
}

/// Finds all values of a message.
pub(crate) fn extract(doc: &Doc<'_>, context: &Context<'_>) -> Vec<Entity> {
    let mut pass = Pass::new(doc, context);
    email_url::find(&mut pass);
    phone::find(&mut pass);
    phone_words::find(&mut pass);
    reference::find(&mut pass);
    percentage::find(&mut pass);
    area::find(&mut pass);
    bedrooms::find(&mut pass);
    places::find(&mut pass);
    money::find(&mut pass);
    unit::find(&mut pass);
    datetime::find(&mut pass);
    duration::find(&mut pass);
    lean::add_up(&mut pass);
    price::find(&mut pass);
    quantity::find(&mut pass);
    unit::find_bare(&mut pass);
    lean::find(&mut pass);
    price::find_spoken(&mut pass);
    property::find(&mut pass);
    person::find(&mut pass);
    number::find(&mut pass);
    crate::resolve::settle(pass.found, doc)
}
