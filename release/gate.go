package release

import (
	"time"

	"github.com/hospital-itsm/itsm"
)

// An Answer is one of the three values of a gate.
type Answer string

// The answers. Unknown is never a pass.
const (
	Passed  Answer = "passed"
	Failed  Answer = "failed"
	Unknown Answer = "unknown"
)

// Answers returns all answers.
func Answers() []Answer { return []Answer{Passed, Failed, Unknown} }

// A GateResult is an answer with what it is about.
type GateResult struct {
	Gate        string        `json:"gate"`
	Answer      Answer        `json:"answer"`
	Measures    []Reading     `json:"measures,omitempty"`
	Evidence    string        `json:"evidence,omitempty" itsm:"personal,text"`
	Manifest    itsm.Digest   `json:"manifest"`
	Environment itsm.Digest   `json:"environment"`
	By          itsm.PersonID `json:"by"`
	At          time.Time     `json:"at"`
}

// A Reading is the value of a measure.
type Reading struct {
	Measure string  `json:"measure"`
	Value   float64 `json:"value"`
}

// Judge answers the gate from readings: failed when a limit is broken, else unknown when a measure of a limit is not
// known, else passed. A gate without limits is unknown; a person answers it.
func (g *Gate) Judge(readings []Reading) Answer {
	answer := Passed
	if len(g.Limits) == 0 {
		answer = Unknown
	}
	for _, l := range g.Limits {
		r := find(readings, func(r *Reading) bool { return r.Measure == l.Measure })
		switch {
		case r == nil || r.Value != r.Value: // NaN is no reading
			answer = Unknown
		case l.Bound == AtMost && r.Value > l.Value, l.Bound == AtLeast && r.Value < l.Value:
			return Failed
		}
	}
	return answer
}

// Reaction returns what follows from an answer; "" when the gate is passed.
func (g *Gate) Reaction(a Answer) Reaction {
	switch a {
	case Passed:
		return ""
	case Failed:
		if g.OnFailed != "" {
			return g.OnFailed
		}
		return ReactHalt
	}
	if g.OnUnknown != "" {
		return g.OnUnknown
	}
	return ReactWait
}

// Answer returns how a gate stands. Evidence about another manifest or another environment than the present ones is no
// evidence: the answer is then unknown.
func (r *Release) Answer(gate string) Answer {
	g := find(r.Gates, func(g *GateResult) bool { return g.Gate == gate })
	if g == nil || g.Manifest != r.Plan.Manifest.Digest() || g.Environment != r.environment() {
		return Unknown
	}
	return g.Answer
}

// environment is the fingerprint that evidence is bound to.
func (r *Release) environment() itsm.Digest {
	if r.Inspection == nil {
		return itsm.Digest{}
	}
	return r.Inspection.Environment
}

// gatesBefore lists the gates at a point that are not passed.
func (r *Release) gatesBefore(point GatePoint, wave string) (closed []string) {
	for i := range r.Plan.Gates {
		g := &r.Plan.Gates[i]
		if g.Before == point && g.Wave == wave && r.Answer(g.Key) != Passed {
			closed = append(closed, g.Key+" ("+string(r.Answer(g.Key))+")")
		}
	}
	return closed
}
