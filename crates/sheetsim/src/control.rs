//! Driving the stand-in from another process: spreadsheets, faults, and what came of it.

use crate::book::Book;
use crate::faults::{Fault, When};
use crate::serve::Shared;
use crate::token::{service_account_file, user_file};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
struct NewBook {
    title: String,
    tabs: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct NewFault {
    when: When,
    fault: Fault,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/books/{id}", put(create))
        .route("/books/{id}/{tab}", get(rows))
        .route("/faults", post(inject))
        .route("/ledger", get(ledger))
        .route("/credentials", get(credentials))
}

async fn create(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(new): Json<NewBook>,
) -> StatusCode {
    let tabs: Vec<&str> = new.tabs.iter().map(String::as_str).collect();
    let book = Book::new(&id, &new.title, &tabs);
    shared.lock().books.insert(id, book);
    StatusCode::NO_CONTENT
}

async fn rows(
    State(shared): State<Shared>,
    Path((id, tab)): Path<(String, String)>,
) -> Json<Value> {
    let inside = shared.lock();
    let tabs = inside.books.get(&id).map(|book| book.tabs.as_slice());
    let tab = tabs.unwrap_or_default().iter().find(|t| t.title == tab);
    Json(json!(tab.map(|tab| &tab.rows)))
}

async fn inject(State(shared): State<Shared>, Json(new): Json<NewFault>) -> StatusCode {
    shared.lock().faults.add(new.when, new.fault);
    StatusCode::NO_CONTENT
}

async fn ledger(State(shared): State<Shared>) -> Json<Value> {
    let inside = shared.lock();
    let mut methods = std::collections::BTreeMap::<&str, usize>::new();
    for call in &inside.calls {
        *methods.entry(&call.method).or_default() += 1;
    }
    Json(json!({"calls": methods, "violations": inside.violations}))
}

async fn credentials(State(shared): State<Shared>) -> Json<Value> {
    let token_url = shared.token_url();
    Json(json!({
        "service_account": service_account_file(&token_url), "user": user_file(),
        "token_url": token_url, "base_url": shared.url(),
    }))
}
