//! A picture as SVG: a line for each value of an axis, medians with their intervals.

use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, IntoTextStyle, RGBColor, TextStyle, WHITE};

use super::picture::{Log, MOST_LINES, Picture, Right};
use super::summary::{Curve, Summary, shown};

/// Width and height in pixels. It is seen at half this size.
const SIZE: (u32, u32) = (1600, 960);

/// Colours that the colour-blind tell apart (Okabe, Ito 2008), with a grey for the yellow, which is pale
/// on white.
const COLOURS: [RGBColor; MOST_LINES] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(0, 0, 0),
    RGBColor(140, 140, 140),
];

const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(221, 221, 221);

/// The size of a title's letters.
const TITLE: i32 = 42;
/// The size of all other letters.
const TEXT: i32 = 33;
/// The width of a letter below the axis, as a part of the axis.
const LETTER: f64 = 0.016;
/// How far apart the lines of a text are.
const STEP: i32 = 44;

/// How far apart the intervals of lines are at the same place.
const ASIDE: i32 = 10;

/// The most letters of a title on a line.
const TITLE_WIDTH: usize = 82;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Draws a picture.
pub(super) fn svg(picture: &Picture, summary: &Summary) -> String {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    draw(&area, picture, summary)
        .and_then(|()| area.present())
        .expect("a string takes everything");
    drop(area);
    text
}

fn draw(area: &Area<'_>, picture: &Picture, summary: &Summary) -> Drawn {
    area.fill(&WHITE)?;
    let title = wrapped(&picture.title, TITLE_WIDTH);
    let mut top = 24;
    for line in &title {
        area.draw(&Text::new(line.clone(), (24, top), style(TITLE, INK)))?;
        top += STEP + 8;
    }
    let widths = summary.lines.iter().map(|line| line.label.chars().count());
    let longest = widths.max().unwrap_or(0);
    let is_labelled = longest > 0;
    let right = if is_labelled { 110 + 18 * longest } else { 50 };

    let (x, y) = (Scale::right(picture, summary), Scale::up(picture, summary));
    let mut chart = ChartBuilder::on(area)
        .margin_top(top + 16)
        .margin_right(u32::try_from(right).unwrap_or(0))
        .margin_left(16)
        .margin_bottom(12)
        .x_label_area_size(96)
        .y_label_area_size(150)
        .build_cartesian_2d(x.clone(), y.clone())?;
    let text = style(TEXT, INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID.stroke_width(2))
        .light_line_style(WHITE.mix(0.0))
        .axis_style(INK.stroke_width(2))
        .x_labels(30)
        .y_labels(30)
        .x_label_formatter(&|at| x.tick(*at))
        .y_label_formatter(&|at| y.tick(*at))
        .label_style(text.clone())
        .axis_desc_style(text)
        .x_desc(&picture.x_label)
        .y_desc(&*picture.y[0].label)
        .set_all_tick_mark_size(8)
        .draw()?;

    let mut ends = Vec::new();
    for (number, line) in summary.lines.iter().enumerate() {
        // A little beside each other, so that no interval hides another. Over time they lie too close for that.
        let aside = match picture.x {
            Right::Axis(_) => ASIDE * (2 * number as i32 + 1 - summary.lines.len() as i32) / 2,
            Right::Moments => 0,
        };
        let points = placed(line, summary, &x, &y).map(|(at, values)| {
            let spots = values.map(|value| chart.backend_coord(&(at, value)));
            spots.map(|(x, y)| (x + aside, y))
        });
        let placed: Vec<[(i32, i32); 3]> = points.collect();
        let colour = COLOURS[line.place % COLOURS.len()];
        if summary.numbers.is_some() {
            let medians: Vec<_> = placed.iter().map(|&[_, median, _]| median).collect();
            area.draw(&PathElement::new(medians, colour.stroke_width(4)))?;
        }
        for &[low, median, high] in &placed {
            area.draw(&PathElement::new(vec![low, high], colour.stroke_width(3)))?;
            for (x, y) in [low, high] {
                let cap = vec![(x - 9, y), (x + 9, y)];
                area.draw(&PathElement::new(cap, colour.stroke_width(3)))?;
            }
            area.draw(&Circle::new(median, 9, colour.filled()))?;
        }
        if let Some(&[_, (_, y), _]) = placed.last() {
            ends.push((y, &line.label, colour));
        }
    }
    if !is_labelled {
        return Ok(());
    }
    // A label stands where its line ends, or as near to it as the others leave room.
    ends.sort_by_key(|(y, ..)| *y);
    let left = SIZE.0 as i32 - i32::try_from(right).unwrap_or(0) + 24;
    let wanted: Vec<i32> = ends.iter().map(|(y, ..)| *y).collect();
    let heights = apart(&wanted, top + 30, SIZE.1 as i32 - 140);
    for ((_, label, colour), y) in ends.into_iter().zip(heights) {
        area.draw(&PathElement::new(
            vec![(left, y), (left + 44, y)],
            colour.stroke_width(4),
        ))?;
        area.draw(&Circle::new((left + 22, y), 9, colour.filled()))?;
        let style = style(TEXT, INK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(label.clone(), (left + 56, y), style))?;
    }
    Ok(())
}

