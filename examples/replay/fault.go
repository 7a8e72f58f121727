package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A fault is something in a log that cannot be read.
type fault struct {
	File   string
	Row    int    // line of the file, the header is row 1; 0 for the whole file
	Column string // "" for the whole row
	Found  string // "" where there is nothing to show
	Want   string // what would be right
}

// Error names file, row and column, what was found there and what would be right.
func (f *fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Row > 0 {
		b.WriteString(", row " + strconv.Itoa(f.Row))
	}
	if f.Column != "" {
		b.WriteString(", column " + f.Column)
	}
	if f.Found != "" {
		b.WriteString(": found " + f.Found + ";")
	} else {
		b.WriteByte(':')
	}
	b.WriteString(" want " + f.Want)
	return b.String()
}

// quoted shows a cell, cut where it is long.
func quoted(cell string) string {
	const most = 60
	if len(cell) > most {
		cut := most
		for cut > most-utf8.UTFMax && !utf8.RuneStart(cell[cut]) {
			cut--
		}
		cell = cell[:cut] + "…"
	}
	return strconv.Quote(cell)
}

// maxErrors is how many faults a report lists; the others are counted.
const maxErrors = 20
