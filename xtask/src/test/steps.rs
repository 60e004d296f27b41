//! The steps, cheap ones first.

use super::{api_fuzz, rust, web};
use crate::parts::Part;
use crate::place::Place;
use crate::service::Service;
use crate::{accuracy, bench, demo, fuzz, openapi, sim, soak, tidy};
use Work::{Alone, Beside, InTurn};
use anyhow::Result;

/// One step of the test run.
pub(super) struct Step {
    /// What it is called on the command line.
    pub(super) name: &'static str,
    /// What it does, for a person.
    pub(super) what: &'static str,
    /// What must be on the machine.
    pub(super) needs: &'static [Part],
    /// Does it.
    pub(super) work: Work,
}

/// How a step is done.
pub(super) enum Work {
    /// After the one before; gets the filters for the Rust tests.
    InTurn(fn(&Place, &[String]) -> Result<()>),
    /// Started in its turn, and left to itself beside those that follow: it waits more than it works.
    Beside(fn(&Place) -> Result<Service>),
    /// With nothing else beside it: somebody in it waits for an answer.
    Alone(fn(&Place) -> Result<()>),
}

/// All steps, in the order in which they run.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "the code is formatted",
        needs: &[],
        work: InTurn(|place, _| rust::formatted(place)),
    },
    Step {
        name: "tidy",
        what: "what no lint can check: who may use what, documents, links",
        needs: &[],
        work: InTurn(|place, _| tidy::run(place)),
    },
    Step {
        name: "deny",
        what: "licences, banned dependencies, sources, known holes",
        needs: &[Part::Deny],
        work: InTurn(|place, _| rust::dependencies(place)),
    },
    Step {
        name: "web",
        what: "the dashboard: types, unit tests, build",
        needs: &[Part::Node, Part::WebPackages],
        work: InTurn(|place, _| web::check(place)),
    },
    Step {
        name: "clippy",
        what: "no compiler or clippy warning",
        needs: &[Part::CCompiler],
        work: InTurn(|place, _| rust::linted(place)),
    },
    Step {
        name: "strict",
        what: "the program as it ships, and the commands that the documents name",
        needs: &[Part::CCompiler],
        work: InTurn(|place, _| rust::strict(place)),
    },
    Step {
        name: "openapi",
        what: "docs/openapi.json is what the program says",
        needs: &[Part::CCompiler],
        work: InTurn(|place, _| openapi::check(place)),
    },
    Step {
        name: "doctests",
        what: "the examples in the code's documentation",
        needs: &[Part::CCompiler],
        work: InTurn(|place, _| rust::examples(place)),
    },
    Step {
        name: "rust",
        what: "the Rust tests: units, both databases, the simulator, kills, Baileys",
        needs: &[
            Part::CCompiler,
            Part::Nextest,
            Part::Postgres,
            Part::Proxies,
            Part::Node,
            Part::BaileysPackages,
            Part::Python,
            Part::Schemathesis,
            Part::Tesseract,
        ],
        work: InTurn(rust::tests),
    },
    Step {
        name: "soak",
        what: "two dozen accounts through five minutes of traffic and faults",
        needs: &[Part::CCompiler],
        work: Beside(soak::begin),
    },
    Step {
        name: "sim",
        what: "10,000 crashes of the engine on the real store, by seed",
        needs: &[Part::CCompiler],
        work: InTurn(|place, _| sim::crashes(place)),
    },
    Step {
        name: "fleet",
        what: "150 accounts through a week of faults, and 500 cut off at once, by seed",
        needs: &[Part::CCompiler],
        work: InTurn(|place, _| sim::fleet(place)),
    },
    Step {
        name: "fuzz",
        what: "the parsers that face outsiders, on inputs nobody thought of",
        needs: &[Part::CCompiler, Part::CppCompiler],
        work: InTurn(|place, _| fuzz::briefly(place)),
    },
    Step {
        name: "accuracy",
        what: "how well text, tables and pictures are read, on files made for it",
        needs: accuracy::PARTS,
        work: InTurn(|place, _| accuracy::judge(place)),
    },
    Step {
        name: "bench",
        what: "the benchmarks still work, in small",
        needs: bench::PARTS,
        work: InTurn(|place, _| bench::smoke(place)),
    },
    Step {
        name: "api-fuzz",
        what: "the HTTP API against its OpenAPI document",
        needs: &[Part::CCompiler, Part::Python, Part::Schemathesis],
        work: Alone(api_fuzz::run),
    },
    Step {
        name: "demo",
        what: "the demo, unattended: nothing lost, doubled or out of order",
        needs: &[Part::CCompiler, Part::Node, Part::WebPackages],
        work: Alone(demo::smoke),
    },
    Step {
        name: "e2e",
        what: "the dashboard in a browser, against the program and the simulator",
        needs: &[
            Part::CCompiler,
            Part::Node,
            Part::WebPackages,
            Part::Chromium,
            Part::Fonts,
        ],
        work: Alone(web::browser),
    },
];
