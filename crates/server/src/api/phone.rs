//! Phone numbers and addresses as people type them.

use super::problem::{ApiError, ApiResult};
use waypost_engine::model::Address;

/// Longest text read as a number.
const TYPED_MAX: usize = 64;

/// A number with its country code, in any of the forms people type.
pub(super) fn parse(field: &str, typed: &str) -> ApiResult<Address> {
    let wrong = || {
        let said: String = typed.chars().take(TYPED_MAX).collect();
        ApiError::invalid(
            field,
            format!(
                "'{said}' is not a phone number; write it with its country code, like +971505760056"
            ),
        )
    };
    let text = typed.trim();
    if text.is_empty() || text.len() > TYPED_MAX {
        return Err(wrong());
    }
    let stripped = text
        .strip_prefix("00")
        .unwrap_or(text)
        .trim_start_matches('+');
    let readable = stripped
        .chars()
        .all(|c| c.is_ascii_digit() || " -().".contains(c));
    if !readable {
        return Err(wrong());
    }
    let digits: String = stripped.chars().filter(char::is_ascii_digit).collect();
    // E.164: at most 15 digits, and no country code starts with 0. The numbering plan itself is
    // WhatsApp's to judge: it knows ranges that no table here does.
    if !(5..=15).contains(&digits.len()) || digits.starts_with('0') {
        return Err(wrong());
    }
    Ok(Address::phone(&digits))
}

/// A number or an address (`...@lid`, `...@g.us`).
pub(super) fn parse_address(field: &str, typed: &str) -> ApiResult<Address> {
    if !typed.contains('@') {
        return parse(field, typed);
    }
    typed
        .trim()
        .parse()
        .map_err(|error: waypost_engine::model::address::AddressError| {
            ApiError::invalid(field, error.to_string())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_every_form_people_type() {
        for typed in [
            "+971 50 576 0056",
            "971505760056",
            "00971-50-576-0056",
            "+971 (50) 576.0056",
        ] {
            assert_eq!(
                parse("to", typed).unwrap(),
                Address::phone("971505760056"),
                "{typed}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for typed in [
            "",
            "abc",
            "050 576 0056",
            "+1",
            "+1234567890123456",
            "+971٥٠",
            "12345x",
        ] {
            assert!(parse("to", typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn an_address_is_taken_as_it_is() {
        assert_eq!(parse_address("to", "123@lid").unwrap(), Address::lid("123"));
        assert_eq!(
            parse_address("to", "+971505760056").unwrap(),
            Address::phone("971505760056")
        );
        assert!(parse_address("to", "@lid").is_err());
    }
}
