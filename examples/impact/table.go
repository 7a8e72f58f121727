package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxLine bounds a row, in bytes.
const maxLine = 1 << 20

// A table reads rows of tab-separated cells under a header. It holds one row at a time.
type table struct {
	name  string
	lines *bufio.Scanner
	row   int   // the line read last; the header is row 1
	wants []int // the columns asked for, as places in the row
	names []string
	width int
	cells []string
	ended bool // there is nothing more to read
}

// openTable opens a file, plain or gzip, and reads its header, in which the columns have to be.
func openTable(path string, columns ...string) (*table, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	t, err := newTable(path, f, columns...)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return t, f, nil
}

func newTable(name string, in io.Reader, columns ...string) (*table, error) {
	text := bufio.NewReaderSize(in, 64<<10)
	want := "a header with the columns " + strings.Join(columns, ", ") + ", separated by tabs"
	if magic, _ := text.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(text)
		if err != nil {
			return nil, &fault{File: name, Found: "a damaged gzip file: " + err.Error(), Want: "a whole one"}
		}
		text = bufio.NewReaderSize(z, 64<<10)
	}
	t := &table{name: name, names: columns, lines: bufio.NewScanner(text)}
	t.lines.Buffer(make([]byte, 0, 4096), maxLine)
	line, err := t.next()
	if errors.Is(err, io.EOF) {
		return nil, &fault{File: name, Found: "an empty file", Want: want}
	}
	if err != nil {
		return nil, err
	}
	header := strings.Split(strings.TrimPrefix(line, "\ufeff"), "\t")
	t.width = len(header)
	for _, c := range columns {
		at := slices.Index(header, c)
		if at < 0 || slices.Contains(header[at+1:], c) {
			return nil, &fault{File: name, Row: 1, Column: c, Found: "header " + quoted(strings.Join(header, " ")), Want: want + ", each once"}
		}
		t.wants = append(t.wants, at)
	}
	return t, nil
}

// next returns the next line, [io.EOF] behind the last.
func (t *table) next() (string, error) {
	t.row++
	if t.lines.Scan() {
		return t.lines.Text(), nil
	}
	t.ended = true
	switch err := t.lines.Err(); {
	case err == nil:
		return "", io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return "", &fault{File: t.name, Row: t.row, Found: "a row of more than " + strconv.Itoa(maxLine) + " bytes", Want: "a shorter one"}
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return "", &fault{File: t.name, Row: t.row, Found: "the end of a damaged gzip file: " + err.Error(), Want: "a whole one"}
	default:
		return "", fmt.Errorf("%s, row %d: %w", t.name, t.row, err)
	}
}

// read returns the cells of the next row in the order of the columns asked for, none of them empty; [io.EOF] behind the last row. The
// slice is good until the next call. After a fault in a row reading can go on.
func (t *table) read() ([]string, error) {
	line, err := t.next()
	if err != nil {
		return nil, err
	}
	t.cells = append(t.cells[:0], make([]string, len(t.wants))...)
	at := 0
	for cell := range strings.SplitSeq(line, "\t") {
		if k := slices.Index(t.wants, at); k >= 0 {
			t.cells[k] = cell
		}
		at++
	}
	if at != t.width {
		return nil, &fault{File: t.name, Row: t.row, Found: strconv.Itoa(at) + " cells", Want: strconv.Itoa(t.width) + ", as in the header"}
	}
	for k, cell := range t.cells {
		if cell == "" {
			return nil, &fault{File: t.name, Row: t.row, Column: t.names[k], Found: "nothing", Want: "a value"}
		}
	}
	return t.cells, nil
}

// rows calls a function with each row until the end, and returns everything that is wrong with them.
func (t *table) rows(use func(cells []string) error) error {
	var all faults
	for {
		cells, err := t.read()
		if errors.Is(err, io.EOF) {
			return all.err()
		}
		if err == nil {
			err = use(cells)
		}
		all.add(err)
		if t.ended {
			return all.err()
		}
	}
}
