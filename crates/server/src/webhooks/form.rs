//! The forms a webhook's body can have. Which one an endpoint gets stands before its address, as
//! `waha+` does in `waha+https://example.com/hook`: so it is seen wherever the address is.

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Waypost's own, after Standard Webhooks.
    Own,
    /// WAHA's.
    Waha,
}

/// What stands before the address of an endpoint that gets WAHA's form.
const WAHA: &str = "waha+";

impl Form {
    /// The form an endpoint gets, and where it really is.
    pub(crate) fn split(url: &str) -> (Self, &str) {
        match url.trim().strip_prefix(WAHA) {
            Some(rest) => (Self::Waha, rest),
            None => (Self::Own, url),
        }
    }

    /// The address of an endpoint that gets this form.
    pub(crate) fn joined(self, url: &str) -> String {
        match self {
            Self::Own => url.to_owned(),
            Self::Waha => format!("{WAHA}{}", url.trim()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_stands_before_the_address() {
        let address = "https://example.com/hook";
        for form in [Form::Own, Form::Waha] {
            assert_eq!(Form::split(&form.joined(address)), (form, address));
        }
    }
}
