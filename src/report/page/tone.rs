//! Colours of the page: one table for light and dark.

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Paper,
    Ink,
    Soft,
    Rule,
    Panel,
    Low,
    High,
    Muted,
    Alarm,
    AlarmPaper,
    Notice,
    NoticePaper,
}

impl Tone {
    pub const ALL: [Tone; 12] = [
        Tone::Paper,
        Tone::Ink,
        Tone::Soft,
        Tone::Rule,
        Tone::Panel,
        Tone::Low,
        Tone::High,
        Tone::Muted,
        Tone::Alarm,
        Tone::AlarmPaper,
        Tone::Notice,
        Tone::NoticePaper,
    ];

    /// Its name in classes and variables.
    pub fn name(self) -> &'static str {
        match self {
            Tone::Paper => "paper",
            Tone::Ink => "ink",
            Tone::Soft => "soft",
            Tone::Rule => "rule",
            Tone::Panel => "panel",
            Tone::Low => "low",
            Tone::High => "high",
            Tone::Muted => "muted",
            Tone::Alarm => "alarm",
            Tone::AlarmPaper => "alarm-paper",
            Tone::Notice => "notice",
            Tone::NoticePaper => "notice-paper",
        }
    }

    /// On paper and on a light screen.
    pub fn light(self) -> &'static str {
        match self {
            Tone::Paper => "#ffffff",
            Tone::Ink => "#12181f",
            Tone::Soft => "#55606b",
            Tone::Rule => "#cfd6dc",
            Tone::Panel => "#eef1f4",
            Tone::Low => "#20707c",
            Tone::High => "#b2452a",
            Tone::Muted => "#8d969f",
            Tone::Alarm => "#8f1616",
            Tone::AlarmPaper => "#fbe4e1",
            Tone::Notice => "#5d4300",
            Tone::NoticePaper => "#fdf3d7",
        }
    }

    /// On a dark screen.
    pub fn dark(self) -> &'static str {
        match self {
            Tone::Paper => "#12161b",
            Tone::Ink => "#e6e9ec",
            Tone::Soft => "#a3adb8",
            Tone::Rule => "#39424c",
            Tone::Panel => "#1d232a",
            Tone::Low => "#55b5c1",
            Tone::High => "#ee8266",
            Tone::Muted => "#79838d",
            Tone::Alarm => "#ffb3a8",
            Tone::AlarmPaper => "#3a1a18",
            Tone::Notice => "#f0d48a",
            Tone::NoticePaper => "#332a12",
        }
    }
}
