package scheduler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hospital-itsm/itsm"
)

// A Report tells what one pass did.
type Report struct {
	Now      time.Time     // when the pass began; what was due by then was done
	Woken    int           // wakes that were given
	Handled  int           // events that reactions have handled
	Failed   int           // tries that failed
	Failures []Failure     // the first hundred of them, in the order in which they happened
	GivenUp  int           // events that were given up after the last try
	Waiting  int           // records and events that wait for another try, or for one of an earlier event of their record
	Late     time.Duration // how late the latest was: since a wake was due, since an event was recorded
	Next     time.Time     // when there will be something to do, as far as the store knows; zero when nothing is known
}

// A Failure is a wake or an event that could not be dealt with.
type Failure struct {
	Reaction string    // "" for a wake
	Key      itsm.Key  // the record
	Seq      uint64    // of the event; 0 for a wake
	Due      time.Time // of the wake; of an event, when it was recorded
	Tries    int       // that failed so far, as far as this scheduler knows
	Again    time.Time // when it is tried again; zero when it was given up
	Err      error
}

// String names what failed, and why.
func (f Failure) String() string {
	if f.Reaction == "" {
		return fmt.Sprintf("wake of %s, due %s: %v", f.Key, f.Due.Format(time.RFC3339), f.Err)
	}
	return fmt.Sprintf("reaction %s to %s, event %d: %v", f.Reaction, f.Key, f.Seq, f.Err)
}

const mostFailures = 100 // that a report names

func (s *Scheduler) failed(ctx context.Context, p *pass, f Failure) {
	p.report.Failed++
	if f.Again.IsZero() {
		p.report.GivenUp++
	}
	if len(p.report.Failures) < mostFailures {
		p.report.Failures = append(p.report.Failures, f)
	}
	s.cfg.Logger.WarnContext(ctx, "scheduler job failed", "reaction", f.Reaction, "tenant", f.Key.Tenant, "kind", f.Key.Kind, "id", f.Key.ID,
		"seq", f.Seq, "due", f.Due, "tries", f.Tries, "again", f.Again, "error", problem(f.Err))
}

func (p *pass) late(since time.Time) { p.report.Late = max(p.report.Late, p.now.Sub(since)) }

const longestProblem = 300 // bytes

// problem says in short what went wrong, for places that are kept: of a refusal only the codes, since its sentences may have
// personal data in them.
func problem(err error) string {
	var refused *itsm.RefusedError
	if errors.As(err, &refused) {
		codes := make([]string, len(refused.Reasons))
		for i, r := range refused.Reasons {
			codes[i] = string(r.Code())
		}
		return refused.Command + " refused: " + strings.Join(codes, ", ")
	}
	text := err.Error()
	if len(text) > longestProblem {
		text = text[:longestProblem]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}
