package approval

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A Relation is what somebody has to do with a piece of work. Hosts may add relations of their own.
type Relation string

// The relations that the shipped separations speak of.
const (
	Requester           Relation = "requester"
	Approver            Relation = "approver"
	Implementer         Relation = "implementer"
	FailedReviewer      Relation = "failed_reviewer" // reviews a change that failed
	Builder             Relation = "builder"
	AcceptanceTester    Relation = "acceptance_tester"
	CIMaintainer        Relation = "ci_maintainer"
	Auditor             Relation = "auditor"
	StockKeeper         Relation = "stock_keeper"
	StockCounter        Relation = "stock_counter"
	Rectifier           Relation = "rectifier" // of a finding
	Verifier            Relation = "verifier"  // of a rectified finding
	Author              Relation = "author"
	Reviewer            Relation = "reviewer"
	ComplaintTarget     Relation = "complaint_target"
	ComplaintHandler    Relation = "complaint_handler"
	SystemAdministrator Relation = "system_administrator"
	SecurityAdmin       Relation = "security_administrator"
	AuditAdmin          Relation = "audit_administrator"

	// Recused and TakenOut are reasons of a [Removal], not duties.
	Recused  Relation = "recused"   // declared a conflict of interest
	TakenOut Relation = "taken_out" // by a change of the electorate
)

// A Pair are two relations that one person must not have to the same piece of work.
type Pair [2]Relation

// mandatory are the separations that no host can take away.
var mandatory = []Pair{
	{Requester, Approver}, {Implementer, Approver}, {Implementer, FailedReviewer}, {Builder, AcceptanceTester},
	{CIMaintainer, Auditor}, {StockKeeper, StockCounter}, {Rectifier, Verifier}, {Author, Reviewer}, {ComplaintTarget, ComplaintHandler},
	{SystemAdministrator, SecurityAdmin}, {SystemAdministrator, AuditAdmin}, {SecurityAdmin, AuditAdmin},
}

// A Separation is a table of relations that must be separate: the mandatory pairs and those of the host. The zero value has the mandatory ones.
// It is immutable and safe for concurrent use.
type Separation struct{ more []Pair }

// NewSeparation returns the mandatory table with more pairs.
func NewSeparation(more ...Pair) (Separation, error) {
	var fs faults
	for i, p := range more {
		if p[0] == "" || p[1] == "" || p[0] == p[1] {
			fs.add(fmt.Sprintf("separation[%d]", i), "%q and %q: want two different relations", p[0], p[1])
		}
	}
	return Separation{slices.Clone(more)}, fs.err()
}

// Pairs returns the table. The slice belongs to the caller.
func (s Separation) Pairs() []Pair { return slices.Concat(mandatory, s.more) }

// Excludes reports whether one person must not have both relations.
func (s Separation) Excludes(a, b Relation) bool {
	match := func(p Pair) bool { return p == Pair{a, b} || p == Pair{b, a} }
	return slices.ContainsFunc(mandatory, match) || slices.ContainsFunc(s.more, match)
}

// A Part is a relation that somebody has, in person or, with For set, as the delegate of somebody else. Both then have it.
type Part struct {
	Relation Relation
	Person   itsm.PersonID
	For      itsm.PersonID // "" when the person acts for nobody else
}

func (p Part) people() []itsm.PersonID {
	if p.For == "" || p.For == p.Person {
		return []itsm.PersonID{p.Person}
	}
	return []itsm.PersonID{p.Person, p.For}
}

// PartOf is the part that an actor takes, a delegation included.
func PartOf(r Relation, a itsm.Actor) Part { return Part{r, a.ID, a.OnBehalfOf} }

// Check returns a reason for each person who has two relations that must be separate, sorted by person.
func (s Separation) Check(parts ...Part) itsm.Reasons {
	type clash struct {
		person itsm.PersonID
		a, b   Relation
	}
	var found []clash
	for i, p := range parts {
		for _, q := range parts[:i] {
			if !s.Excludes(p.Relation, q.Relation) {
				continue
			}
			for _, person := range p.people() {
				if slices.Contains(q.people(), person) {
					found = append(found, clash{person, min(p.Relation, q.Relation), max(p.Relation, q.Relation)})
				}
			}
		}
	}
	slices.SortFunc(found, func(x, y clash) int {
		return cmp.Or(cmp.Compare(x.person, y.person), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
	})
	var rs itsm.Reasons
	for _, c := range slices.Compact(found) {
		rs = append(rs, ruleSeparate.With("person", c.person, "one", c.a, "other", c.b))
	}
	return rs
}
