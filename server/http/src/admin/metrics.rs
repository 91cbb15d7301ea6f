//! What the server counts for its operator, in the text form of Prometheus. Labels come from fixed
//! lists (routes, methods, statuses, reasons, kinds): no account, app or session is in one, so that
//! their number is bounded and nothing of a user's is shown.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::http::Method;
use huihua_store::{Distribution, Engine};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::live::Live;

/// Limits of the classes of durations, in seconds: from a read of a warm list to a waiting sync.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Limits of the classes of a copy's delay, in seconds: NIM repeats copies for days.
const DELAY_SECONDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3_600.0, 86_400.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabels {
    command: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabel {
    command: &'static str,
}

/// The counters of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram>,
    refusals: Family<ReasonLabel, Counter>,
    copies: Family<KindLabel, Counter>,
    copy_delay: Histogram,
    connections: Gauge,
    connections_accepted: Counter,
    links: Gauge,
    link_commands: Family<CommandLabels, Counter>,
    link_durations: Family<CommandLabel, Histogram>,
    is_access_logged: AtomicBool,
}

/// One answered request.
pub(crate) struct AnsweredRequest<'a> {
    /// The template of its route, never its path: ids of sessions are in paths.
    pub(crate) route: &'a str,
    pub(crate) method: &'static str,
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

/// One answered command of a link.
pub(crate) struct LinkCommand {
    pub(crate) command: &'static str,
    pub(crate) code: u16,
    pub(crate) took: Duration,
}

impl Metrics {
    /// Makes the counters of a server with this engine and these waits.
    pub(crate) fn new(engine: Arc<dyn Engine>, live: Arc<Live>) -> Self {
        let mut registry = Registry::with_prefix("huihua");
        let durations: Family<RouteLabel, Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let metrics = Self {
            requests: Family::default(),
            durations,
            refusals: Family::default(),
            copies: Family::default(),
            copy_delay: Histogram::new(DELAY_SECONDS),
            connections: Gauge::default(),
            connections_accepted: Counter::default(),
            links: Gauge::default(),
            link_commands: Family::default(),
            link_durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            is_access_logged: AtomicBool::new(false),
            registry: Registry::default(),
        };
        let help = "Requests answered, by route template, method and status";
        registry.register("http_requests", help, metrics.requests.clone());
        let help = "Time from a request's head to its answer; a sync may wait on purpose";
        let durations = metrics.durations.clone();
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, durations);
        let help = "Requests refused, by reason";
        registry.register("refusals", help, metrics.refusals.clone());
        let help = "NIM's message copies accepted, by what they hold";
        registry.register("copies", help, metrics.copies.clone());
        let help = "Age of a message when its copy comes in";
        registry.register_with_unit("copy_delay", help, Unit::Seconds, metrics.copy_delay.clone());
        let help = "Connections open now";
        registry.register("connections", help, metrics.connections.clone());
        let help = "Connections accepted";
        registry.register("connections_accepted", help, metrics.connections_accepted.clone());
        let help = "Links of NIM's Web SDKs open now";
        registry.register("links", help, metrics.links.clone());
        let help = "Commands of links answered, by command and NIM's code";
        registry.register("link_commands", help, metrics.link_commands.clone());
        let help = "Time from a command of a link to its answer";
        let durations = metrics.link_durations.clone();
        registry.register_with_unit("link_command_duration", help, Unit::Seconds, durations);
        registry.register_collector(Box::new(Observed { engine, live }));
        Self { registry, ..metrics }
    }

    /// Counts a request.
    pub(crate) fn count_request(&self, request: &AnsweredRequest<'_>) {
        let AnsweredRequest { route, method, status, took } = *request;
        let labels = RequestLabels { route: route.to_owned(), method, status };
        self.requests.get_or_create(&labels).inc();
        let label = RouteLabel { route: labels.route };
        self.durations.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// Counts a refusal. Reasons are our own words.
    pub(crate) fn count_refusal(&self, reason: &str) {
        self.refusals.get_or_create(&ReasonLabel { reason: reason.to_owned() }).inc();
    }

    /// Counts a copy that was accepted, with the age of its message if it holds one.
    pub(crate) fn count_copy(&self, kind: &'static str, delay_ms: Option<u64>) {
        self.copies.get_or_create(&KindLabel { kind }).inc();
        if let Some(delay_ms) = delay_ms {
            self.copy_delay.observe(Duration::from_millis(delay_ms).as_secs_f64());
        }
    }

    /// Counts a connection until what is returned is dropped.
    pub(crate) fn count_connection(&self) -> OpenGauge {
        self.connections_accepted.inc();
        OpenGauge::new(&self.connections)
    }

    /// Counts a link until what is returned is dropped.
    pub(crate) fn count_link(&self) -> OpenGauge {
        OpenGauge::new(&self.links)
    }

    /// Counts a command of a link.
    pub(crate) fn count_link_command(&self, command: &LinkCommand) {
        let LinkCommand { command, code, took } = *command;
        self.link_commands.get_or_create(&CommandLabels { command, code }).inc();
        self.link_durations.get_or_create(&CommandLabel { command }).observe(took.as_secs_f64());
    }

    /// Switches the access log on or off.
    pub(crate) fn log_access(&self, is_on: bool) {
        self.is_access_logged.store(is_on, Ordering::Relaxed);
    }

    pub(crate) fn is_access_logged(&self) -> bool {
        self.is_access_logged.load(Ordering::Relaxed)
    }

    /// Writes everything as Prometheus reads it.
    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// A connection or a link that is counted as open.
pub(crate) struct OpenGauge(Gauge);

impl OpenGauge {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for OpenGauge {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Names a method; another one than ours has no name, so that callers make no label.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}

/// What is looked at when somebody asks.
struct Observed {
    engine: Arc<dyn Engine>,
    live: Arc<Live>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observed")
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let report = self.engine.report();
        let waits = u64::try_from(self.live.waiting()).unwrap_or(u64::MAX);
        for (name, help, unit, value) in [
            ("sync_waits", "Syncs that wait for a change now", None, waits),
            ("writer_queue_jobs", "Writes that wait for the writer now", None, report.queue_jobs),
            ("store", "Size of the store's file", Some(Unit::Bytes), report.store_bytes),
        ] {
            let gauge = MetricType::Gauge;
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            encoder.encode_descriptor(name, help, unit.as_ref(), gauge)?.encode_gauge(&value)?;
        }
        for (name, help, unit, value) in [
            ("batch_jobs", "Writes in one transaction", None, &report.batch_jobs),
            (
                "commit_duration",
                "Time of a transaction's commit, with its fsync",
                Some(Unit::Seconds),
                &report.commit_seconds,
            ),
        ] {
            let Distribution { classes, sum } = value;
            let count = classes.iter().map(|(_, count)| count).sum();
            encoder
                .encode_descriptor(name, help, unit.as_ref(), MetricType::Histogram)?
                .encode_histogram::<NoLabelSet>(*sum, count, classes, None)?;
        }
        Ok(())
    }
}
