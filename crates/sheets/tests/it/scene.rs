//! A spreadsheet, a connector, and what to ask them.

use serde_json::Value;
use sheetsim::SheetSim;
use std::sync::Arc;
use waypost_sheets::a1::TabName;
use waypost_sheets::allowance::Allowances;
use waypost_sheets::{Cell, Client, Connector, Credentials, Endpoints, Range, Row, SpreadsheetId};

pub(crate) struct Scene {
    pub(crate) sim: SheetSim,
    pub(crate) connector: Arc<Connector>,
    pub(crate) book: SpreadsheetId,
    pub(crate) tab: TabName,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let sim = SheetSim::start().await.unwrap();
        let who = sim.service_account();
        Self::with(sim, &who)
    }

    pub(crate) fn with(sim: SheetSim, who: &Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        sim.create("book", "Sales", &["My Leads", "Other"]);
        let endpoints = Endpoints::stand_in(&sim.url(), &sim.token_url()).unwrap();
        let credentials = Credentials::read(&who.to_string()).unwrap();
        let allowance = Allowances::default().of(&credentials);
        let client = Client::new(&endpoints, credentials).unwrap();
        Self {
            connector: Connector::new(client, allowance, []),
            book: SpreadsheetId::parse("book").unwrap(),
            tab: TabName::parse("My Leads").unwrap(),
            sim,
        }
    }

    pub(crate) async fn append(&self, rows: &[Row]) -> Result<String, waypost_sheets::Error> {
        self.connector.append(&self.book, &self.tab, rows).await
    }

    pub(crate) async fn read(
        &self,
        range: &str,
    ) -> Result<Vec<Vec<String>>, waypost_sheets::Error> {
        let range = Range::parse(range).unwrap();
        let read = self.connector.read(&self.book, &range).await?;
        let shown = |row: &Row| row.iter().map(Cell::shown).collect();
        Ok(read.rows.iter().map(shown).collect())
    }

    pub(crate) fn first_column(&self) -> Vec<String> {
        let first = |row: &Vec<Value>| row[0].as_str().unwrap_or_default().to_owned();
        self.sim
            .rows("book", "My Leads")
            .iter()
            .map(first)
            .collect()
    }

    pub(crate) fn assert_honest(&self) {
        assert_eq!(self.sim.violations(), Vec::<String>::new());
    }
}

pub(crate) fn row(cells: &[&str]) -> Row {
    cells.iter().map(|cell| Cell::text(cell)).collect()
}