fn style(size: i32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size)
        .into_font()
        .color(&colour)
        .into_text_style(&SIZE)
}

/// The points of a line that the scales have a place for: where, and low, median and high.
fn placed<'a>(
    line: &'a Curve,
    summary: &'a Summary,
    x: &'a Scale,
    y: &'a Scale,
) -> impl Iterator<Item = (f64, [f64; 3])> + 'a {
    let points = line.points.iter().enumerate();
    points.filter_map(move |(place, point)| {
        let point = point.filter(|point| !y.is_log || point.median > 0.0)?;
        let at = summary
            .numbers
            .as_ref()
            .map_or(place as f64, |numbers| x.at(numbers[place]));
        let values = [point.low, point.median, point.high];
        Some((at, values.map(|value| y.at(value).max(y.range.start))))
    })
}

/// Where values stand along an axis, and which of them it names.
#[derive(Clone)]
struct Scale {
    is_log: bool,
    range: Range<f64>,
    ticks: Vec<(f64, String)>,
}

impl Scale {
    fn right(picture: &Picture, summary: &Summary) -> Scale {
        let is_log = matches!(picture.log, Log::X | Log::XY);
        let at = |number: f64| if is_log { number.log10() } else { number };
        let places: Vec<f64> = match &summary.numbers {
            Some(numbers) => numbers.iter().copied().map(at).collect(),
            None => (0..summary.xs.len()).map(|place| place as f64).collect(),
        };
        let (first, last) = (places[0], places[places.len() - 1]);
        let length = last - first;
        let margin = match &summary.numbers {
            Some(_) if length > 0.0 => 0.04 * length,
            _ => 0.5,
        };
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for (&place, label) in places.iter().zip(&summary.xs) {
            // Names that would touch are left out.
            let touches = |(last, before): &(f64, String)| {
                let letters = (before.chars().count() + label.chars().count()) as f64 / 2.0;
                place - last < (0.015 + LETTER * letters) * length
            };
            if !ticks.last().is_some_and(touches) {
                ticks.push((place, label.clone()));
            }
        }
        let range = first - margin..last + margin;
        Scale {
            is_log,
            range,
            ticks,
        }
    }

    fn up(picture: &Picture, summary: &Summary) -> Scale {
        let is_log = matches!(picture.log, Log::Y | Log::XY);
        let lines = summary.lines.iter();
        let points = lines.flat_map(|line| line.points.iter().flatten());
        let values = points.flat_map(|point| [point.low, point.median, point.high]);
        let values: Vec<f64> = values.filter(|value| !is_log || *value > 0.0).collect();
        let most = values.iter().copied().fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        if is_log {
            let least = values.iter().copied().fold(most, f64::min);
            let (least, most) = (least / 1.3, most * 1.3);
            let few = (most / least).log10() < 2.5;
            let steps: &[f64] = if few { &[1.0, 2.0, 5.0] } else { &[1.0] };
            let decades = least.log10().floor() as i32..=most.log10().ceil() as i32;
            let values =
                decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
            let inside = values.filter(|value| (least..=most).contains(value));
            let ticks = inside.map(|value| (value.log10(), plain(value))).collect();
            return Scale {
                is_log,
                range: least.log10()..most.log10(),
                ticks,
            };
        }
        // So that there are 4 to 10 of them.
        let power = 10_f64.powf((most / 4.0).log10().floor());
        let mut steps = [5.0, 2.0, 1.0].into_iter().map(|it| it * power);
        let step = steps.find(|step| most / step >= 4.0).unwrap_or(power);
        let number = (1.05 * most / step).floor() as usize;
        let ticks = (0..=number).map(|tick| tick as f64 * step);
        Scale {
            is_log,
            range: 0.0..1.05 * most,
            ticks: ticks.map(|value| (value, plain(value))).collect(),
        }
    }

    fn at(&self, value: f64) -> f64 {
        if self.is_log { value.log10() } else { value }
    }

    fn tick(&self, at: f64) -> String {
        let mut ticks = self.ticks.iter();
        let tick = ticks.find(|(tick, _)| (tick - at).abs() < 1e-9 * (1.0 + at.abs()));
        tick.map_or_else(String::new, |(_, label)| label.clone())
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, at: &f64, (first, last): (i32, i32)) -> i32 {
        let part = (at - self.range.start) / (self.range.end - self.range.start);
        first + (part * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// A number without zeros at its end.
fn plain(value: f64) -> String {
    let text = shown(value);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Heights as near as possible to the wanted ones, which are in order, so that labels do not touch.
fn apart(wanted: &[i32], first: i32, last: i32) -> Vec<i32> {
    let mut heights: Vec<i32> = Vec::new();
    for &height in wanted {
        let least = heights.last().map_or(first, |before| before + STEP);
        heights.push(height.max(least));
    }
    let mut most = last;
    for height in heights.iter_mut().rev() {
        *height = (*height).min(most);
        most = *height - STEP;
    }
    heights
}

/// Words on lines of at most `width` letters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_touch_and_stay_in_order() {
        assert_eq!(apart(&[100, 300], 0, 900), [100, 300]);
        assert_eq!(apart(&[100, 110, 300], 0, 900), [100, 144, 300]);
        assert_eq!(apart(&[890, 895], 0, 900), [856, 900]);
    }
}
