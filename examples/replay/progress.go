package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells on a terminal how far a run has come. The zero value tells nothing.
type progress struct {
	out   io.Writer // nil for none
	total int       // rows
	began time.Time
	told  time.Time
	seen  func() // for tests: called for every incident
}

// terminal returns the file if it is one, else nil.
func terminal(f *os.File) io.Writer {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}

func (p *progress) start(rows int) { p.total, p.began = rows, time.Now() }

// show tells how many rows were read.
func (p *progress) show(rows int) {
	if p.seen != nil {
		p.seen()
	}
	now, due := p.due()
	if !due || rows == 0 {
		return
	}
	took := now.Sub(p.began)
	left := time.Duration(float64(took) / float64(rows) * float64(p.total-rows)).Round(time.Second)
	fmt.Fprintf(p.out, "\r\x1b[K%s of %s rows (%d %%), %s rows/s, %v left", grouped(rows), grouped(p.total), rows*100/max(p.total, 1),
		grouped(int(float64(rows)/took.Seconds())), left)
}

// check tells how many journals were checked.
func (p *progress) check(records int) {
	if _, due := p.due(); due {
		fmt.Fprintf(p.out, "\r\x1b[Kjournals of %s checked", plural(records, "record"))
	}
}

// due reports whether enough time has passed to tell something.
func (p *progress) due() (now time.Time, due bool) {
	if p.out == nil {
		return now, false
	}
	now = time.Now()
	if now.Sub(p.told) < 200*time.Millisecond || now.Sub(p.began) < 500*time.Millisecond {
		return now, false
	}
	p.told = now
	return now, true
}

// end clears the line.
func (p *progress) end() {
	if p.out != nil && !p.told.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
