package tabular

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hospital-itsm/itsm"
)

// A Table says what is expected of a file. The zero Table takes any columns.
type Table struct {
	Name     string   // of the file, for faults
	Required []string // columns that must be there
	Optional []string // columns that may be there; nil: any other
	Limits   Limits
}

// Limits bound what is read. Zero values stand for the defaults.
type Limits struct {
	Cell    int // bytes of a cell. Defaults to 32,768
	Columns int // Defaults to 500
	Rows    int // Defaults to 200,000
}

func (l Limits) or() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Cell, 32<<10)
	def(&l.Columns, 500)
	def(&l.Rows, 200_000)
	return l
}

// A Fault is one thing that is wrong in a file. It matches [itsm.ErrInvalid].
type Fault struct {
	File   string
	Line   int    // from 1; 0 for the file as a whole
	Column string // name of the column; "" for the row as a whole
	Got    string // what was found, shortened
	Want   string // what is expected
}

// Error gives the place, what was found and what is expected.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ", line %d", f.Line)
	}
	if f.Column != "" {
		fmt.Fprintf(&b, ", column %s", f.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if f.Got != "" {
		fmt.Fprintf(&b, "got %q, ", f.Got)
	}
	b.WriteString("want " + f.Want)
	return b.String()
}

// Unwrap returns [itsm.ErrInvalid].
func (f *Fault) Unwrap() error { return itsm.ErrInvalid }

// Faults are all faults of a file, in its order. They are an error; return them through [Faults.Err].
type Faults []*Fault

// Err returns the faults as an error, nil when there are none.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// Error lists the first twenty faults and counts the rest.
func (fs Faults) Error() string {
	const most = 20
	var lines []string
	for _, f := range fs[:min(len(fs), most)] {
		lines = append(lines, f.Error())
	}
	if rest := len(fs) - most; rest > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each fault.
func (fs Faults) Unwrap() []error {
	errs := make([]error, len(fs))
	for i, f := range fs {
		errs[i] = f
	}
	return errs
}

// A Row is one line of a file.
type Row struct {
	File    string
	Line    int // from 1, of the line on which it begins
	columns []string
	cells   []string
}

// Get returns the cell of a column, "" when there is no such column.
func (r *Row) Get(column string) string {
	if at := slices.Index(r.columns, column); at >= 0 {
		return r.cells[at]
	}
	return ""
}

// Columns returns the names of the columns, in their order. The slice must not be changed.
func (r *Row) Columns() []string { return r.columns }

// Fault makes a fault of a cell.
func (r *Row) Fault(column, want string) *Fault {
	return &Fault{File: r.File, Line: r.Line, Column: column, Got: short(r.Get(column)), Want: want}
}

func short(s string) string {
	if len(s) <= 60 {
		return s
	}
	cut := 57
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// Read yields the rows of a file, or what is wrong with it: a *[Fault], after which it goes on where it can, or an error of the reader, after
// which it stops. It can be ranged over once.
func (t Table) Read(r io.Reader) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		limits := t.Limits.or()
		fault := func(line int, column, got, want string) bool {
			return yield(nil, &Fault{t.Name, line, column, short(got), want})
		}
		in := bufio.NewReaderSize(r, 64<<10)
		head, err := in.Peek(4096)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			yield(nil, err)
			return
		}
		if want := encoding(head, len(head) < 4096); want != "" {
			fault(0, "", "", want)
			return
		}
		if bytes.HasPrefix(head, []byte("\ufeff")) {
			_, _ = in.Discard(3)
			head = head[3:]
		}
		lines := &bounded{in: in, most: limits.Cell*4 + limits.Columns*64}
		c := csv.NewReader(lines)
		c.Comma = separator(head)
		c.FieldsPerRecord = -1
		columns, err := c.Read()
		switch {
		case errors.Is(err, io.EOF):
			fault(0, "", "", "a header line")
			return
		case err != nil:
			t.broken(err, 1, fault, yield)
			return
		case len(columns) > limits.Columns:
			fault(1, "", "", fmt.Sprintf("at most %d columns, there are %d", limits.Columns, len(columns)))
			return
		}
		if !t.header(columns, fault) {
			return
		}
		for n := 0; ; n++ {
			cells, err := c.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.broken(err, 0, fault, yield)
				return
			}
			line, _ := c.FieldPos(0)
			if n >= limits.Rows {
				fault(line, "", "", fmt.Sprintf("at most %d rows", limits.Rows))
				return
			}
			if len(cells) != len(columns) {
				if !fault(line, "", "", fmt.Sprintf("%d cells as in the header, there are %d", len(columns), len(cells))) {
					return
				}
				continue
			}
			good := true
			for i, cell := range cells {
				switch {
				case len(cell) > limits.Cell:
					good = false
					if !fault(line, columns[i], cell, fmt.Sprintf("at most %d bytes, there are %d", limits.Cell, len(cell))) {
						return
					}
				case !utf8.ValidString(cell):
					good = false
					if !fault(line, columns[i], strings.ToValidUTF8(cell, "?"), "UTF-8; save the file as CSV UTF-8") {
						return
					}
				default:
					cells[i] = plain(cell)
				}
			}
			if good && !yield(&Row{t.Name, line, columns, cells}, nil) {
				return
			}
		}
	}
}

