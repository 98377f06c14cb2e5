//! What is done beside the answers: the feature log and the shadow. Both see rows as they are scored, and do their work
//! afterwards, so that no caller waits for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use skewless_core::{Prediction, Record, Result};
use skewless_protocol::{Service, Witness, WitnessCount};
use tokio::sync::Notify;

use crate::config::{Config, LogTarget};
use crate::feature_log::{FeatureLog, LogCounts};
use crate::shadow::{Shadow, ShadowCounts};
use crate::source::Source;
use crate::supply::Engine;

/// The feature log and the shadow of a door.
pub struct Aside {
    log: Option<FeatureLog>,
    shadow: Option<Shadow>,
    rows_came: Notify,
}

/// What both have counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AsideCounts {
    /// Of the feature log, where there is one.
    pub log: Option<LogCounts>,
    /// Of the shadow, where there is one.
    pub shadow: Option<ShadowCounts>,
}

/// How often the log is looked after where no rows come.
const PULSE: Duration = Duration::from_secs(5);

impl Aside {
    /// What is configured; `None` where nothing is. A relative path of the shadow is looked for in `folders`.
    ///
    /// # Errors
    /// `config.invalid_value` for an address that no client can be made for.
    pub fn new(config: &Config, folders: &[PathBuf], engine: Engine) -> Result<Option<Arc<Self>>> {
        let log = match &config.feature_log {
            LogTarget::Off => None,
            _ => Some(FeatureLog::new(config)?),
        };
        let shadow = config.shadow.as_ref().map(|location| {
            let source = Source::new(location, folders)?;
            Ok(Shadow::new(
                source,
                engine,
                config.shadow_share,
                config.check,
            ))
        });
        let shadow = shadow.transpose()?;
        let anything = log.is_some() || shadow.is_some();
        Ok(anything.then(|| {
            Arc::new(Self {
                log,
                shadow,
                rows_came: Notify::new(),
            })
        }))
    }

    /// Checks that a bundle has what is configured.
    ///
    /// # Errors
    /// `config.invalid_value` where no input, or a personal one, is to decide what is logged.
    pub(crate) fn check(&self, service: &Service) -> Result<()> {
        self.log.as_ref().map_or(Ok(()), |log| log.check(service))
    }

    /// True where the work may take long or need the network, so that it is to be done after the answer.
    pub fn needs_time(&self) -> bool {
        self.shadow.is_some() || self.log.as_ref().is_some_and(FeatureLog::writes_objects)
    }

    /// Does what waits: scores the shadow's rows, writes the log where that is due.
    pub async fn work(&self) {
        if let Some(shadow) = &self.shadow {
            shadow.work().await;
        }
        if let Some(log) = &self.log {
            log.write_if_due().await;
        }
    }

    /// Works whenever rows have come, for ever: for doors with a runtime that goes on between requests.
    pub async fn keep_working(&self) {
        loop {
            // Either rows have come or the log has waited; both are looked at.
            let _ = tokio::time::timeout(PULSE, self.rows_came.notified()).await;
            self.work().await;
        }
    }

    /// Does what waits and writes all of the log, before the process ends.
    pub async fn close(&self) {
        if let Some(shadow) = &self.shadow {
            shadow.work().await;
        }
        if let Some(log) = &self.log {
            log.write().await;
        }
    }

    /// What was counted so far.
    pub fn counts(&self) -> AsideCounts {
        AsideCounts {
            log: self.log.as_ref().map(FeatureLog::counts),
            shadow: self.shadow.as_ref().map(Shadow::counts),
        }
    }
}

impl Witness for Aside {
    fn scored(&self, service: &Service, rows: &[(&Record, &Prediction)]) {
        if let Some(log) = &self.log {
            log.take(service, rows);
        }
        if let Some(shadow) = &self.shadow {
            shadow.take(service, rows);
        }
        self.rows_came.notify_one();
    }

    fn counts(&self) -> Vec<WitnessCount> {
        let mut counts = Vec::new();
        let mut count = |name, help, value| counts.push(WitnessCount { name, help, value });
        let AsideCounts { log, shadow } = self.counts();
        if let Some(log) = log {
            count(
                "skewless_feature_log_rows_total",
                "Feature rows written to the log.",
                log.written as f64,
            );
            count(
                "skewless_feature_log_dropped_total",
                "Feature rows that found no room.",
                log.dropped as f64,
            );
            count(
                "skewless_feature_log_failures_total",
                "Writes of the log that failed.",
                log.failures as f64,
            );
        }
        if let Some(shadow) = shadow {
            count(
                "skewless_shadow_rows_total",
                "Rows that the shadow scored too.",
                shadow.rows as f64,
            );
            count(
                "skewless_shadow_differences_total",
                "Rows with another value.",
                shadow.differences as f64,
            );
            count(
                "skewless_shadow_label_differences_total",
                "Rows with another label.",
                shadow.label_differences as f64,
            );
            count(
                "skewless_shadow_absolute_difference_total",
                "Differences of the first values, without sign.",
                shadow.absolute_difference,
            );
            count(
                "skewless_shadow_failures_total",
                "Rows that only the shadow failed.",
                shadow.failures as f64,
            );
            count(
                "skewless_shadow_dropped_total",
                "Rows that the shadow did not get to.",
                shadow.dropped as f64,
            );
        }
        counts
    }
}
