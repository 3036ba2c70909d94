//! Numbers for a drawn page: little-endian, and in Base64, which a browser reads faster than a list.

use std::collections::BTreeMap;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Columns of the same length, by their names: a table whose rows a page draws.
pub type Columns = BTreeMap<&'static str, Column>;

/// Numbers of one type. Those that do not fit are the greatest that do.
pub struct Column {
    /// The name of the type, by which `columns.js` finds its array.
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Column {
    fn new(kind: &'static str, bytes: impl Iterator<Item = u8>) -> Column {
        let bytes = bytes.collect();
        Column { kind, bytes }
    }

    /// 64-bit floating-point numbers.
    pub fn f64(numbers: impl Iterator<Item = f64>) -> Column {
        Column::new("f64", numbers.flat_map(f64::to_le_bytes))
    }

    /// Whole numbers in 32 bits.
    pub fn u32(numbers: impl Iterator<Item = u64>) -> Column {
        let fitting = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Column::new("u32", numbers.map(fitting).flat_map(u32::to_le_bytes))
    }

    /// Whole numbers in 16 bits.
    pub fn u16(numbers: impl Iterator<Item = u32>) -> Column {
        let fitting = |number| u16::try_from(number).unwrap_or(u16::MAX);
        Column::new("u16", numbers.map(fitting).flat_map(u16::to_le_bytes))
    }

    /// Whole numbers in 8 bits.
    pub fn u8(numbers: impl Iterator<Item = usize>) -> Column {
        let fitting = |number| u8::try_from(number).unwrap_or(u8::MAX);
        Column::new("u8", numbers.map(fitting))
    }

    /// Signed whole numbers in 32 bits.
    pub fn i32(numbers: impl Iterator<Item = i32>) -> Column {
        Column::new("i32", numbers.flat_map(i32::to_le_bytes))
    }

    /// Places in a list, or -1 for none, in 32 bits.
    pub fn place(places: impl Iterator<Item = Option<usize>>) -> Column {
        let fitting = |place| i32::try_from(place).unwrap_or(i32::MAX);
        Column::i32(places.map(|place| place.map_or(-1, fitting)))
    }
}

/// Its only key is the type: `{"u16": "AQD//w=="}`.
impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        let base64 = Base64Display::new(&self.bytes, &STANDARD);
        map.serialize_entry(self.kind, &format_args!("{base64}"))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian_and_clamped() {
        let json = |column: Column| serde_json::to_string(&column).unwrap();
        assert_eq!(
            json(Column::u16([1, 70_000].into_iter())),
            r#"{"u16":"AQD//w=="}"#
        );
        assert_eq!(
            json(Column::place([None, Some(2)].into_iter())),
            r#"{"i32":"/////wIAAAA="}"#
        );
        assert_eq!(Column::f64([1.5].into_iter()).bytes, 1.5f64.to_le_bytes());
        assert_eq!(Column::u8([3, 300].into_iter()).bytes, [3, 255]);
        assert_eq!(
            Column::u32([5, 1 << 40].into_iter()).bytes,
            [5, 0, 0, 0, 255, 255, 255, 255]
        );
    }
}
