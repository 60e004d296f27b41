//! The forms a webhook's body can have. Which one an endpoint gets stands before its address, as
//! `waha+` does in `waha+https://example.com/hook`: so it is seen wherever the address is.

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Waypost's own, after Standard Webhooks.
    Own,
    /// WAHA's.
    Waha,
    /// Evolution API's.
    Evolution,
}

/// What stands before the address of an endpoint that gets another form than our own.
const MARKS: [(Form, &str); 2] = [(Form::Waha, "waha+"), (Form::Evolution, "evolution+")];

impl Form {
    /// The form an endpoint gets, and where it really is.
    pub(crate) fn split(url: &str) -> (Self, &str) {
        for (form, mark) in MARKS {
            if let Some(rest) = url.trim().strip_prefix(mark) {
                return (form, rest);
            }
        }
        (Self::Own, url)
    }

    /// The address of an endpoint that gets this form.
    pub(crate) fn joined(self, url: &str) -> String {
        let mark = MARKS.iter().find(|(form, _)| *form == self);
        mark.map_or_else(
            || url.to_owned(),
            |(_, mark)| format!("{mark}{}", url.trim()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_stands_before_the_address() {
        let address = "https://example.com/hook";
        for form in [Form::Own, Form::Waha, Form::Evolution] {
            assert_eq!(Form::split(&form.joined(address)), (form, address));
        }
    }
}
