//! Drawings: horizontal marks on a logarithmic axis, and lines over time or size. Small files of
//! plain SVG with a ground of their own, so that they can be read on light and dark pages. Pure.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
/// Room for the labels of groups, and for a value after the longest mark.
const LEFT: f64 = 210.0;
const RIGHT: f64 = 80.0;
/// Room for title and legend, and for the axis.
const TOP: f64 = 66.0;
const BOTTOM: f64 = 50.0;
/// Of one mark, and between two groups.
const MARK: f64 = 13.0;
const GAP: f64 = 12.0;
/// Height of the area of lines.
const LINES: f64 = 300.0;
/// One for each series; told apart also by those who see fewer colours.
const COLOURS: [&str; 6] = ["#0072b2", "#8c8c8c", "#d55e00", "#e69f00", "#cc79a7", "#009e73"];
/// Follows the reader's choice where the page lets it; legible where it does not.
const STYLE: &str = "<style>text{font:12px sans-serif;fill:#24292f}\
    .t{font-size:15px;font-weight:bold}.g{stroke:#d0d7de}.b{fill:#fff;stroke:#d0d7de}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.g{stroke:#3d444d}\
    .b{fill:#161b22;stroke:#3d444d}}</style>";

/// Marks of several series in groups, on a logarithmic axis.
pub(crate) struct Marks<'a> {
    pub(crate) title: &'a str,
    /// With its unit.
    pub(crate) axis: &'a str,
    pub(crate) series: &'a [&'a str],
    pub(crate) groups: Vec<Group<'a>>,
}

/// Marks beside one label.
pub(crate) struct Group<'a> {
    pub(crate) label: &'a str,
    /// The series with its values: one is a bar, more are dots on a line.
    pub(crate) marks: Vec<(usize, Vec<f64>)>,
}

/// Lines of several series.
pub(crate) struct Lines<'a> {
    pub(crate) title: &'a str,
    /// With their units.
    pub(crate) x_axis: &'a str,
    pub(crate) y_axis: &'a str,
    pub(crate) scale: Scale,
    pub(crate) series: Vec<(&'a str, Vec<(f64, f64)>)>,
}

/// How both axes of lines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    /// From a power of ten.
    Logarithmic,
}

/// From values to places on an axis, with its ticks.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Axis {
    fn new(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite() && *value > 0.0).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        if values.is_empty() {
            return Self { scale: Scale::Linear, low: 0.0, high: 1.0, ticks: vec![0.0, 1.0] };
        }
        match scale {
            Scale::Logarithmic => {
                let first = least.log10().floor() as i32;
                let last = (most.log10().ceil() as i32).max(first + 1);
                let ticks = (first..=last).map(|power| 10_f64.powi(power)).collect();
                Self { scale, low: 10_f64.powi(first), high: 10_f64.powi(last), ticks }
            }
            Scale::Linear => {
                let step = step(most);
                let count = (most / step).ceil().max(1.0) as u32;
                let ticks = (0..=count).map(|at| f64::from(at) * step).collect();
                Self { scale, low: 0.0, high: f64::from(count) * step, ticks }
            }
        }
    }

    /// Where a value is, as a part of the axis.
    fn part(&self, value: f64) -> f64 {
        let part = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        // What is no number is at the beginning.
        if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// A round number of which four to ten make the most.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    [5.0, 2.0].into_iter().map(|by| by * power).find(|step| most / step >= 4.0).unwrap_or(power)
}

/// `40k`, `1.5`, `0.01`.
fn short(value: f64) -> String {
    match value {
        _ if value >= 999_500.0 => format!("{}M", digits(value / 1e6)),
        _ if value >= 1_000.0 => format!("{}k", digits(value / 1e3)),
        _ => digits(value),
    }
}

fn digits(value: f64) -> String {
    let text = match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    };
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn colour(series: usize) -> &'static str {
    COLOURS[series % COLOURS.len()]
}

fn begin(title: &str, height: f64, series: &[&str]) -> String {
    let title = escape(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\"><title>{title}</title>{STYLE}\n\
         <rect class=\"b\" x=\".5\" y=\".5\" width=\"{w}\" height=\"{h}\" rx=\"6\"/>\n\
         <text class=\"t\" x=\"16\" y=\"26\">{title}</text>\n",
        w = WIDTH - 1.0,
        h = height - 1.0,
    );
    let mut x = 16.0;
    for (at, name) in series.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.0}\" y=\"38\" width=\"11\" height=\"11\" fill=\"{}\"/>\
             <text x=\"{:.0}\" y=\"48\">{}</text>",
            colour(at),
            x + 16.0,
            escape(name)
        );
        x += 34.0 + 6.3 * name.chars().count() as f64;
    }
    svg
}

/// The ticks of the horizontal axis with their lines, and its name.
fn x_axis(svg: &mut String, axis: &Axis, name: &str, height: f64) {
    let bottom = height - BOTTOM;
    for tick in &axis.ticks {
        let x = x_at(axis, *tick);
        let _ = writeln!(
            svg,
            "<path class=\"g\" d=\"M{x:.1} {TOP}V{bottom}\"/>\
             <text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{tick}</text>",
            y = bottom + 16.0,
            tick = short(*tick)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{name}</text>",
        x = f64::midpoint(LEFT, WIDTH - RIGHT),
        y = height - 14.0,
        name = escape(name)
    );
}

fn x_at(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.part(value) * (WIDTH - LEFT - RIGHT)
}

impl Marks<'_> {
    /// Draws them.
    pub(crate) fn draw(&self) -> String {
        let count: usize = self.groups.iter().map(|group| group.marks.len()).sum();
        let inner = count as f64 * MARK + self.groups.len() as f64 * GAP;
        let height = TOP + inner + BOTTOM;
        let mut svg = begin(self.title, height, self.series);
        let all = self.groups.iter().flat_map(|group| &group.marks);
        let axis = Axis::new(Scale::Logarithmic, all.flat_map(|(_, values)| values.clone()));
        x_axis(&mut svg, &axis, self.axis, height);
        let mut y = TOP + GAP / 2.0;
        for Group { label, marks } in &self.groups {
            let middle = y + marks.len() as f64 * MARK / 2.0 + 4.0;
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                escape(label)
            );
            for (series, values) in marks {
                draw_mark(&mut svg, &axis, *series, values, y);
                y += MARK;
            }
            y += GAP;
        }
        svg + "</svg>\n"
    }
}

