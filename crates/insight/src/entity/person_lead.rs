//! What stands before a name: titles, introductions, addresses and calls.

use super::{Kind, Pass};
use crate::doc::{Doc, Gap};

/// How sure the words before a name make it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// `Mr`, `my name is`: what follows is a name.
    Certain,
    /// `this is`, `hi`: a name may follow.
    Open,
}

/// Words that a name follows, and where it begins.
pub(super) fn lead_at(doc: &Doc<'_>, i: usize) -> Option<(Lead, usize)> {
    let word = |at: usize| doc.word(at);
    if is_title(word(i)) {
        let at = if doc.is_mark(i + 1, '.') && doc.is_glued(i + 1) {
            i + 2
        } else {
            i + 1
        };
        let at = if is_title(word(at)) { at + 1 } else { at };
        return (doc.gap(at) != Gap::Line).then_some((Lead::Certain, at));
    }
    let (lead, at) = match (word(i), word(i + 1), word(i + 2)) {
        ("name", "is" | "s", _) => (Lead::Certain, i + 2),
        ("name's", _, _) | ("اسمي", _, _) | ("الاسم", _, _) => (Lead::Certain, i + 1),
        ("الوكيل", _, _) => (Lead::Open, i + 1),
        ("name", _, _) if doc.is_any_mark(i + 1, ":-=") => (Lead::Certain, i + 2),
        ("called" | "named", _, _) => (Lead::Open, i + 1),
        ("this", "is", _) | ("it's" | "its", "me", _) => (Lead::Open, i + 2),
        ("i", "am", _) | ("i'm" | "im", _, _) | ("it's" | "its", _, _) => {
            (Lead::Open, if word(i) == "i" { i + 2 } else { i + 1 })
        }
        ("انا" | "معك" | "معاك" | "معاكم" | "معكم", _, _) => (Lead::Open, i + 1),
        (
            "hi" | "hello" | "hey" | "dear" | "hii" | "helo" | "thanks" | "thx" | "morning"
            | "evening" | "afternoon" | "yes" | "ok" | "sorry" | "regards" | "marhaba",
            _,
            _,
        ) => (Lead::Open, i + 1),
        ("thank", "you", _) => (Lead::Open, i + 2),
        ("best" | "sincerely" | "respectfully", _, _) if doc.is_mark(i + 1, ',') => {
            (Lead::Open, i + 2)
        }
        (
            "asked" | "told" | "remind" | "met" | "contact" | "call" | "ask" | "tell" | "inform"
            | "meet" | "message" | "agent" | "broker" | "landlord" | "owner" | "tenant"
            | "colleague" | "manager" | "client" | "husband" | "wife" | "brother" | "sister"
            | "friend" | "partner" | "assistant" | "lawyer" | "buyer" | "seller" | "watchman"
            | "son" | "daughter" | "guard" | "security" | "pro" | "plumber" | "driver" | "helper"
            | "nanny" | "maid" | "technician" | "electrician" | "accountant" | "secretary"
            | "receptionist" | "cleaner" | "handyman" | "supervisor" | "engineer" | "uncle"
            | "aunt" | "cousin" | "roommate" | "flatmate" | "neighbour" | "neighbor" | "mother"
            | "father" | "boss" | "director" | "guest" | "did" | "br" | "rgds" | "cheers",
            _,
            _,
        ) => (Lead::Open, i + 1),
        ("with" | "to" | "for" | "from" | "by" | "and" | "is" | "attn" | "cc", _, _) => {
            (Lead::Open, i + 1)
        }
        (
            "مع" | "الى" | "من" | "مرحبا" | "اهلا" | "هلا" | "يا" | "شكرا" | "السلام" | "زميلي"
            | "المالك" | "الوسيط" | "اخوي" | "صديقي" | "الحارس" | "للحارس" | "حارس" | "المستاجر"
            | "الموظف" | "السايق" | "السائق" | "المدير" | "المندوب" | "الفني",
            _,
            _,
        ) => (Lead::Open, i + 1),
        _ => return None,
    };
    let at = if doc.is_any_mark(at, ":,")
        && matches!(
            word(i),
            "agent"
                | "contact"
                | "owner"
                | "landlord"
                | "tenant"
                | "regards"
                | "br"
                | "rgds"
                | "cheers"
                | "attn"
                | "cc"
                | "hi"
                | "hello"
                | "thanks"
                | "buyer"
                | "seller"
                | "you"
                | "الاسم"
                | "اسمي"
                | "call"
                | "الوكيل"
                | "المالك"
                | "المستاجر"
        ) {
        at + 1
    } else {
        at
    };
    // A title speaks for itself one step later.
    (!is_title(word(at))
        && (doc.gap(at) != Gap::Line
            || matches!(
                word(i),
                "regards"
                    | "br"
                    | "rgds"
                    | "cheers"
                    | "best"
                    | "sincerely"
                    | "respectfully"
                    | "thanks"
                    | "you"
            )))
    .then_some((lead, at))
}

