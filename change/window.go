package change

import (
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Span is a half-open stretch of time: Start belongs to it, End does not.
type Span struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// Empty reports whether no instant is in the span.
func (s Span) Empty() bool { return !s.Start.Before(s.End) }

// Overlaps reports whether the two spans have an instant in common.
func (s Span) Overlaps(t Span) bool {
	return s.Start.Before(t.End) && t.Start.Before(s.End) && !s.Empty() && !t.Empty()
}

// Contains reports whether the instant is in the span.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.Start) && t.Before(s.End) }

func (s Span) equal(t Span) bool { return s.Start.Equal(t.Start) && s.End.Equal(t.End) }

// Length returns how long the span is, 0 when it is empty.
func (s Span) Length() time.Duration { return max(0, s.End.Sub(s.Start)) }

// common returns what two spans have in common.
func (s Span) common(t Span) Span {
	if t.Start.After(s.Start) {
		s.Start = t.Start
	}
	if t.End.Before(s.End) {
		s.End = t.End
	}
	return s
}

// A Window is when a change is made. The work lies between Start and End. What it occupies is longer: Lead before the
// start, in which what it touches is being prepared, and Reserve after the end, in which nothing happens but backing out.
type Window struct {
	Start   time.Time     `json:"start,omitzero"`
	End     time.Time     `json:"end,omitzero"`
	Lead    itsm.Duration `json:"lead,omitzero"`
	Reserve itsm.Duration `json:"reserve,omitzero"`
}

// IsZero reports whether no window is given.
func (w Window) IsZero() bool { return w == Window{} }

// Work returns the span of the work.
func (w Window) Work() Span { return Span{w.Start, w.End} }

// Occupied returns the span that nobody else may use.
func (w Window) Occupied() Span {
	return Span{w.Start.Add(-w.Lead.Std()), w.Closes()}
}

// Closes returns when everything must be over, backing out included.
func (w Window) Closes() time.Time { return w.End.Add(w.Reserve.Std()) }

// instant returns the window as it is stored.
func (w Window) instant() Window {
	w.Start, w.End = itsm.Instant(w.Start), itsm.Instant(w.End)
	return w
}

// A Fit tells how a procedure and its way back lie in a window.
type Fit struct {
	Work    time.Duration // that all steps take
	Back    time.Duration // that backing out takes after the last step
	Decide  time.Time     // last instant at which backing out after the last step still ends within the window
	Late    int           // number, from 1, of the first step after which there is not enough time to go back; 0 for none
	Missing time.Duration // how much longer the window would have to be
}

// Fits reports whether after every step there is enough time to go back.
func (f Fit) Fits() bool { return f.Late == 0 && f.Missing <= 0 }

// FitOf computes how steps and the way back lie in a window. Going back after k steps takes the fixed duration of the
// backout and the undoing of those k steps. A longer window never makes a plan fit less, a longer step or way back never more.
func FitOf(w Window, steps []Step, back Backout) Fit {
	f := Fit{Back: back.Duration.Std()}
	end := w.Closes()
	for i, s := range steps {
		f.Work += s.Estimate.Std()
		f.Back += s.Undo.Std()
		done := w.Start.Add(f.Work)
		late := max(done.Add(f.Back).Sub(end), done.Sub(w.End))
		if late > 0 && f.Late == 0 {
			f.Late = i + 1
		}
		f.Missing = max(f.Missing, late)
	}
	if len(steps) == 0 {
		f.Missing = max(0, w.Start.Add(f.Back).Sub(end))
	}
	f.Decide = end.Add(-f.Back)
	return f
}

// LastSafe returns the last instant at which backing out still ends within the window when the first begun steps have been
// begun. It never moves later as more steps are begun.
func LastSafe(w Window, steps []Step, back Backout, begun int) time.Time {
	need := back.Duration.Std()
	for _, s := range steps[:min(begun, len(steps))] {
		need += s.Undo.Std()
	}
	return w.Closes().Add(-need)
}
