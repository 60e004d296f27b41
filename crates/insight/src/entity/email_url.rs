//! Email and web addresses.
//!
//! They are read from the original text, since case counts in the part after the host.

use super::{Kind, Pass};
use crate::doc::Gap;

/// Ends of names that are taken for a host without `www` or a scheme.
const ENDINGS: &[&str] = &[
    "com",
    "ae",
    "net",
    "org",
    "io",
    "co",
    "me",
    "info",
    "biz",
    "app",
    "dev",
    "ai",
    "gov",
    "edu",
    "uk",
    "in",
    "sa",
    "qa",
    "eg",
    "ru",
    "de",
    "fr",
    "us",
    "gl",
    "ly",
    "online",
    "site",
    "store",
    "realestate",
    "properties",
    "homes",
    "estate",
    "link",
    "shop",
    "tv",
    "cc",
    "ca",
    "au",
    "nz",
    "pk",
    "ph",
    "om",
    "kw",
    "bh",
    "lb",
    "jo",
    "ma",
    "tn",
    "ir",
    "tr",
    "it",
    "es",
    "nl",
    "ch",
    "pl",
    "cn",
    "jp",
    "sg",
    "my",
    "hk",
    "br",
    "za",
    "ng",
    "ke",
    "eu",
    "gg",
    "gd",
    "im",
    "sh",
    "so",
    "to",
    "xyz",
    "top",
    "vip",
    "pro",
    "mobi",
    "club",
    "live",
    "life",
    "world",
    "today",
    "click",
    "win",
    "icu",
    "bid",
    "loan",
    "work",
    "delivery",
    "support",
    "services",
    "solutions",
    "agency",
    "group",
    "company",
    "business",
    "finance",
    "legal",
    "design",
    "studio",
    "cloud",
    "tech",
    "digital",
    "space",
    "website",
    "page",
    "news",
    "blog",
    "media",
    "email",
    "photos",
    "pics",
    "travel",
    "tours",
    "hotel",
    "restaurant",
    "cafe",
    "house",
    "property",
    "villas",
    "apartments",
    "rent",
    "rentals",
    "dubai",
    "abudhabi",
    "arab",
    "test",
    "example",
];
/// Endings that are also words with which a sentence may begin.
const WORD_ENDINGS: &[&str] = &[
    "in", "me", "us", "it", "to", "so", "my", "im", "ma", "br", "sh", "today", "live", "life",
    "work", "rent", "loan", "support", "services", "group", "company", "business", "design",
    "space", "page", "news", "email", "travel", "hotel", "house", "property", "delivery", "test",
    "example", "win", "world",
];
/// Characters of an address at most.
const ADDRESS_MAX: usize = 2_048;

/// Finds addresses among the runs of tokens that touch.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        let mut end = i + 1;
        while end < pass.doc.len() && pass.doc.gap(end) == Gap::None {
            end += 1;
        }
        find_in_run(pass, i, end);
        i = end;
    }
}

fn find_in_run(pass: &mut Pass<'_, '_>, from: usize, end: usize) {
    let mut i = from;
    while i < end {
        if let Some((kind, value, next)) = address_at(pass, i, end) {
            pass.add(kind, value, i..next, 0.97);
            i = next;
        } else {
            i += 1;
        }
    }
}

fn address_at(pass: &Pass<'_, '_>, i: usize, run_end: usize) -> Option<(Kind, String, usize)> {
    let doc = pass.doc;
    doc.is_word(i)
        .then_some(())
        .or_else(|| doc.digits(i).map(|_| ()))?;
    if matches!(doc.str(i), "http" | "https")
        && doc.is_mark(i + 1, ':')
        && doc.is_mark(i + 2, '/')
        && doc.is_mark(i + 3, '/')
    {
        let host_end = host_end(pass, i + 4, run_end)?;
        let next = path_end(pass, host_end, run_end);
        return Some((Kind::Url, with_lower_host(doc.typed(i..next), 1), next));
    }
    // A name is only begun at its beginning: never in the middle of a longer run of name characters.
    if i > 0 && doc.is_glued(i) && doc.is_any_mark(i - 1, "._-+@/") {
        return None;
    }
    if let Some(found) = email_at(pass, i, run_end) {
        return Some(found);
    }
    let host_end = host_end(pass, i, run_end)?;
    // An ending that is a word too, as in `see you today.to view it`, needs a host that is none: two dots, a
    // hyphen, a digit, or a path behind it.
    let marked = (i..host_end).filter(|&at| doc.is_mark(at, '.')).count() > 1
        || (i..host_end).any(|at| doc.is_mark(at, '-') || doc.digits(at).is_some())
        || doc.is_mark(host_end, '/');
    let is_word = WORD_ENDINGS.contains(&doc.word(host_end - 1));
    let labelled = doc.str(i) == "www" || has_known_ending(pass, host_end) && (marked || !is_word);
    let next = path_end(pass, host_end, run_end);
    labelled.then(|| (Kind::Url, with_lower_host(doc.typed(i..next), 0), next))
}

