//! Tables of words: columns as wide as they must be.

use std::fmt;

use super::style;

/// A table with a heading a column. Cells may be coloured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self {
            headings: headings.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, one cell a heading.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let row: Vec<String> = cells.into_iter().map(Into::into).collect();
        debug_assert_eq!(row.len(), self.headings.len());
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = |column: usize| {
            let cells = self.rows.iter().map(|row| style::width(&row[column]));
            cells.max().unwrap_or(0).max(self.headings[column].len())
        };
        // a column in which no row has anything is left out
        let columns: Vec<(usize, usize)> = (0..self.headings.len())
            .filter(|column| self.rows.iter().any(|row| !row[*column].is_empty()))
            .map(|column| (column, wide(column)))
            .collect();
        let headings: Vec<String> = self.headings.iter().map(|h| style::heading(h)).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            for (place, (column, wide)) in columns.iter().enumerate() {
                let cell = &row[*column];
                line.push_str(cell);
                if place + 1 < columns.len() {
                    line.push_str(&" ".repeat(wide + 2 - style::width(cell)));
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_empty_ones_go() {
        let mut table = Table::new(&["NAME", "NOTHING", "STATE"]);
        table.row(["a", "", &style::good("up")]);
        table.row(["longer", "", "down"]);
        let plain = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(plain, "NAME    STATE\na       up\nlonger  down\n");
    }
}
