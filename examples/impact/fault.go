package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A fault is something in a file that cannot be read.
type fault struct {
	File   string
	Row    int    // line of the file, the header is row 1; 0 for the whole file
	Column string // "" for the whole row
	Found  string
	Want   string // what would be right
}

// Error names file, row and column, what was found there and what would be right.
func (f *fault) Error() string {
	place := f.File
	if f.Row > 0 {
		place += ", row " + strconv.Itoa(f.Row)
	}
	if f.Column != "" {
		place += ", column " + f.Column
	}
	return place + ": found " + f.Found + "; want " + f.Want
}

// maxFaults is how many faults are listed; the others are counted.
const maxFaults = 20

// faults collects what is wrong with a file, so that it is told at once.
type faults struct {
	list []error
	more int
}

func (f *faults) add(err error) {
	if err == nil {
		return
	}
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, err)
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	var lines []string
	for _, err := range f.list {
		lines = append(lines, err.Error())
	}
	if f.more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", f.more))
	}
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}

// quoted shows a cell, cut where it is long.
func quoted(cell string) string {
	const most = 60
	if len(cell) > most {
		cell = strings.ToValidUTF8(cell[:most], "") + "…"
	}
	return strconv.Quote(cell)
}
