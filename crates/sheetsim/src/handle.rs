//! What each method does with the spreadsheets.

use crate::book::{Book, CELL_MAX, Written};
use crate::discovery::Fit;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An answer that is not the one hoped for: status, Google's code, sentence.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: "INVALID_ARGUMENT",
            message: message.into(),
        }
    }

    pub(crate) fn body(&self) -> Value {
        json!({"error": {
            "code": self.status, "message": self.message, "status": self.code,
        }})
    }
}

/// The spreadsheets by id.
pub(crate) type Books = BTreeMap<String, Book>;

/// A request that fits the document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) fit: &'a Fit,
    pub(crate) query: &'a [(String, String)],
    pub(crate) body: Option<&'a Value>,
}

impl Request<'_> {
    fn option(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        let named = self.query.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    fn body(&self) -> &Value {
        self.body.unwrap_or(&Value::Null)
    }
}

/// Does what the request asks for.
pub(crate) fn handle(books: &mut Books, request: Request<'_>) -> Result<Value, Refusal> {
    let book = book(books, request.fit.get("spreadsheetId"))?;
    match request.fit.method.as_str() {
        "sheets.spreadsheets.get" => Ok(info(book)),
        "sheets.spreadsheets.batchUpdate" => batch_update(book, request.body()),
        "sheets.spreadsheets.values.get" => get(book, request.fit.get("range"), request),
        "sheets.spreadsheets.values.batchGet" => batch_get(book, request),
        "sheets.spreadsheets.values.update" => update(book, request),
        "sheets.spreadsheets.values.batchUpdate" => values_batch_update(book, request.body()),
        "sheets.spreadsheets.values.append" => append(book, request),
        other => Err(Refusal {
            status: 501,
            code: "UNIMPLEMENTED",
            message: format!("the stand-in does not do {other}"),
        }),
    }
}

fn book<'a>(books: &'a mut Books, id: &str) -> Result<&'a mut Book, Refusal> {
    let book = books.get_mut(id).ok_or_else(|| Refusal {
        status: 404,
        code: "NOT_FOUND",
        message: "Requested entity was not found.".into(),
    })?;
    if !book.shared {
        return Err(Refusal {
            status: 403,
            code: "PERMISSION_DENIED",
            message: "The caller does not have permission".into(),
        });
    }
    Ok(book)
}

fn info(book: &Book) -> Value {
    let tab = |(index, tab): (usize, &crate::book::Tab)| {
        let columns = tab.rows.iter().map(Vec::len).max().unwrap_or(0).max(26);
        json!({"properties": {
            "sheetId": tab.id, "title": tab.title, "index": index, "sheetType": "GRID",
            "gridProperties": {"rowCount": tab.rows.len().max(1_000), "columnCount": columns},
        }})
    };
    json!({
        "spreadsheetId": book.id,
        "properties": {"title": book.title, "locale": "en_GB", "timeZone": "Asia/Dubai"},
        "sheets": book.tabs.iter().enumerate().map(tab).collect::<Vec<_>>(),
        "spreadsheetUrl": format!("https://docs.google.com/spreadsheets/d/{}/edit", book.id),
    })
}

fn get(book: &mut Book, text: &str, request: Request<'_>) -> Result<Value, Refusal> {
    let unknown = || Refusal::invalid(format!("Unable to parse range: {text}"));
    let range = book.range(text).ok_or_else(unknown)?;
    let rows = book.tab(&range).ok_or_else(unknown)?.get(&range);
    let as_columns = request.option("majorDimension") == Some("COLUMNS");
    let values = if as_columns { turned(&rows) } else { rows };
    let mut answer = json!({
        "range": text, "majorDimension": if as_columns { "COLUMNS" } else { "ROWS" },
    });
    // As Google does: without anything in the range there is no `values` at all.
    if !values.is_empty() {
        let shown = request
            .option("valueRenderOption")
            .unwrap_or("FORMATTED_VALUE");
        answer["values"] = json!(render(values, shown));
    }
    Ok(answer)
}

/// Formatted values are texts, whatever was written.
fn render(values: Vec<Vec<Value>>, shown: &str) -> Vec<Vec<Value>> {
    if shown != "FORMATTED_VALUE" {
        return values;
    }
    let text = |cell: Value| match cell {
        Value::Bool(b) => json!(b.to_string().to_uppercase()),
        Value::Number(n) => json!(n.to_string()),
        Value::Null => json!(""),
        other => other,
    };
    values
        .into_iter()
        .map(|row| row.into_iter().map(text).collect())
        .collect()
}

fn turned(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<Value>, column: usize| row.get(column).cloned().unwrap_or(json!(""));
    (0..width)
        .map(|column| rows.iter().map(|row| cell(row, column)).collect())
        .collect()
}

fn batch_get(book: &mut Book, request: Request<'_>) -> Result<Value, Refusal> {
    let ranges = request.all("ranges");
    let found: Result<Vec<Value>, Refusal> = ranges
        .into_iter()
        .map(|range| get(book, range, request))
        .collect();
    Ok(json!({"spreadsheetId": book.id, "valueRanges": found?}))
}

