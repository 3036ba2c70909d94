//! Reads the file of a study. What is wrong in it has a place.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Deserialize;
use swarm::limits;
use swarm::shown::Shown;
use swarm::toml_file::{self, Wrong, one_of};
use toml::{Spanned, Value};

use super::definition::{Finding, Grid, Point, Study};
use super::interval;
use super::metrics::Metric;
use super::ordered::Ordered;
use super::picture::{Log, MOST_LINES, Picture, Right};
use super::results::OTHER_COLUMNS;
use super::setting::{Parse, Setting};

/// Options of `simulate` that a study's runs do not have: the study says them itself, or a run has no place
/// for them.
pub const NOT_FOR_STUDIES: [&str; 7] = [
    "seed",
    "output-dir",
    "report",
    "trace",
    "moments",
    "quiet",
    "help",
];

/// The most runs at once.
const MOST_AT_ONCE: usize = 1000;

/// What goes to the right in a picture over time.
const MOMENT: &str = "moment";

/// The most combinations of a grid.
const MOST_POINTS: usize = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StudyFile {
    title: String,
    claim: String,
    source: String,
    finding: Option<Finding>,
    seed: Option<Spanned<u64>>,
    #[serde(default)]
    classes: Vec<Spanned<String>>,
    #[serde(default)]
    moments: Vec<Spanned<String>>,
    #[serde(default)]
    options: Ordered<Spanned<Value>>,
    #[serde(default)]
    combinations: Ordered<Ordered<Ordered<Spanned<Value>>>>,
    grids: Vec<Spanned<GridTable>>,
    pictures: Vec<PictureTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GridTable {
    repetitions: Spanned<usize>,
    at_once: Option<Spanned<usize>>,
    #[serde(default)]
    axes: Ordered<Vec<Spanned<Value>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PictureTable {
    name: Spanned<String>,
    title: String,
    x: Spanned<String>,
    x_label: Option<String>,
    y: Spanned<String>,
    lines: Option<Spanned<String>>,
    #[serde(default)]
    log: Log,
    #[serde(default)]
    only: Ordered<Vec<Spanned<Value>>>,
}

/// Reads a study. `parse` makes runs of options.
///
/// # Errors
/// When it cannot be read, or what is the first thing wrong in it.
pub(super) fn read(path: &Path, parse: Parse) -> Result<Study> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // Its results go to a folder of this name.
    ensure!(
        ![".", ".."].contains(&&*stem),
        "{}: expected a file whose name can be that of a folder, as in NAME.toml",
        path.shown()
    );
    let folder = path.parent().unwrap_or(Path::new(""));
    toml_file::read(path, |text| study(text, &stem, folder, parse))
}

pub(super) fn study(text: &str, name: &str, folder: &Path, parse: Parse) -> Result<Study, Wrong> {
    let file: StudyFile = toml_file::parse(text)?;
    let fixed = settings(&file.options)?;
    let classes = classes(&file)?;
    let moments = moments(&file)?;
    let metrics = Metric::all(&classes, &moments);
    let axes = axes(&file, &metrics)?;
    let mut grids = Vec::new();
    let mut seen = HashSet::new();
    for grid in &file.grids {
        let points = points(grid, &axes, &fixed, &file.combinations)?;
        for point in &points {
            if !seen.insert(point.labels.clone()) {
                let labels = point.labels.join(", ");
                return Err(wrong(grid, format!("{labels}: twice in the grids")));
            }
            // All of them, so that a study does not stop half way.
            parse(&point.settings, folder).map_err(|refused| {
                let is_meant = |setting: &&Setting| Some(&setting.name) == refused.option.as_ref();
                let setting = point.settings.iter().find(is_meant);
                let span = setting.map_or(grid.span(), |setting| setting.span.clone());
                (span, refused.why)
            })?;
        }
        let repetitions = &grid.as_ref().repetitions;
        let (number, most) = (*repetitions.as_ref(), interval::MOST);
        if !(1..=most).contains(&number) {
            let why = format!("expected 1 to {most}, found {number}");
            return Err(wrong(repetitions, why));
        }
        let at_once = grid.as_ref().at_once.as_ref().map(|number| {
            let most = MOST_AT_ONCE;
            let (number, place) = (*number.as_ref(), number.span());
            let why = || {
                (
                    place,
                    format!("expected 1 to {most}, or 0 for all cores, found {number}"),
                )
            };
            (number <= most).then_some(number).ok_or_else(why)
        });
        grids.push(Grid {
            repetitions: number,
            at_once: at_once.transpose()?.unwrap_or(0),
            points,
        });
    }
    let mut pictures: Vec<Picture> = Vec::new();
    for table in &file.pictures {
        let picture = drawn(table, &axes, &moments, &metrics, &grids)?;
        if pictures.iter().any(|other| other.name == picture.name) {
            return Err(wrong(&table.name, "another picture has this name"));
        }
        pictures.push(picture);
    }
    let seed = seed(&file, &grids)?;
    Ok(Study {
        name: name.to_owned(),
        folder: folder.to_owned(),
        title: file.title,
        claim: file.claim,
        source: file.source,
        finding: file.finding,
        seed,
        axes,
        classes,
        moments,
        metrics,
        grids,
        pictures,
    })
}

/// The seed of every first repetition. All others have one, too.
fn seed(file: &StudyFile, grids: &[Grid]) -> Result<u64, Wrong> {
    let Some(seed) = &file.seed else { return Ok(1) };
    let others = grids.iter().map(|grid| grid.repetitions as u64 - 1).max();
    let most = u64::MAX - others.unwrap_or_default();
    match *seed.as_ref() {
        first if first <= most => Ok(first),
        first => Err(wrong(
            seed,
            format!("expected at most {most}, found {first}"),
        )),
    }
}

/// The classes that have figures of their own.
fn classes(file: &StudyFile) -> Result<Vec<String>, Wrong> {
    let mut classes = Vec::new();
    for class in &file.classes {
        if classes.contains(class.as_ref()) {
            return Err(wrong(class, format!("'{}': twice", class.as_ref())));
        }
        classes.push(class.as_ref().clone());
    }
    Ok(classes)
}

/// The moments that have figures of their own, in order.
fn moments(file: &StudyFile) -> Result<Vec<(Duration, String)>, Wrong> {
    let mut moments: Vec<(Duration, String)> = Vec::new();
    for written in &file.moments {
        let text = written.as_ref();
        let time = limits::time(text).map_err(|why| wrong(written, why))?;
        if moments.last().is_some_and(|(last, _)| *last >= time) {
            return Err(wrong(written, "expected a later time than the one before"));
        }
        moments.push((time, text.clone()));
    }
    Ok(moments)
}

/// The axes, which are those of every grid.
fn axes(file: &StudyFile, metrics: &[Metric]) -> Result<Vec<String>, Wrong> {
    let Some(first) = file.grids.first() else {
        return Err((0..0, "expected a grid: [[grids]]".into()));
    };
    let named = |grid: &Spanned<GridTable>| -> Vec<String> {
        let axes = grid.as_ref().axes.0.iter();
        axes.map(|(name, _)| name.as_ref().clone()).collect()
    };
    let axes = named(first);
    for grid in &file.grids {
        if named(grid) != axes {
            let expected = axes.join(", ");
            let why = format!("expected the axes of the first grid, in its order: {expected}");
            return Err(wrong(grid, why));
        }
    }
    for (name, _) in &first.as_ref().axes.0 {
        let is_column = OTHER_COLUMNS.contains(&&name.as_ref()[..]);
        if is_column || metrics.iter().any(|metric| metric.name == *name.as_ref()) {
            let why = "the results have another column of this name";
            return Err(wrong(name, why));
        }
    }
    for (name, _) in &file.combinations.0 {
        if !axes.contains(name.as_ref()) {
            return Err(wrong(name, format!("expected an axis, {}", one_of(&axes))));
        }
    }
    Ok(axes)
}

/// Every combination of an axis's values, the last axis first.
fn points(
    grid: &Spanned<GridTable>,
    axes: &[String],
    fixed: &[Setting],
    combinations: &Ordered<Ordered<Ordered<Spanned<Value>>>>,
) -> Result<Vec<Point>, Wrong> {
    let mut points = vec![Point::default()];
    for (axis, (name, values)) in axes.iter().zip(&grid.as_ref().axes.0) {
        let combinations = combinations.find(axis);
        let mut longer = Vec::new();
        let mut steps = Vec::new();
        for value in values {
            let label = written(value)?;
            let settings = match combinations {
                None => setting(name, value)?.into_iter().collect(),
                Some(combinations) => match combinations.find(&label) {
                    Some(options) => settings(options)?,
                    None => {
                        let names = combinations.0.iter().map(|(name, _)| name.as_ref());
                        return Err(wrong(value, format!("expected {}", one_of(names))));
                    }
                },
            };
            steps.push((label, settings));
        }
        if points.len().saturating_mul(steps.len()) > MOST_POINTS {
            let why = format!("expected at most {MOST_POINTS} combinations in a grid");
            return Err(wrong(name, why));
        }
        for point in points {
            for (label, settings) in &steps {
                let mut point = point.clone();
                point.labels.push(label.clone());
                point.settings.extend(settings.iter().cloned());
                longer.push(point);
            }
        }
        points = longer;
    }
    for point in &mut points {
        // What an axis says of an option goes before what is fixed.
        let is_free =
            |setting: &&Setting| !point.settings.iter().any(|own| own.name == setting.name);
        let mut settings: Vec<Setting> = fixed.iter().filter(is_free).cloned().collect();
        settings.append(&mut point.settings);
        point.settings = settings;
    }
    Ok(points)
}

fn settings(options: &Ordered<Spanned<Value>>) -> Result<Vec<Setting>, Wrong> {
    let settings = options.0.iter().map(|(name, value)| setting(name, value));
    settings.filter_map(Result::transpose).collect()
}

/// An option. `None`: it is a switch that is off.
fn setting(name: &Spanned<String>, value: &Spanned<Value>) -> Result<Option<Setting>, Wrong> {
    let option = name.as_ref();
    if NOT_FOR_STUDIES.contains(&&option[..]) {
        let why = format!("a study has no --{option} for its runs");
        return Err(wrong(name, why));
    }
    let text = written(value)?;
    Ok(match value.as_ref().as_bool() {
        Some(false) => None,
        Some(true) => Some(Setting::new(option, None, name.span())),
        None => Some(Setting::new(option, Some(text), value.span())),
    })
}

/// A value as on the command line.
fn written(value: &Spanned<Value>) -> Result<String, Wrong> {
    fn text(value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Boolean(is) => Some(is.to_string()),
            Value::Array(values) => {
                let texts: Option<Vec<String>> = values.iter().map(text).collect();
                texts.map(|texts| texts.join(","))
            }
            Value::Datetime(_) | Value::Table(_) => None,
        }
    }
    let text = text(value.as_ref()).filter(|text| !text.chars().any(char::is_control));
    let why = "expected a text, a number, true or false";
    text.ok_or_else(|| wrong(value, why))
}

