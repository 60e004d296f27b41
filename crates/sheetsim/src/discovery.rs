//! Google's published description of the API, and whether a request fits it.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the Python of the tests is named, which has Google's client and its documents.
pub const PYTHON: &str = "WAYPOST_TEST_PYTHON";
/// How deep a body may go.
const DEPTH_MAX: usize = 64;

/// The document, read.
#[derive(Debug)]
pub struct Discovery {
    methods: Vec<Method>,
    schemas: Map<String, Value>,
    common: Map<String, Value>,
}

/// One method of the API.
#[derive(Debug)]
struct Method {
    id: String,
    verb: String,
    path: String,
    parameters: Map<String, Value>,
    request: Option<String>,
}

/// A request that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The method's id, for example `sheets.spreadsheets.values.append`.
    pub method: String,
    /// Parameters of the path, decoded.
    pub path: Vec<(String, String)>,
}

impl Fit {
    /// A parameter of the path.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.path
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }
}

/// Where the document is on this machine: with Google's Python client.
///
/// # Errors
/// When there is no such Python or it has no such document; says how to get it.
pub fn document_path() -> Result<PathBuf> {
    let python = std::env::var(PYTHON).with_context(|| {
        format!(
            "{PYTHON} is not set, so Google's description of the Sheets API is missing; \
             `cargo xtask test rust` sets it"
        )
    })?;
    let code = "import googleapiclient, os; print(os.path.dirname(googleapiclient.__file__))";
    let said = Command::new(python)
        .args(["-c", code])
        .output()
        .context("the Python of the tests cannot be started")?;
    let folder = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let path = Path::new(&folder).join("discovery_cache/documents/sheets.v4.json");
    anyhow::ensure!(
        path.exists(),
        "the Python of the tests has no google-api-python-client; `cargo xtask test --install` \
         installs it"
    );
    Ok(path)
}

