package tabular

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// Write writes a file: a header and rows, separated by commas, in UTF-8 with a byte order mark, which spreadsheets need to
// know the encoding. Rows must have as many cells as the header.
func Write(w io.Writer, header []string, rows iter.Seq[[]string]) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write(neutral(header)); err != nil {
		return err
	}
	n := 1
	for row := range rows {
		n++
		if len(row) != len(header) {
			return fmt.Errorf("%w: row %d has %d cells, the header %d", itsm.ErrInvalid, n, len(row), len(header))
		}
		if err := out.Write(neutral(row)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// formula are the characters with which a cell begins that spreadsheets take for a formula, and the apostrophe that keeps them from it.
const formula = "=+-@\t\r'"

// lineEnd is the end of a line, however many carriage returns belong to it.
var lineEnd = regexp.MustCompile("\r+\n")

// neutral puts an apostrophe before what a spreadsheet would run.
func neutral(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		if strings.Contains(c, "\r\n") { // as reading has it
			c = lineEnd.ReplaceAllString(c, "\n")
		}
		if c != "" && strings.IndexByte(formula, c[0]) >= 0 {
			c = "'" + c
		}
		out[i] = c
	}
	return out
}

// plain undoes neutral.
func plain(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte(formula, cell[1]) >= 0 {
		return cell[1:]
	}
	return cell
}