/// The rows of a body, as they will stand in the sheet.
fn rows(values: &Value, input: Option<&str>) -> Result<Vec<Vec<Value>>, Refusal> {
    if !matches!(input, Some("RAW" | "USER_ENTERED")) {
        return Err(Refusal::invalid(
            "'valueInputOption' is required but not specified",
        ));
    }
    let rows: Vec<Vec<Value>> = values
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| row.as_array().cloned().unwrap_or_default())
        .collect();
    let too_long = |cell: &Value| cell.as_str().is_some_and(|t| t.chars().count() > CELL_MAX);
    if rows.iter().flatten().any(too_long) {
        return Err(Refusal::invalid(
            "Your input contains more than the maximum of 50000 characters in a single cell.",
        ));
    }
    Ok(rows)
}

fn written(book: &Book, written: &Written) -> Value {
    json!({
        "spreadsheetId": book.id, "updatedRange": written.range,
        "updatedRows": written.rows, "updatedColumns": written.columns,
        "updatedCells": written.cells,
    })
}

fn put(book: &mut Book, text: &str, rows: &[Vec<Value>]) -> Result<Written, Refusal> {
    let unknown = || Refusal::invalid(format!("Unable to parse range: {text}"));
    let range = book.range(text).ok_or_else(unknown)?;
    let room = |from: usize, to: Option<usize>| to.map_or(usize::MAX, |to| to - from);
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    if rows.len() > room(range.row, range.row_end) || width > room(range.column, range.column_end) {
        return Err(Refusal::invalid(format!(
            "Requested writing within range [{text}], but tried writing outside of it"
        )));
    }
    Ok(book.tab(&range).ok_or_else(unknown)?.put(&range, rows))
}

fn update(book: &mut Book, request: Request<'_>) -> Result<Value, Refusal> {
    let text = request.fit.get("range");
    same_range(text, request.body())?;
    let rows = rows(
        &request.body()["values"],
        request.option("valueInputOption"),
    )?;
    let done = put(book, text, &rows)?;
    Ok(written(book, &done))
}

/// Google refuses a body that names another range than the address.
fn same_range(text: &str, body: &Value) -> Result<(), Refusal> {
    match body["range"].as_str() {
        Some(other) if other != text => Err(Refusal::invalid(format!(
            "Requested writing within range [{text}], but the body says [{other}]"
        ))),
        _ => Ok(()),
    }
}

fn values_batch_update(book: &mut Book, body: &Value) -> Result<Value, Refusal> {
    // All or nothing: tried on a copy.
    let mut copy = book.clone();
    let mut answers = Vec::new();
    for one in body["data"].as_array().into_iter().flatten() {
        let rows = rows(&one["values"], body["valueInputOption"].as_str())?;
        let done = put(&mut copy, one["range"].as_str().unwrap_or_default(), &rows)?;
        answers.push(written(&copy, &done));
    }
    *book = copy;
    Ok(json!({"spreadsheetId": book.id, "responses": answers}))
}

fn append(book: &mut Book, request: Request<'_>) -> Result<Value, Refusal> {
    let text = request.fit.get("range");
    same_range(text, request.body())?;
    let rows = rows(
        &request.body()["values"],
        request.option("valueInputOption"),
    )?;
    let unknown = || Refusal::invalid(format!("Unable to parse range: {text}"));
    let range = book.range(text).ok_or_else(unknown)?;
    let done = book.tab(&range).ok_or_else(unknown)?.append(&range, &rows);
    Ok(json!({"spreadsheetId": book.id, "updates": written(book, &done)}))
}

fn batch_update(book: &mut Book, body: &Value) -> Result<Value, Refusal> {
    let requests = body["requests"].as_array().cloned().unwrap_or_default();
    if requests.is_empty() {
        return Err(Refusal::invalid("Must specify at least one request."));
    }
    let mut copy = book.clone();
    let mut replies = Vec::new();
    for request in &requests {
        replies.push(one_update(&mut copy, request)?);
    }
    *book = copy;
    Ok(json!({"spreadsheetId": book.id, "replies": replies}))
}

fn one_update(book: &mut Book, request: &Value) -> Result<Value, Refusal> {
    if let Some(range) = request.pointer("/deleteDimension/range") {
        let number = |name: &str| range[name].as_u64().and_then(|n| usize::try_from(n).ok());
        let tab = book.tabs.iter_mut().find(|tab| range["sheetId"] == tab.id);
        let tab = tab.ok_or_else(|| Refusal::invalid("No grid with that id"))?;
        let (Some(from), Some(to), Some("ROWS")) = (
            number("startIndex"),
            number("endIndex"),
            range["dimension"].as_str(),
        ) else {
            return Err(Refusal::invalid("the stand-in deletes definite rows only"));
        };
        if from >= to {
            return Err(Refusal::invalid("Cannot delete an empty range"));
        }
        tab.remove_rows(from, to);
        return Ok(json!({}));
    }
    if let Some(properties) = request.pointer("/addSheet/properties") {
        let title = properties["title"].as_str().unwrap_or_default().to_owned();
        let id = book
            .add_tab(&title)
            .ok_or_else(|| Refusal::invalid(format!("A sheet named {title} already exists")))?;
        return Ok(json!({"addSheet": {"properties": {"sheetId": id, "title": title}}}));
    }
    Err(Refusal {
        status: 501,
        code: "UNIMPLEMENTED",
        message: "the stand-in does not do this update".into(),
    })
}