impl Discovery {
    /// Reads the document that belongs to the Python of the tests.
    ///
    /// # Errors
    /// When it is missing or not what it should be.
    pub fn load() -> Result<Self> {
        let path = document_path()?;
        let text = std::fs::read(&path).with_context(|| format!("cannot read {path:?}"))?;
        Self::read(&serde_json::from_slice(&text).context("the document is not JSON")?)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not Google's description of the Sheets API.
    pub fn read(document: &Value) -> Result<Self> {
        let map = |name: &str| -> Result<Map<String, Value>> {
            let part = document[name].as_object();
            Ok(part
                .with_context(|| format!("the document has no {name}"))?
                .clone())
        };
        let mut methods = Vec::new();
        collect(&document["resources"], &mut methods);
        anyhow::ensure!(methods.len() >= 10, "the document has no methods");
        Ok(Self {
            methods,
            schemas: map("schemas")?,
            common: map("parameters")?,
        })
    }

    /// Whether the request fits: which method it is, or all that is wrong with it.
    ///
    /// # Errors
    /// What is wrong, one sentence each.
    pub fn check(
        &self,
        verb: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Result<Fit, Vec<String>> {
        let Some((method, found)) = self.find(verb, path) else {
            return Err(vec![format!("no method answers {verb} {path}")]);
        };
        let mut wrong = Vec::new();
        self.check_query(method, query, &mut wrong);
        match (&method.request, body) {
            (Some(schema), Some(body)) => self.check_ref(schema, body, "body", 0, &mut wrong),
            (Some(_), None) => wrong.push(format!("{} needs a body", method.id)),
            (None, Some(_)) => wrong.push(format!("{} takes no body", method.id)),
            (None, None) => {}
        }
        if wrong.is_empty() {
            Ok(Fit {
                method: method.id.clone(),
                path: found,
            })
        } else {
            Err(wrong)
        }
    }

    fn find(&self, verb: &str, path: &str) -> Option<(&Method, Vec<(String, String)>)> {
        self.methods
            .iter()
            .filter(|method| method.verb == verb)
            .filter_map(|method| Some((method, matches(&method.path, path)?)))
            .max_by_key(|(method, _)| literals(&method.path))
    }

    fn check_query(&self, method: &Method, query: &[(String, String)], wrong: &mut Vec<String>) {
        for (name, value) in query {
            let known = method
                .parameters
                .get(name)
                .filter(|p| p["location"] == "query");
            let Some(parameter) = known.or_else(|| self.common.get(name)) else {
                wrong.push(format!("{} has no parameter {name}", method.id));
                continue;
            };
            if !parameter_fits(parameter, value) {
                wrong.push(format!("{name} cannot be {value:?}"));
            }
            let times = query.iter().filter(|(other, _)| other == name).count();
            if times > 1 && parameter["repeated"] != true {
                wrong.push(format!("{name} is given more than once"));
            }
        }
        for (name, parameter) in &method.parameters {
            let is_missing = parameter["location"] == "query"
                && parameter["required"] == true
                && !query.iter().any(|(given, _)| given == name);
            if is_missing {
                wrong.push(format!("{name} is missing"));
            }
        }
    }

    fn check_ref(
        &self,
        name: &str,
        value: &Value,
        at: &str,
        depth: usize,
        wrong: &mut Vec<String>,
    ) {
        match self.schemas.get(name) {
            Some(schema) => self.check_schema(schema, value, at, depth, wrong),
            None => wrong.push(format!("{at}: the document has no {name}")),
        }
    }

    fn check_schema(
        &self,
        schema: &Value,
        value: &Value,
        at: &str,
        depth: usize,
        wrong: &mut Vec<String>,
    ) {
        if depth > DEPTH_MAX {
            wrong.push(format!("{at} is too deep"));
            return;
        }
        if let Some(name) = schema["$ref"].as_str() {
            return self.check_ref(name, value, at, depth + 1, wrong);
        }
        match (schema["type"].as_str().unwrap_or("any"), value) {
            ("object", Value::Object(map)) => self.check_object(schema, map, at, depth, wrong),
            ("array", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}[{index}]");
                    self.check_schema(&schema["items"], item, &at, depth + 1, wrong);
                }
            }
            ("any", value) if value.is_array() || value.is_object() => {
                wrong.push(format!("{at} must be a bool, a string or a number"));
            }
            ("any", _) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => {}
            ("integer", Value::Number(n)) if n.is_i64() || n.is_u64() => {}
            ("string", Value::String(text)) => {
                if !enum_fits(schema, text) {
                    wrong.push(format!("{at} cannot be {text:?}"));
                }
            }
            (kind, _) => wrong.push(format!("{at} must be of type {kind}")),
        }
    }

    fn check_object(
        &self,
        schema: &Value,
        map: &Map<String, Value>,
        at: &str,
        depth: usize,
        wrong: &mut Vec<String>,
    ) {
        for (name, value) in map {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Null) => wrong.push(format!("{at} is not known")),
                (Value::Null, more) => self.check_schema(more, value, &at, depth + 1, wrong),
                (property, _) => self.check_schema(property, value, &at, depth + 1, wrong),
            }
        }
    }
}

fn collect(resources: &Value, into: &mut Vec<Method>) {
    for resource in resources.as_object().into_iter().flat_map(Map::values) {
        for method in resource["methods"]
            .as_object()
            .into_iter()
            .flat_map(Map::values)
        {
            let text = |name: &str| method[name].as_str().unwrap_or_default().to_owned();
            into.push(Method {
                id: text("id"),
                verb: text("httpMethod"),
                path: text("path"),
                parameters: method["parameters"]
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
                request: method["request"]["$ref"].as_str().map(str::to_owned),
            });
        }
        collect(&resource["resources"], into);
    }
}