fn draw_mark(svg: &mut String, axis: &Axis, series: usize, values: &[f64], y: f64) {
    let (fill, middle) = (colour(series), y + MARK / 2.0);
    let places: Vec<f64> = values.iter().map(|value| x_at(axis, *value)).collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
    if places.len() == 1 {
        let (width, height) = ((last - LEFT).max(1.0), MARK - 2.0);
        let _ = write!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{fill}\"/>",
            y + 1.0
        );
    } else {
        let _ = write!(
            svg,
            "<path d=\"M{first:.1} {middle:.1}H{last:.1}\" stroke=\"{fill}\" stroke-width=\"3\"/>"
        );
        for place in &places {
            let _ = write!(
                svg,
                "<circle cx=\"{place:.1}\" cy=\"{middle:.1}\" r=\"4\" fill=\"{fill}\"/>"
            );
        }
    }
    let value = values.iter().map(|value| short(*value)).collect::<Vec<_>>().join(" · ");
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" style=\"font-size:10px\">{value}</text>",
        last + 6.0,
        middle + 3.5
    );
}

impl Lines<'_> {
    /// Draws them.
    pub(crate) fn draw(&self) -> String {
        let height = TOP + LINES + BOTTOM;
        let names: Vec<&str> = self.series.iter().map(|(name, _)| *name).collect();
        let mut svg = begin(self.title, height, &names);
        let points = || self.series.iter().flat_map(|(_, points)| points);
        let across = Axis::new(self.scale, points().map(|(x, _)| *x));
        let up = Axis::new(self.scale, points().map(|(_, y)| *y));
        x_axis(&mut svg, &across, self.x_axis, height);
        let y_at = |value: f64| TOP + (1.0 - up.part(value)) * LINES;
        for tick in &up.ticks {
            let (y, right) = (y_at(*tick), WIDTH - RIGHT);
            let _ = writeln!(
                svg,
                "<path class=\"g\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                short(*tick)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{:.0}\">{}</text>",
            TOP + LINES / 2.0,
            escape(self.y_axis)
        );
        for (at, (_, points)) in self.series.iter().enumerate() {
            let mut path = String::new();
            for (x, y) in points {
                let start = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{start}{:.1} {:.1}", x_at(&across, *x), y_at(*y));
            }
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
                colour(at)
            );
        }
        svg + "</svg>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_title_axis_legend_and_a_value_each() {
        let marks = Marks {
            title: "Rates & more",
            axis: "calls a second",
            series: &["Huihua", "the limit"],
            groups: vec![Group {
                label: "page",
                marks: vec![(0, vec![4_000.0]), (1, vec![1.0, 2.0, 30.0])],
            }],
        };
        let svg = marks.draw();
        for part in [
            "<title>Rates &amp; more</title>",
            ">calls a second<",
            ">Huihua<",
            ">the limit<",
            ">page<",
            ">4k<",
            ">1 · 2 · 30<",
            "prefers-color-scheme:dark",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!((svg.matches("<circle").count(), svg.lines().last()), (3, Some("</svg>")));
    }

    #[test]
    fn lines_begin_and_end_where_their_points_are() {
        let lines = Lines {
            title: "File",
            x_axis: "minutes",
            y_axis: "× live",
            scale: Scale::Linear,
            series: vec![("Huihua", vec![(0.0, 0.0), (120.0, 2.0)])],
        };
        let svg = lines.draw();
        let (right, bottom) = (WIDTH - RIGHT, TOP + LINES);
        let path = format!("M{LEFT:.1} {bottom:.1}L{right:.1} {TOP:.1}");
        assert!(svg.contains(&path), "{path} in {svg}");
    }

    #[test]
    fn an_axis_is_round_and_holds_every_value() {
        for (scale, values, expected) in [
            (Scale::Logarithmic, vec![0.05, 70.0], (0.01, 100.0)),
            (Scale::Logarithmic, vec![10.0], (10.0, 100.0)),
            (Scale::Linear, vec![1.0, 118.0], (0.0, 120.0)),
            (Scale::Linear, vec![1.7], (0.0, 1.8)),
            (Scale::Linear, vec![0.0, f64::NAN], (0.0, 1.0)),
        ] {
            let axis = Axis::new(scale, values.iter().copied());
            assert_eq!((axis.low, axis.high), expected, "{values:?}");
            assert!(values.iter().all(|value| (0.0..=1.0).contains(&axis.part(*value))));
        }
    }

    #[test]
    fn values_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.01, "0.01"),
            (1.5, "1.5"),
            (100.0, "100"),
            (1_000.0, "1k"),
            (96_007.0, "96k"),
            (1_000_000.0, "1M"),
        ] {
            assert_eq!(short(value), expected);
        }
    }
}
