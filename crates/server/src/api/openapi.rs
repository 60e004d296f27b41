//! The description of the API.

use super::problem::{PROBLEM_JSON, Problem};
use utoipa::PartialSchema as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder,
};

/// What every operation may answer beside what it says itself.
const ALWAYS: &[(&str, &str)] = &[
    ("400", "The request cannot be read"),
    ("405", "The path does not know this method; see Allow"),
    ("408", "The request took longer than the limit"),
    (
        "422",
        "A value in the request is not acceptable; `field` names it",
    ),
    ("503", "The server is busy or stopping; see Retry-After"),
];
/// What operations that need a sign-in or key may answer too.
const GUARDED: &[(&str, &str)] = &[
    ("401", "Sign in, or send an API key"),
    (
        "403",
        "The key's scopes or the person's role do not include this",
    ),
];
/// What operations on one thing may answer too.
const ABOUT_ONE: &[(&str, &str)] = &[("404", "There is no such thing")];
/// What operations that change something may answer too.
const CHANGING: &[(&str, &str)] = &[("409", "It contradicts the present state")];
/// What operations with a body may answer too.
const WITH_BODY: &[(&str, &str)] = &[
    ("413", "The body is larger than the limit"),
    ("415", "The body has another content type than documented"),
];

/// The frame of the document.
pub(super) fn description() -> OpenApi {
    let license = LicenseBuilder::new()
        .name("AGPL-3.0-only")
        .identifier(Some("AGPL-3.0-only"));
    let info = InfoBuilder::new()
        .title("Waypost")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Runs WhatsApp numbers. Errors are `application/problem+json`; lists are read page by \
             page with `limit` and `cursor`; times are UTC in ISO 8601.",
        ))
        .license(Some(license.build()));
    OpenApiBuilder::new().info(info.build()).build()
}

/// The OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, mut document) = super::document().split_for_parts();
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert("Problem".into(), Problem::schema());
    components.add_security_scheme(
        "api_key",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("An API key: `Authorization: Bearer wpk_...`"))
                .build(),
        ),
    );
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            crate::auth::cookie::NAME,
            "A person's session; calls that change something also need `X-CSRF-Token` from \
             `GET /session` and an `Origin` of our own.",
        ))),
    );
    for (path, item) in &mut document.paths.paths {
        let one = path.contains('{');
        for (method, operation) in [
            (Method::Reads, &mut item.get),
            (Method::Changes, &mut item.post),
            (Method::Changes, &mut item.put),
            (Method::Changes, &mut item.patch),
            (Method::Changes, &mut item.delete),
        ] {
            if let Some(operation) = operation {
                complete(operation, method, one);
            }
        }
    }
    document
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Reads,
    Changes,
}

fn complete(operation: &mut Operation, method: Method, about_one: bool) {
    let guarded = operation.security.is_some();
    let with_body = operation.request_body.is_some();
    let mut more: Vec<&(&str, &str)> = ALWAYS.iter().collect();
    more.extend(GUARDED.iter().filter(|_| guarded));
    more.extend(ABOUT_ONE.iter().filter(|_| about_one));
    more.extend(CHANGING.iter().filter(|_| method == Method::Changes));
    more.extend(WITH_BODY.iter().filter(|_| with_body));
    for (status, text) in more {
        operation
            .responses
            .responses
            .entry((*status).to_owned())
            .or_insert_with(|| RefOr::T(problem(text)));
    }
}

/// A response that is a problem.
fn problem(text: &str) -> utoipa::openapi::Response {
    let schema = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(text)
        .content(
            PROBLEM_JSON,
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build()
}
