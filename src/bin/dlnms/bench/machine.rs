//! What the numbers were measured on. No names of hosts or people.

use serde_json::{Value, json};

pub fn describe() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(": "));
    let memory = read("/proc/meminfo");
    let memory = memory.lines().find_map(|l| l.strip_prefix("MemTotal:"));
    let kib = memory.and_then(|m| m.split_whitespace().next()?.parse::<u64>().ok());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    json!({
        "cpu": cpu.map_or("?", |c| c.1),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_mib": kib.map(|k| k / 1024),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "nvidia": read("/proc/driver/nvidia/version").lines().next(),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "unix_time": now.map_or(0, |d| d.as_secs()),
    })
}

/// Highest resident memory of this process so far; `None` where the system does not say.
pub fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}
