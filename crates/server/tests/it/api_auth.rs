//! Setting up, signing in, keys, and everything that must not work.

use super::api_scene::{Scene, ok, problem};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use waypost_server::{auth, clock};

const OWNER: (&str, &str) = ("ana@example.com", "a long pass phrase");

struct SignedIn {
    cookie: String,
    csrf: String,
}

async fn signed_in(response: Response) -> SignedIn {
    let set = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Lax"),
        "{set}"
    );
    let cookie = set.split(';').next().unwrap().to_owned();
    let body = ok(response).await;
    SignedIn {
        cookie,
        csrf: body["csrf_token"].as_str().unwrap().to_owned(),
    }
}

async fn set_up(scene: &Scene) -> SignedIn {
    let token = auth::ensure_setup_token(&scene.store, clock::now())
        .await
        .unwrap()
        .unwrap();
    let body = json!({"token": token, "login": OWNER.0, "name": "Ana", "password": OWNER.1});
    let response = scene
        .bare(Method::POST, "/setup")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 201);
    signed_in(response).await
}

async fn sign_in(scene: &Scene, login: &str, password: &str) -> Response {
    let body = json!({"login": login, "password": password});
    scene
        .bare(Method::POST, "/session")
        .json(&body)
        .send()
        .await
        .unwrap()
}

