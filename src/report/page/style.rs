//! The style sheet of the HTML page.

use super::tone::Tone;
use std::fmt::Write;

const LAYOUT: &str = "
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,'DejaVu Sans',Verdana,Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:0 12px 32px}
.sheet{display:block;width:100%;height:auto}
section{margin:28px 28px 0}
h1{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
h2{font-size:17px;margin:22px 0 6px}
table{border-collapse:collapse;width:100%}
caption{text-align:left;color:var(--soft);padding:0 0 6px}
th,td{text-align:left;vertical-align:top;padding:4px 14px 4px 0;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}
th{font-weight:600;white-space:nowrap}
.notice{background:var(--notice-paper);color:var(--notice);padding:8px 12px}
.alarm{background:var(--alarm-paper);color:var(--alarm);padding:8px 12px;font-weight:600}
";

/// On paper the sheet alone, on one page, in light colours.
const PRINT: &str = "
@page{size:A4;margin:8mm}
@media print{
body{font-size:9pt}
main{max-width:none;padding:0}
.sheet{width:194mm;height:auto;max-height:279mm;print-color-adjust:exact;-webkit-print-color-adjust:exact}
section{display:none}
}
";

/// Returns the style sheet: light by default, dark where the reader's screen is, light on paper.
pub(super) fn style_sheet() -> String {
    let variables = |color: fn(Tone) -> &'static str| {
        Tone::ALL.iter().fold(String::new(), |mut all, tone| {
            let _ = write!(all, "--{}:{};", tone.name(), color(*tone));
            all
        })
    };
    let (light, dark) = (variables(Tone::light), variables(Tone::dark));
    let mut style = format!(
        ":root{{color-scheme:light dark;{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
    );
    for tone in Tone::ALL {
        let name = tone.name();
        let _ = writeln!(
            style,
            ".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}"
        );
    }
    style + LAYOUT + PRINT
}