// header checks the names of the columns, all faults at once. It is false when reading cannot go on.
func (t Table) header(columns []string, fault func(int, string, string, string) bool) bool {
	good := true
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
		switch name := columns[i]; {
		case !utf8.ValidString(name):
			good = false
			if !fault(1, "", strings.ToValidUTF8(name, "?"), "UTF-8; save the file as CSV UTF-8") {
				return false
			}
		case name == "":
			good = false
			if !fault(1, "", "", fmt.Sprintf("a name for column %d", i+1)) {
				return false
			}
		case slices.Contains(columns[:i], name):
			good = false
			if !fault(1, name, "", "the column once, it is there twice") {
				return false
			}
		case t.Optional != nil && !slices.Contains(t.Required, name) && !slices.Contains(t.Optional, name):
			good = false
			if !fault(1, name, name, "one of "+strings.Join(slices.Concat(t.Required, t.Optional), ", ")) {
				return false
			}
		}
	}
	for _, name := range t.Required {
		if !slices.Contains(columns, name) {
			good = false
			if !fault(1, name, "", "the column, which is missing") {
				return false
			}
		}
	}
	return good
}

// broken tells why the CSV could not be read on.
func (t Table) broken(err error, line int, fault func(int, string, string, string) bool, yield func(*Row, error) bool) {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse) && !errors.Is(err, errLine):
		want := "a quoted cell that ends"
		if errors.Is(parse.Err, csv.ErrBareQuote) {
			want = "quotes only around a whole cell, doubled inside"
		}
		fault(max(parse.StartLine, line), "", "", want)
	case errors.Is(err, errLine):
		fault(line, "", "", "shorter lines: "+errLine.Error())
	default:
		yield(nil, err)
	}
}

// ReadAll returns all rows of a file; with a fault anywhere it returns no rows and all faults, at most a thousand.
func (t Table) ReadAll(r io.Reader) ([]*Row, error) {
	var rows []*Row
	var faults Faults
	for row, err := range t.Read(r) {
		var f *Fault
		switch {
		case errors.As(err, &f):
			if faults = append(faults, f); len(faults) == 1000 {
				return nil, faults
			}
		case err != nil:
			return nil, err
		default:
			rows = append(rows, row)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return rows, nil
}

// encoding tells what is wrong with the encoding of a file that begins so, "" for nothing.
func encoding(head []byte, whole bool) string {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return "UTF-8, it is UTF-16; save the file as CSV UTF-8"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "CSV, it is a workbook; save the sheet as CSV UTF-8"
	case bytes.IndexByte(head, 0) >= 0:
		return "text, it has a byte zero"
	}
	if !whole { // the last character may be cut
		for i := 1; i <= 3 && len(head) > 0; i++ {
			if utf8.Valid(head) {
				return ""
			}
			head = head[:len(head)-1]
		}
	}
	if !utf8.Valid(head) {
		return "UTF-8, it is in another encoding such as GBK; save the file as CSV UTF-8"
	}
	return ""
}

// separator finds out by which character the header is separated.
func separator(head []byte) rune {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best, most := ',', bytes.Count(line, []byte(","))
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

var errLine = errors.New("a line or quoted cell is longer than is allowed")

// bounded stops when so many bytes pass without the end of a line.
type bounded struct {
	in   io.Reader
	most int
	n    int
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) > 4096 {
		p = p[:4096]
	}
	n, err := b.in.Read(p)
	if at := bytes.LastIndexByte(p[:n], '\n'); at >= 0 {
		b.n = n - at - 1
	} else if b.n += n; b.n > b.most {
		return 0, errLine
	}
	return n, err
}
