//! Latencies as an SVG: one bar for each part of a call from its median to its 99th percentile, throughput below.

use serde_json::Value;
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 150.0;

pub fn svg(document: &Value) -> String {
    let number = |v: &Value| v.as_f64().unwrap_or(0.0);
    let mut body = String::new();
    let mut y = 56.0;
    let mut section = |title: &str, unit: &str, rows: Vec<(String, f64, f64)>| {
        let most = rows.iter().map(|r| r.2).fold(1e-9, f64::max);
        let x = |v: f64| LEFT + v / most * (WIDTH - LEFT - 110.0);
        let _ = writeln!(body, r#"<text x="16" y="{y}" class="h">{title}</text>"#);
        for (name, low, high) in rows {
            y += 26.0;
            let text = if low < high {
                format!("{low:.2} to {high:.2} {unit}")
            } else {
                format!("{low:.1} {unit}")
            };
            let _ = writeln!(
                body,
                r#"<text x="16" y="{y}">{name}</text><rect x="{LEFT}" y="{}" width="{}" height="14" class="a"/><rect x="{}" y="{}" width="{}" height="14" class="b"/><text x="{}" y="{y}">{text}</text>"#,
                y - 11.0,
                x(low) - LEFT,
                x(low),
                y - 11.0,
                x(high) - x(low),
                x(high) + 8.0
            );
        }
        y += 44.0;
    };
    let calls = document["call_ms"].as_object().into_iter().flatten();
    let calls = calls.filter(|(_, v)| v.is_object());
    let calls =
        calls.map(|(name, v)| (name.replace('_', " "), number(&v["p50"]), number(&v["p99"])));
    section("one call, median to 99th percentile", "ms", calls.collect());
    for (what, unit) in [("concurrency", "threads"), ("batch", "cases a batch")] {
        let rows = document[what].as_array().into_iter().flatten();
        let rows = rows.map(|r| {
            let speed = number(&r["cases_per_s"]);
            (format!("{} {unit}", r["n"]), speed, speed)
        });
        section(what, "cases/s", rows.collect());
    }
    let machine = document["machine"]["cpu"].as_str().unwrap_or("?");
    let machine: String = machine
        .chars()
        .filter(|c| !matches!(c, '<' | '>' | '&'))
        .collect();
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="13">
<style>.h {{ font-weight: bold }} .a {{ fill: #2a6f97 }} .b {{ fill: #a9d6e5 }}</style>
<rect width="100%" height="100%" fill="white"/>
<text x="16" y="26">dlnms on {machine}. Research use only.</text>
{body}</svg>
"#
    )
}
