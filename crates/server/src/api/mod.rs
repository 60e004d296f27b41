//! The HTTP API: `/api/v1`, described by `/openapi.json`.
//!
//! One file per resource: its routes, types, errors and handlers. Each file lists its routes in
//! its `routes()`; all of them come together in [`document`]. Who may call a route stands in its
//! handler's signature ([`crate::auth::caller::May`]) and, for readers, in its `security`; a test
//! compares the two.

mod accounts;
mod api_keys;
mod blobs;
mod condition;
mod contacts;
mod conversations;
mod dead_letters;
mod device;
mod endpoints;
mod events;
mod explain;
pub(crate) mod extract;
mod front;
mod gallery;
mod gaps;
mod groups;
mod health;
mod imports;
mod insight;
mod insight_sets;
mod links;
mod media;
mod message_content;
mod message_view;
pub mod messages;
mod openapi;
mod people;
mod phone;
mod pipeline;
pub mod ports;
pub(crate) mod problem;
mod proxies;
mod qr;
mod recipient;
mod rules;
mod runs;
mod search;
mod sending;
mod session;
mod shape;
mod sheet_mappings;
mod sheet_values;
mod sheets;
mod state;
mod stats;
mod status;
mod stream;
mod system;

pub use messages::new_wire_id;
pub use openapi::openapi;
pub use state::AppState;

use crate::compat;
use axum::Router;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use waypost_store::admin::conversations::MessageView as StoredMessage;

/// Where the API lives.
const BASE: &str = "/api/v1";

/// Every route of the API with its description.
fn document() -> OpenApiRouter<AppState> {
    let resources = OpenApiRouter::new()
        .merge(session::routes())
        .merge(people::routes())
        .merge(accounts::routes())
        .merge(links::routes())
        .merge(proxies::routes())
        .merge(health::routes())
        .merge(sending::routes())
        .merge(gaps::routes())
        .merge(device::routes())
        .merge(stats::routes())
        .merge(imports::routes())
        .merge(messages::routes())
        .merge(media::routes())
        .merge(gallery::routes())
        .merge(blobs::routes())
        .merge(conversations::routes())
        .merge(search::routes())
        .merge(contacts::routes())
        .merge(groups::routes())
        .merge(rules::routes())
        .merge(insight::routes())
        .merge(insight_sets::routes())
        .merge(pipeline::routes())
        .merge(runs::routes())
        .merge(explain::routes())
        .merge(endpoints::routes())
        .merge(sheets::routes())
        .merge(sheet_mappings::routes())
        .merge(sheet_values::routes())
        .merge(dead_letters::routes())
        .merge(api_keys::routes())
        .merge(events::routes())
        .merge(stream::routes())
        .merge(system::routes())
        .merge(status::routes());
    OpenApiRouter::with_openapi(openapi::description()).nest(BASE, resources)
}

/// The whole HTTP side: API, health, metrics, description and dashboard.
pub fn router(state: AppState) -> Router {
    let (api, _) = document().split_for_parts();
    let fronts = compat::routes(&state, api.clone().with_state(state.clone()));
    front::around(api.merge(status::outside()).merge(fronts), state)
}

/// A QR code as a PNG picture; none when it is too long for one.
pub(crate) fn qr_png(code: &str) -> Option<Vec<u8>> {
    qr::png(code).ok()
}

/// A stored message as the API shows it, without what only the running fleet knows.
pub(crate) fn message_shown(stored: StoredMessage) -> Value {
    serde_json::to_value(message_view::MessageView::of(stored)).unwrap_or_default()
}
