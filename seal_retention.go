package itsm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Retention is the shortest time for which journal entries are kept, in calendar months: "36 months". The zero value is none and not valid.
type Retention int

// Unlimited keeps entries for ever.
const Unlimited Retention = -1

// maxRetention is a thousand years.
const maxRetention Retention = 12_000

// Until returns the instant from which an entry recorded at t need not be kept any more; false when there is none.
func (r Retention) Until(t time.Time) (time.Time, bool) {
	if r == Unlimited {
		return time.Time{}, false
	}
	// A day that the month does not have becomes one of the next month: kept longer, never shorter.
	return t.UTC().AddDate(0, int(r), 0), true
}

func (r Retention) covers(other Retention) bool {
	return r == Unlimited || other != Unlimited && r >= other
}

// String returns "36 months" or "unlimited".
func (r Retention) String() string {
	if r == Unlimited {
		return "unlimited"
	}
	return strconv.Itoa(int(r)) + " months"
}

// ParseRetention reads "36 months", "3 years" or "unlimited".
func ParseRetention(s string) (Retention, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	number, unit, _ := strings.Cut(s, " ")
	n, err := strconv.ParseUint(number, 10, 15)
	switch unit {
	case "months", "month":
	case "years", "year":
		n *= 12
	default:
		err = errors.New("unit")
	}
	if err != nil || n == 0 || n > uint64(maxRetention) || number[0] == '0' {
		return 0, fmt.Errorf("%w: retention %.40q: want a text such as 36 months, 3 years or unlimited, up to 1000 years", ErrInvalid, s)
	}
	return Retention(n), nil
}

// MarshalText writes r as [Retention.String] does.
func (r Retention) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads r as [ParseRetention] does.
func (r *Retention) UnmarshalText(text []byte) error {
	v, err := ParseRetention(string(text))
	if err == nil {
		*r = v
	}
	return err
}

// A RetentionClass says why entries are kept. Hosts may have classes of their own.
type RetentionClass string

// Classes with a shortest time that no policy may fall below. Every entry of a journal is an operation log at least.
const (
	OperationLog     RetentionClass = "operation_log"     // 6 months: Cybersecurity Law of China, art. 21
	EntrustedData    RetentionClass = "entrusted_data"    // 3 years: Network Data Security Regulation, art. 12
	ImpactAssessment RetentionClass = "impact_assessment" // 3 years: Personal Information Protection Law, art. 56
	AssetCard        RetentionClass = "asset_card"        // unlimited
)

// leastRetention returns the shortest time that a class can be given.
func leastRetention(c RetentionClass) Retention {
	switch c {
	case EntrustedData, ImpactAssessment:
		return 36
	case AssetCard:
		return Unlimited
	}
	return 6
}

// A RetentionRule puts entries into a class. It meets an entry that fits one of its kinds and one of its commands; a list without
// patterns fits all. A pattern is a name, or the beginning of one with a star: "itsm.*".
type RetentionRule struct {
	Class    RetentionClass `json:"class"`
	Kinds    []string       `json:"kinds,omitempty"`    // of the record
	Commands []string       `json:"commands,omitempty"` // that led to the entry
	Keep     Retention      `json:"keep"`
}

// A RetentionPolicy says for how long entries are kept, as data. Where several rules meet an entry the longest time counts,
// where none does the default. Time runs from when the entry was recorded, which nobody can set.
type RetentionPolicy struct {
	Rules   []RetentionRule `json:"rules"`
	Default Retention       `json:"default"` // class OperationLog
}

// DefaultRetention keeps everything for 36 months and the cards of assets for ever.
func DefaultRetention() RetentionPolicy {
	return RetentionPolicy{
		Rules: []RetentionRule{
			{Class: AssetCard, Kinds: []string{"asset", "asset.*"}, Keep: Unlimited},
			{Class: EntrustedData, Commands: []string{"itsm.disclose"}, Keep: 36},
			{Class: ImpactAssessment, Kinds: []string{"impact_assessment"}, Keep: 36},
			{Class: OperationLog, Kinds: []string{string(KindCommand)}, Keep: 36},
		},
		Default: 36,
	}
}

// Check reports everything that is wrong with the policy, as ErrInvalid: times below what the class must have, broken patterns.
func (p *RetentionPolicy) Check() error {
	var faults []error
	keep := func(what string, class RetentionClass, keep Retention) {
		least := leastRetention(class)
		switch {
		case keep != Unlimited && (keep < 1 || keep > maxRetention):
			faults = append(faults, fmt.Errorf("%s: it keeps %d months, want 1 to %d, or unlimited", what, int(keep), int(maxRetention)))
		case !keep.covers(least):
			faults = append(faults, fmt.Errorf("%s: %s is kept for %s, at least %s is required", what, class, keep, least))
		}
	}
	keep("default", OperationLog, p.Default)
	for i := range p.Rules {
		r := &p.Rules[i]
		what := fmt.Sprintf("rule %d (%s)", i+1, r.Class)
		if r.Class == "" {
			faults = append(faults, fmt.Errorf("rule %d: the class is missing", i+1))
		}
		for _, pattern := range slices.Concat(r.Kinds, r.Commands) {
			if pattern == "" || strings.Contains(strings.TrimSuffix(pattern, "*"), "*") {
				faults = append(faults, fmt.Errorf("%s: pattern %q: want a name, or its beginning with one star behind it", what, pattern))
			}
		}
		keep(what, r.Class, r.Keep)
	}
	if faults == nil {
		return nil
	}
	return fmt.Errorf("%w: retention policy: %w", ErrInvalid, errors.Join(faults...))
}

// Of returns the class of an entry and for how long it is kept.
func (p *RetentionPolicy) Of(e *Event) (RetentionClass, Retention) {
	return p.of(e.Kind, e.CommandName)
}

func (p *RetentionPolicy) of(kind Kind, command string) (RetentionClass, Retention) {
	class, keep, met := OperationLog, p.Default, false
	for i := range p.Rules {
		r := &p.Rules[i]
		if fits(r.Kinds, string(kind)) && fits(r.Commands, command) && (!met || !keep.covers(r.Keep)) {
			class, keep, met = r.Class, r.Keep, true
		}
	}
	return class, keep
}

func fits(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		begin, star := strings.CutSuffix(p, "*")
		return p == name || star && strings.HasPrefix(name, begin)
	})
}