fn drawn(
    table: &PictureTable,
    axes: &[String],
    moments: &[(Duration, String)],
    metrics: &[Metric],
    grids: &[Grid],
) -> Result<Picture, Wrong> {
    let name = table.name.as_ref();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || !name.chars().all(is_plain) {
        let why = "expected a name of letters, digits and '-', for it is the file's";
        return Err(wrong(&table.name, why));
    }
    let axis = |name: &Spanned<String>| {
        let place = axes.iter().position(|axis| axis == name.as_ref());
        place.ok_or_else(|| wrong(name, format!("expected an axis, {}", one_of(axes))))
    };
    let x = match table.x.as_ref().as_str() {
        MOMENT if !axes.iter().any(|axis| axis == MOMENT) && !moments.is_empty() => Right::Moments,
        _ => Right::Axis(axis(&table.x)?),
    };
    let lines = table.lines.as_ref().map(axis).transpose()?;
    let y = figure(&table.y, x, moments, metrics)?;
    let mut only = vec![None; axes.len()];
    for (name, values) in &table.only.0 {
        let texts = values.iter().map(written);
        only[axis(name)?] = Some(texts.collect::<Result<_, _>>()?);
    }
    let picture = Picture {
        name: name.clone(),
        title: table.title.clone(),
        x,
        x_label: table.x_label.clone().unwrap_or_else(|| match x {
            Right::Axis(axis) => axes[axis].clone(),
            Right::Moments => "time since the start".into(),
        }),
        y,
        lines,
        log: table.log,
        only,
    };
    for (place, axis) in axes.iter().enumerate() {
        let values = picture.values(place, grids);
        if values.is_empty() {
            let why = format!("'{axis}' has none of the values that are drawn");
            return Err(wrong(&table.name, why));
        }
        if x != Right::Axis(place) && Some(place) != lines && values.len() > 1 {
            let why = format!("say which '{axis}' is drawn: only.{axis} = [...]");
            return Err(wrong(&table.name, why));
        }
    }
    if lines.is_some_and(|lines| picture.values(lines, grids).len() > MOST_LINES) {
        let why = format!("expected at most {MOST_LINES} lines");
        return Err(wrong(&table.name, why));
    }
    let is_log = matches!(table.log, Log::X | Log::XY);
    let is_positive = |text: &String| text.parse::<f64>().is_ok_and(|number| number > 0.0);
    let are_positive = match x {
        Right::Axis(axis) => picture.values(axis, grids).iter().all(is_positive),
        Right::Moments => moments.iter().all(|(time, _)| !time.is_zero()),
    };
    if is_log && !are_positive {
        let why = "expected numbers above 0 for a logarithmic axis";
        return Err(wrong(&table.x, why));
    }
    Ok(picture)
}

/// What goes up in a picture: a figure, or what is measured at each of the moments.
fn figure(
    name: &Spanned<String>,
    x: Right,
    moments: &[(Duration, String)],
    metrics: &[Metric],
) -> Result<Vec<Metric>, Wrong> {
    let of = |name: &str| metrics.iter().find(|metric| metric.name == name).cloned();
    let (found, names): (Option<Vec<Metric>>, Vec<&str>) = match x {
        Right::Axis(_) => (
            of(name.as_ref()).map(|metric| vec![metric]),
            metrics.iter().map(|metric| &*metric.name).collect(),
        ),
        Right::Moments => {
            let at =
                |(_, written): &(Duration, String)| of(&format!("{}.{written}", name.as_ref()));
            (
                moments.iter().map(at).collect(),
                Metric::of_moments().collect(),
            )
        }
    };
    found.ok_or_else(|| wrong(name, format!("expected a figure, {}", one_of(names))))
}

/// What is wrong at a place.
fn wrong<T>(place: &Spanned<T>, why: impl Into<String>) -> Wrong {
    (place.span(), why.into())
}