fn parameter_fits(parameter: &Value, value: &str) -> bool {
    match parameter["type"].as_str() {
        Some("boolean") => matches!(value, "true" | "false"),
        Some("integer") => value.parse::<i64>().is_ok(),
        Some("string") => enum_fits(parameter, value),
        _ => true,
    }
}

fn enum_fits(schema: &Value, text: &str) -> bool {
    match schema["enum"].as_array() {
        Some(allowed) => allowed.iter().any(|value| value == text),
        None => true,
    }
}

/// How much of a path is fixed: of two that fit, the more definite one is meant.
fn literals(template: &str) -> usize {
    let mut inside = false;
    template
        .chars()
        .filter(|c| {
            match c {
                '{' => inside = true,
                '}' => inside = false,
                _ => return !inside,
            }
            false
        })
        .count()
}

/// The parameters of a path that fits a template. Segments are compared before they are decoded,
/// so that a `/` or `:` inside of a value does not count.
fn matches(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let path = path.trim_start_matches('/');
    if template.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut found = Vec::new();
    for (wanted, given) in template.split('/').zip(path.split('/')) {
        let Some((before, rest)) = wanted.split_once('{') else {
            if wanted != given {
                return None;
            }
            continue;
        };
        let (name, after) = rest.split_once('}')?;
        let value = given.strip_prefix(before)?.strip_suffix(after)?;
        if value.is_empty() {
            return None;
        }
        found.push((name.to_owned(), decode(value)?));
    }
    Some(found)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| char::from(b?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    }

    #[test]
    fn a_request_as_google_describes_it_fits() {
        let discovery = Discovery::load().unwrap();
        let body = json!({"values": [["a", 1, true]]});
        let options = query(&[
            ("valueInputOption", "RAW"),
            ("insertDataOption", "INSERT_ROWS"),
        ]);
        let path = "/v4/spreadsheets/abc/values/'My%20Tab'!A1%3AC1:append";
        let fit = discovery
            .check("POST", path, &options, Some(&body))
            .unwrap();
        assert_eq!(fit.method, "sheets.spreadsheets.values.append");
        assert_eq!(fit.get("spreadsheetId"), "abc");
        assert_eq!(fit.get("range"), "'My Tab'!A1:C1");
        let read = discovery
            .check("GET", "/v4/spreadsheets/abc/values/A1:B2", &[], None)
            .unwrap();
        assert_eq!(read.method, "sheets.spreadsheets.values.get");
    }

    #[test]
    fn every_departure_is_named() {
        let discovery = Discovery::load().unwrap();
        let path = "/v4/spreadsheets/abc/values/A1:append";
        let append = |pairs: &[(&str, &str)], body: Value| {
            discovery
                .check("POST", path, &query(pairs), Some(&body))
                .unwrap_err()
                .join("; ")
        };
        let fine = json!({"values": [["a"]]});
        assert!(append(&[("valueInput", "RAW")], fine.clone()).contains("no parameter valueInput"));
        assert!(append(&[("valueInputOption", "raw")], fine.clone()).contains("cannot be \"raw\""));
        assert!(append(&[], json!({"value": [["a"]]})).contains("body.value is not known"));
        assert!(append(&[], json!({"values": ["a"]})).contains("must be of type array"));
        assert!(append(&[], json!({"values": [[{"a": 1}]]})).contains("bool, a string"));
        let no_body = discovery.check("POST", path, &[], None).unwrap_err();
        assert!(no_body[0].contains("needs a body"), "{no_body:?}");
        let no_method = discovery.check("PATCH", path, &[], None).unwrap_err();
        assert!(no_method[0].contains("no method"), "{no_method:?}");
        let twice = query(&[("majorDimension", "ROWS"), ("majorDimension", "ROWS")]);
        let get = "/v4/spreadsheets/abc/values/A1";
        let wrong = discovery.check("GET", get, &twice, None).unwrap_err();
        assert!(wrong[0].contains("more than once"), "{wrong:?}");
    }
}