impl Scene {
    async fn as_person(&self, who: &SignedIn, method: Method, path: &str, body: Value) -> Response {
        self.bare(method, path)
            .header("cookie", &who.cookie)
            .header("x-csrf-token", &who.csrf)
            .header("origin", format!("http://{}", self.address))
            .json(&body)
            .send()
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn the_first_owner_is_created_with_the_printed_token_and_only_once() {
    let scene = Scene::start().await;
    assert_eq!(
        ok(scene.bare(Method::GET, "/setup").send().await.unwrap()).await["needed"],
        true
    );
    let wrong =
        json!({"token": "guess", "login": "eve", "name": "Eve", "password": "a long pass phrase"});
    let (status, _) = scene_problem(&scene, "/setup", &wrong).await;
    assert_eq!(status, 422);

    let owner = set_up(&scene).await;
    let me = ok(scene
        .bare(Method::GET, "/session")
        .header("cookie", &owner.cookie)
        .send()
        .await
        .unwrap())
    .await;
    assert_eq!(me["person"]["login"], OWNER.0);
    assert_eq!(me["person"]["role"], "owner");
    assert_eq!(
        ok(scene.bare(Method::GET, "/setup").send().await.unwrap()).await["needed"],
        false
    );
    assert_eq!(
        auth::ensure_setup_token(&scene.store, clock::now())
            .await
            .unwrap(),
        None
    );
    let (status, body) = scene_problem(&scene, "/setup", &wrong).await;
    assert_eq!(status, 409, "{body}");
}

async fn scene_problem(scene: &Scene, path: &str, body: &Value) -> (u16, Value) {
    problem(
        scene
            .bare(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn a_person_signs_in_works_and_signs_out() {
    let scene = Scene::start().await;
    set_up(&scene).await;
    let ana = signed_in(sign_in(&scene, "ANA@example.com", OWNER.1).await).await;
    ok(scene
        .as_person(&ana, Method::POST, "/accounts", json!({"name": "Office"}))
        .await)
    .await;
    assert_eq!(
        scene
            .as_person(&ana, Method::DELETE, "/session", json!({}))
            .await
            .status()
            .as_u16(),
        204
    );
    let after = scene
        .bare(Method::GET, "/accounts")
        .header("cookie", &ana.cookie)
        .send()
        .await
        .unwrap();
    assert_eq!(problem(after).await.0, 401);
}

#[tokio::test]
async fn another_site_can_do_nothing_with_a_persons_cookie() {
    let scene = Scene::start().await;
    let ana = set_up(&scene).await;
    let here = format!("http://{}", scene.address);
    let attempt = async |origin: Option<&str>, csrf: &str| {
        let mut request = scene
            .bare(Method::POST, "/accounts")
            .header("cookie", &ana.cookie);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let body = json!({"name": "Mine now"});
        request
            .header("x-csrf-token", csrf)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(attempt(Some("https://evil.example"), &ana.csrf).await, 403);
    assert_eq!(attempt(None, &ana.csrf).await, 403);
    assert_eq!(attempt(Some(&here), "").await, 403);
    assert_eq!(attempt(Some(&here), "0000").await, 403);
    assert_eq!(attempt(Some(&here), &ana.csrf).await, 201);
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down_also_for_the_right_one() {
    let scene = Scene::start().await;
    set_up(&scene).await;
    for _ in 0..10 {
        assert_eq!(
            sign_in(&scene, OWNER.0, "a wrong password")
                .await
                .status()
                .as_u16(),
            401
        );
    }
    let slowed = sign_in(&scene, OWNER.0, OWNER.1).await;
    let wait: u64 = slowed.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    assert_eq!(problem(slowed).await.0, 429);
    // Others are not locked out with them.
    assert_eq!(
        sign_in(&scene, "ben@example.com", "a wrong password")
            .await
            .status()
            .as_u16(),
        401
    );
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_until_it_is_revoked() {
    let scene = Scene::start().await;
    let key = scene.key_with(&["accounts:read"]).await;
    let with = async |method: Method, path: &str| {
        let request = scene
            .bare(method, path)
            .bearer_auth(&key)
            .json(&json!({"name": "x"}));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(with(Method::GET, "/accounts").await, 200);
    assert_eq!(with(Method::POST, "/accounts").await, 403);
    assert_eq!(with(Method::GET, "/rules").await, 403);

    let keys = scene.get("/api-keys").await;
    let about = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|k| k["name"] == "test")
        .unwrap();
    assert!(key.starts_with(about["shown"].as_str().unwrap()));
    assert!(about.get("key").is_none(), "the secret is shown once");
    let path = format!("/api-keys/{}", about["id"].as_str().unwrap());
    scene.call(Method::DELETE, &path, json!({})).await;
    assert_eq!(with(Method::GET, "/accounts").await, 401);
}

#[tokio::test]
async fn nobody_gives_a_key_more_than_they_may_do_themselves() {
    let scene = Scene::start().await;
    let limited = scene.key_with(&["keys:write", "accounts:read"]).await;
    let ask = async |scopes: Value| {
        let body = json!({"name": "child", "scopes": scopes});
        let request = scene
            .bare(Method::POST, "/api-keys")
            .bearer_auth(&limited)
            .json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(json!(["accounts:read"])).await, 201);
    assert_eq!(ask(json!(["accounts:read", "messages:send"])).await, 403);
    assert_eq!(ask(json!(["admin"])).await, 403);
    assert_eq!(ask(json!([])).await, 422);
    assert_eq!(ask(json!(["no:such"])).await, 422);
}

#[tokio::test]
async fn an_expired_or_invented_key_opens_nothing() {
    let scene = Scene::start().await;
    let past = json!({"name": "k", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(scene.refused(Method::POST, "/api-keys", past).await.0, 422);
    for header in [
        "Bearer wpk_00000000_ffff",
        "Bearer ",
        "Basic YTpi",
        "wpk_",
        "Bearer wpk_\u{e9}",
    ] {
        let request = scene
            .bare(Method::GET, "/accounts")
            .header("authorization", header);
        let (status, _) = problem(request.send().await.unwrap()).await;
        assert_eq!(status, 401, "{header}");
    }
}

#[tokio::test]
async fn a_viewer_reads_an_owner_decides_and_the_last_owner_stays() {
    let scene = Scene::start().await;
    let owner = set_up(&scene).await;
    let body =
        json!({"login": "vic", "name": "Vic", "password": "another pass phrase", "role": "viewer"});
    let vic = ok(scene.as_person(&owner, Method::POST, "/people", body).await).await;
    let seen = signed_in(sign_in(&scene, "vic", "another pass phrase").await).await;
    assert_eq!(
        scene
            .as_person(&seen, Method::GET, "/accounts", json!({}))
            .await
            .status()
            .as_u16(),
        200
    );
    for (method, path) in [
        (Method::POST, "/accounts"),
        (Method::GET, "/people"),
        (Method::GET, "/api-keys"),
    ] {
        let refused = scene
            .as_person(&seen, method, path, json!({"name": "x"}))
            .await;
        assert_eq!(problem(refused).await.0, 403, "{path}");
    }
    // Locked out, the open session ends too.
    let path = format!("/people/{}", vic["id"].as_str().unwrap());
    ok(scene
        .as_person(&owner, Method::PATCH, &path, json!({"disabled": true}))
        .await)
    .await;
    assert_eq!(
        problem(
            scene
                .as_person(&seen, Method::GET, "/accounts", json!({}))
                .await
        )
        .await
        .0,
        401
    );
    assert_eq!(
        sign_in(&scene, "vic", "another pass phrase")
            .await
            .status()
            .as_u16(),
        401
    );

    let people = ok(scene
        .as_person(&owner, Method::GET, "/people", json!({}))
        .await)
    .await;
    let me = people["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["role"] == "owner")
        .unwrap();
    let path = format!("/people/{}", me["id"].as_str().unwrap());
    let (status, body) = problem(
        scene
            .as_person(&owner, Method::PATCH, &path, json!({"role": "viewer"}))
            .await,
    )
    .await;
    assert_eq!(status, 409, "{body}");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let scene = Scene::start().await;
    let one = set_up(&scene).await;
    let two = signed_in(sign_in(&scene, OWNER.0, OWNER.1).await).await;
    let wrong = json!({"current": "not this one", "new": "a fresh pass phrase"});
    assert_eq!(
        problem(
            scene
                .as_person(&one, Method::PUT, "/session/password", wrong)
                .await
        )
        .await
        .0,
        422
    );
    let right = json!({"current": OWNER.1, "new": "a fresh pass phrase"});
    let done = scene
        .as_person(&one, Method::PUT, "/session/password", right)
        .await;
    assert_eq!(done.status().as_u16(), 204);
    assert_eq!(
        scene
            .as_person(&one, Method::GET, "/session", json!({}))
            .await
            .status()
            .as_u16(),
        200
    );
    assert_eq!(
        problem(
            scene
                .as_person(&two, Method::GET, "/session", json!({}))
                .await
        )
        .await
        .0,
        401
    );
    assert_eq!(
        sign_in(&scene, OWNER.0, OWNER.1).await.status().as_u16(),
        401
    );
    assert_eq!(
        sign_in(&scene, OWNER.0, "a fresh pass phrase")
            .await
            .status()
            .as_u16(),
        200
    );
}
