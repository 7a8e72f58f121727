package calendar

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrHorizon: the answer does not lie within the horizon of the calendar; it may never open again.
	ErrHorizon = errors.New("not within the horizon of the calendar")
	// ErrUnpublished: the answer reaches into dates for which no holiday notice has been published.
	ErrUnpublished = errors.New("reaches into an unpublished year")
	// ErrData: the data of a calendar are faulty.
	ErrData = errors.New("faulty calendar")
)

// A HorizonError says how far was looked in vain. It matches [ErrHorizon].
type HorizonError struct {
	From  time.Time // where the search began
	Until time.Time // where it ended
	Want  string    // what was looked for
}

func (e *HorizonError) Error() string {
	return fmt.Sprintf("calendar: no %s between %s and %s", e.Want, e.From.Format(time.RFC3339), e.Until.Format(time.RFC3339))
}

// Unwrap returns [ErrHorizon].
func (e *HorizonError) Unwrap() error { return ErrHorizon }

// An UnpublishedError names the years without a published notice. It matches [ErrUnpublished].
type UnpublishedError struct {
	Years []int
}

func (e *UnpublishedError) Error() string {
	return fmt.Sprintf("calendar: no holiday notice is published for %s", strings.Trim(fmt.Sprint(e.Years), "[]"))
}

// Unwrap returns [ErrUnpublished].
func (e *UnpublishedError) Unwrap() error { return ErrUnpublished }

// A DataError lists every fault of calendar data. It matches [ErrData].
type DataError struct {
	Faults []Fault
}

// A Fault is one thing wrong, at a place such as `week.mon[1]`.
type Fault struct {
	Place   string
	Problem string
}

func (f Fault) String() string {
	if f.Place == "" {
		return f.Problem
	}
	return f.Place + ": " + f.Problem
}

// Error lists the faults, at most a hundred.
func (e *DataError) Error() string {
	const most = 100
	var all []string
	for _, f := range e.Faults[:min(len(e.Faults), most)] {
		all = append(all, f.String())
	}
	if rest := len(e.Faults) - most; rest > 0 {
		all = append(all, fmt.Sprintf("and %d more", rest))
	}
	return "calendar: " + strings.Join(all, "; ")
}

// Unwrap returns [ErrData].
func (e *DataError) Unwrap() error { return ErrData }

// faults collects what is wrong, with the place.
type faults []Fault

func (f *faults) add(place, format string, args ...any) {
	*f = append(*f, Fault{place, fmt.Sprintf(format, args...)})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &DataError{f}
}