pub(super) fn is_title(word: &str) -> bool {
    matches!(
        word,
        "mr" | "mrs"
            | "ms"
            | "miss"
            | "dr"
            | "eng"
            | "engr"
            | "prof"
            | "sheikh"
            | "shaikh"
            | "sheikha"
            | "mister"
            | "capt"
            | "captain"
            | "chef"
            | "kuya"
            | "madam"
            | "مستر"
            | "مسز"
            | "مدام"
            | "كابتن"
            | "الكابتن"
            | "السيد"
            | "السيده"
            | "استاذ"
            | "استاذه"
            | "الاستاذ"
            | "الاستاذه"
            | "دكتور"
            | "الدكتور"
            | "دكتوره"
            | "الدكتوره"
            | "مهندس"
            | "المهندس"
            | "باشمهندس"
            | "بشمهندس"
            | "استاز"
            | "الشيخ"
            | "الشيخه"
            | "الاخ"
            | "الاخت"
            | "اخ"
    )
}

/// `CALL NOUSHAD 0567788990`: a word between a call and the number that is to be called.
pub(super) fn is_called(pass: &Pass<'_, '_>, from: usize) -> bool {
    let doc = pass.doc;
    let lead = if doc.is_mark(from.wrapping_sub(1), ':') {
        from - 1
    } else {
        from
    };
    let calls = matches!(
        doc.word_before(lead),
        "call" | "contact" | "whatsapp" | "agent" | "wa" | "msg" | "text" | "ring"
    );
    let number = (from + 1..from + 5).find(|&at| !pass.is_open(at));
    calls
        && number.is_some_and(|at| {
            (from + 1..at).all(|t| doc.is_word(t) || doc.is_any_mark(t, ":-"))
                && pass
                    .found
                    .iter()
                    .any(|f| f.kind == Kind::Phone && f.tokens.start == at)
        })
}

/// Whether an unknown capitalised word behind an open lead is likely a person.
pub(super) fn speaks_to_a_person(doc: &Doc<'_>, from: usize) -> bool {
    let before = doc.word_before(from);
    let address = matches!(
        before,
        "guard"
            | "pro"
            | "plumber"
            | "driver"
            | "helper"
            | "nanny"
            | "maid"
            | "technician"
            | "electrician"
            | "accountant"
            | "secretary"
            | "receptionist"
            | "cleaner"
            | "handyman"
            | "supervisor"
            | "uncle"
            | "aunt"
            | "cousin"
            | "roommate"
            | "flatmate"
            | "boss"
            | "rgds"
            | "cheers"
    ) || matches!(
        before,
        "hi" | "hello"
            | "hey"
            | "dear"
            | "am"
            | "i'm"
            | "im"
            | "agent"
            | "with"
            | "regards"
            | "contact"
            | "ask"
            | "asked"
            | "tell"
            | "told"
            | "inform"
            | "remind"
            | "meet"
            | "met"
            | "you"
            | "thanks"
            | "tenant"
            | "landlord"
            | "owner"
            | "colleague"
            | "manager"
            | "husband"
            | "wife"
            | "brother"
            | "sister"
            | "friend"
            | "assistant"
            | "lawyer"
            | "buyer"
            | "seller"
    ) || matches!(before, "to" | "with")
        && from >= 2
        && matches!(
            doc.word(from - 2),
            "spoke" | "speak" | "speaking" | "talk" | "talked" | "talking" | "meeting" | "spoken"
        )
        || before == "me" && from >= 2 && matches!(doc.word(from - 2), "its" | "it's")
        || before == "to" && hands_over(doc, from)
        || doc.is_mark(from.wrapping_sub(1), ',')
        || doc.is_mark(from.wrapping_sub(1), ':');
    address && !doc.is_shouted(from)
}

/// `send the invoice to`, `hand it over to`: something goes to somebody.
fn hands_over(doc: &Doc<'_>, from: usize) -> bool {
    const REACH: usize = 6;
    (from.saturating_sub(REACH)..from).any(|at| {
        matches!(
            doc.word(at),
            "send"
                | "sent"
                | "give"
                | "gave"
                | "given"
                | "hand"
                | "handed"
                | "forward"
                | "forwarded"
                | "speak"
                | "spoke"
                | "talk"
                | "talked"
                | "mentioned"
                | "explained"
                | "apologise"
                | "apologize"
        )
    })
}
