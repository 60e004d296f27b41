//! How well accounts do, and how loaded the machine is.

use super::api_scene::{Scene, problem};
use reqwest::Method;
use serde_json::json;
use waypost_engine::flow::parts::ShedLevel;
use waypost_engine::model::{AccountId, Duration, Timestamp};
use waypost_engine::watch::degrade::{Cause, DegradeConfig, Gauge, Load};
use waypost_engine::watch::health::{Figure, Figures, Health, Rating};
use waypost_engine::watch::trend::{Direction, Projected, Trend};
use waypost_server::api::ports::{AccountHealth, SystemLoad};
use waypost_store::admin::health::Score;

const NOON: Timestamp = Timestamp(1_800_000_000_000);

async fn account(scene: &Scene) -> (AccountId, String) {
    let made = scene.post("/accounts", json!({"name": "Office"})).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["health"], json!(null), "nothing was computed yet");
    (id.parse().unwrap(), format!("/accounts/{id}"))
}

/// Online as it should be, but a fifth of all attempts fails.
fn erring() -> AccountHealth {
    let figure = |value, of| Some(Figure { value, of });
    AccountHealth {
        health: Health::of(&Figures {
            uptime: figure(99.95, 1_440),
            qr_quality: figure(0.0, 12),
            error_rate: figure(20.000_04, 250),
            response: None,
            message_success: figure(100.0, 40),
        }),
        trend: Trend {
            direction: Direction::Falling,
            per_hour: -6.0,
            ahead: vec![Projected {
                at: NOON + Duration::hours(1),
                score: 67,
            }],
            falls_below: Some((60, NOON + Duration::hours(2))),
        },
        dropped_from: Some(92),
        at: NOON,
    }
}

#[tokio::test]
async fn a_score_is_explained_factor_by_factor() {
    let scene = Scene::start().await;
    let (id, path) = account(&scene).await;
    let (status, _) = scene
        .refused(Method::GET, &format!("{path}/health"), json!({}))
        .await;
    assert_eq!(status, 404, "not computed yet");
    scene.fleet.does(id, erring());

    let health = scene.get(&format!("{path}/health")).await;
    // 30 + 25 + 0 + 7.5 + 10, rounded.
    assert_eq!(
        (&health["score"], &health["rating"]),
        (&json!(73), &json!("fair"))
    );
    assert_eq!(health["known_percent"], 85);
    assert_eq!(health["lowered_by"], json!(["error_rate"]));
    assert_eq!(health["dropped_from"], 92);
    assert_eq!(health["wants_diagnosis"], false);
    let factors = health["factors"].as_array().unwrap();
    let weights: i64 = factors
        .iter()
        .map(|f| f["weight_percent"].as_i64().unwrap())
        .sum();
    assert_eq!((factors.len(), weights), (5, 100));
    assert_eq!(factors[2]["factor"], "error_rate");
    assert_eq!(
        (&factors[2]["value"], &factors[2]["of"]),
        (&json!(20.0), &json!(250))
    );
    assert_eq!(factors[2]["lowered"], 20.0);
    assert_eq!(factors[2]["marks"], json!([0.1, 1.0, 5.0, 10.0]));
    // What is unknown counts half and is not blamed.
    assert_eq!(
        (&factors[3]["value"], &factors[3]["points"]),
        (&json!(null), &json!(50))
    );
    assert_eq!(factors[3]["lowered"], 0.0);
    assert_eq!(health["trend"]["direction"], "falling");
    assert_eq!(health["trend"]["falls_below"]["score"], 60);

    // The list says it in two words.
    let shown = scene.get(&path).await;
    let summary = json!({
        "score": 73, "rating": "fair", "trend": "falling", "lowered_by": "error_rate",
    });
    assert_eq!(shown["health"], summary);
}

#[tokio::test]
async fn how_an_account_did_is_read_page_by_page() {
    let scene = Scene::start().await;
    let (id, path) = account(&scene).await;
    let score = |n: u8| Score {
        account: id,
        at: NOON + Duration::mins(5 * u64::from(n)),
        score: 50 + n,
        rating: Rating::of(50 + n),
        points: [Some(100), None, Some(n), None, None],
    };
    let scores = (0..5).map(score).collect();
    scene.store.record_health(vec![], scores).await.unwrap();
    let first = scene.get(&format!("{path}/health/history?limit=3")).await;
    let of = |page: &serde_json::Value| -> Vec<i64> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["score"].as_i64().unwrap()).collect()
    };
    assert_eq!(of(&first), [54, 53, 52]);
    assert_eq!(
        first["items"][0]["points"],
        json!({
            "uptime": 100, "qr_quality": null, "error_rate": 4, "response": null,
            "message_success": null,
        })
    );
    let next = first["next"].as_str().unwrap();
    let rest = scene
        .get(&format!("{path}/health/history?limit=3&cursor={next}"))
        .await;
    assert_eq!((of(&rest), &rest["next"]), (vec![51, 50], &json!(null)));
}

#[tokio::test]
async fn the_load_says_what_is_put_off_and_why() {
    let scene = Scene::start().await;
    let response = scene.request(Method::GET, "/system/load").send().await;
    let (status, _) = problem(response.unwrap()).await;
    assert_eq!(status, 404, "nobody measures here");
    scene.fleet.is_loaded(SystemLoad {
        load: Load {
            cpu: Some(93.26),
            memory: Some(41.0),
            errors: None,
        },
        at: Some(NOON),
        level: ShedLevel::NiceToHave,
        since: Some(NOON),
        cause: Some(Cause {
            gauge: Gauge::Cpu,
            value: 93.26,
            mark: 80.0,
        }),
        marks: DegradeConfig::default(),
        sheds: true,
    });
    let load = scene.get("/system/load").await;
    assert_eq!(load["level"], "nice_to_have");
    assert_eq!(
        load["cause"],
        json!({"gauge": "cpu", "value": 93.3, "mark": 80.0})
    );
    assert_eq!(
        load["gauges"][2],
        json!({"gauge": "errors", "percent": null, "sheds_at": 30.0, "recovers_at": 10.0})
    );
    assert_eq!(
        load["text"],
        "What is nice to have is put off because the processors are 93 %; it is done once the load \
         has fallen. Messages, replies and sends go on."
    );
}

#[tokio::test]
async fn answers_that_failed_on_our_side_are_counted_as_errors() {
    let scene = Scene::start().await;
    scene.get("/status").await;
    scene
        .refused(Method::GET, "/accounts/acc_0000000000000", json!({}))
        .await;
    let (well, wrong) = scene.fleet.answers();
    assert!(well >= 2, "{well}");
    assert_eq!(wrong, 0, "what the caller got wrong is no error of ours");
}
