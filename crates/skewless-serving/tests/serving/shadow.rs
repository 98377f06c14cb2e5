//! A second bundle that is compared, and never in anyone's way.

use std::sync::Arc;

use skewless_protocol::Response;
use skewless_serving::{Aside, Config, Door, Location, Source, Supply};

use crate::bundles::{RECORDS, body, bundle, engine};
use crate::supply::{ask, text};

async fn open(folder: &std::path::Path, shadow: &[u8], share: f64) -> (Supply, Arc<Aside>) {
    std::fs::write(folder.join("one.skw"), bundle("1.0.0", 0.1)).unwrap();
    std::fs::write(folder.join("two.skw"), shadow).unwrap();
    let mut config = Config::new(Door::Serve);
    config.bundle = Location::Path(folder.join("one.skw"));
    config.shadow = Some(Location::Path(folder.join("two.skw")));
    config.shadow_share = share;
    let aside = Aside::new(&config, &[], engine).unwrap().unwrap();
    let source = Source::new(&config.bundle, &[]).unwrap();
    let fetched = source.read(None).await.unwrap().unwrap();
    let supply = Supply::open(&config, source, fetched, engine, Some(Arc::clone(&aside))).unwrap();
    (supply, aside)
}

fn invoke(supply: &Supply) -> Response {
    ask(
        supply,
        &supply.host().service(),
        "/invocations",
        &body(&RECORDS),
    )
}

#[tokio::test]
async fn the_same_model_makes_no_difference_and_another_one_does() {
    for (shadow, differences) in [(bundle("2.0.0", 0.1), 0), (bundle("2.0.0", -0.2), 2)] {
        let folder = tempfile::tempdir().unwrap();
        let (supply, aside) = open(folder.path(), &shadow, 1.0).await;
        let plain = invoke(&supply);
        assert_eq!(
            aside.counts().shadow.unwrap().rows,
            0,
            "it scores after the answer"
        );
        aside.work().await;
        let counts = aside.counts().shadow.unwrap();
        assert_eq!((counts.rows, counts.differences), (2, differences));
        assert_eq!(counts.absolute_difference > 0.0, differences > 0);
        assert_eq!(plain.status, 200);
        let metrics = text(&supply, "/metrics");
        assert!(
            metrics.contains(&format!(
                "skewless_shadow_differences_total {differences}\n"
            )),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn labels_are_compared_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (supply, aside) = open(folder.path(), &bundle("2.0.0", -5.0), 1.0).await;
    invoke(&supply);
    aside.work().await;
    assert_eq!(aside.counts().shadow.unwrap().label_differences, 2);
}

#[tokio::test]
async fn a_shadow_that_is_no_bundle_hurts_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (supply, aside) = open(folder.path(), b"garbage", 1.0).await;
    assert_eq!(invoke(&supply).status, 200);
    aside.work().await;
    let counts = aside.counts().shadow.unwrap();
    assert_eq!((counts.rows, counts.dropped), (0, 2));
}

#[tokio::test]
async fn a_share_of_nothing_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (supply, aside) = open(folder.path(), &bundle("2.0.0", 0.1), 0.0).await;
    invoke(&supply);
    aside.work().await;
    assert_eq!(aside.counts().shadow.unwrap().rows, 0);
}

#[tokio::test]
async fn rows_beyond_the_queue_are_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (supply, aside) = open(folder.path(), &bundle("2.0.0", 0.1), 1.0).await;
    let many = body(&vec![RECORDS[0]; 10_000]);
    for _ in 0..2 {
        let answer = ask(&supply, &supply.host().service(), "/invocations", &many);
        assert_eq!((answer.status, answer.tally.failures), (200, 0));
    }
    aside.work().await;
    let counts = aside.counts().shadow.unwrap();
    assert_eq!((counts.rows, counts.dropped), (10_000, 10_000));
}