fn email_at(pass: &Pass<'_, '_>, i: usize, run_end: usize) -> Option<(Kind, String, usize)> {
    let doc = pass.doc;
    let mut at = i;
    while at < run_end && at < i + 24 && !doc.is_mark(at, '@') {
        let allowed = doc.is_word(at) || doc.digits(at).is_some() || doc.is_any_mark(at, "._-+'");
        if !allowed {
            return None;
        }
        at += 1;
    }
    (at > i && doc.is_mark(at, '@') && at < run_end).then_some(())?;
    let next = host_end(pass, at + 1, run_end)?;
    let typed = doc.typed(i..next);
    let (name, host) = typed.rsplit_once('@')?;
    typed.is_ascii().then(|| {
        (
            Kind::Email,
            format!("{name}@{}", host.to_ascii_lowercase()),
            next,
        )
    })
}

/// The token after a host of at least two labels.
fn host_end(pass: &Pass<'_, '_>, i: usize, run_end: usize) -> Option<usize> {
    let doc = pass.doc;
    let mut next = label_end(pass, i, run_end)?;
    let mut labels = 1;
    while next + 1 < run_end && doc.is_mark(next, '.') && labels < 8 {
        let Some(end) = label_end(pass, next + 1, run_end) else {
            break;
        };
        next = end;
        labels += 1;
    }
    let last = doc.word(next - 1);
    (labels >= 2 && last.len() >= 2 && last.is_ascii()).then_some(next)
}

fn label_end(pass: &Pass<'_, '_>, i: usize, run_end: usize) -> Option<usize> {
    let doc = pass.doc;
    let part = |at: usize| {
        at < run_end && doc.str(at).is_ascii() && (doc.is_word(at) || doc.digits(at).is_some())
    };
    part(i).then_some(())?;
    let mut next = i + 1;
    while next < i + 16 {
        if part(next) {
            next += 1;
        } else if (doc.is_mark(next, '-') || doc.is_mark(next, '_')) && part(next + 1) {
            next += 2;
        } else {
            break;
        }
    }
    Some(next)
}

fn has_known_ending(pass: &Pass<'_, '_>, host_end: usize) -> bool {
    ENDINGS.contains(&pass.doc.word(host_end - 1))
}

/// The token after port, path and query, without the punctuation of the sentence around it.
fn path_end(pass: &Pass<'_, '_>, host_end: usize, run_end: usize) -> usize {
    let doc = pass.doc;
    if host_end >= run_end || !doc.is_any_mark(host_end, "/?#:") {
        return host_end;
    }
    let mut next = host_end;
    while next < run_end
        && next < host_end + ADDRESS_MAX
        && !doc.is_any_mark(next, "\"<>")
        && doc.str(next).is_ascii()
    {
        next += 1;
    }
    while next > host_end && doc.is_any_mark(next - 1, ".,;:!?)]}'*") {
        next -= 1;
    }
    next
}

/// The address with its host in lower case; `schemes` says whether a scheme comes first.
fn with_lower_host(typed: &str, schemes: usize) -> String {
    let host_from = if schemes > 0 {
        typed.find("://").map_or(0, |at| at + 3)
    } else {
        0
    };
    let host_to = typed[host_from..]
        .find(['/', '?', '#'])
        .map_or(typed.len(), |at| host_from + at);
    let mut value = typed[..host_to].to_ascii_lowercase();
    value.push_str(&typed[host_to..]);
    value
}
