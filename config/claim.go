package config

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/hospital-itsm/itsm"
)

// ClaimKind is the kind of claims.
const ClaimKind itsm.Kind = "ci_claim"

// A Claim says which item has an identity: a serial number, a label. It has its ID from the identity, so that two items
// that want one identity at the same time meet at one record. Claims are made by [Service] in the unit of work of the write.
type Claim struct {
	itsm.Meta `json:"meta"`

	Key    string  `json:"key"`
	Holder itsm.ID `json:"holder,omitempty"` // "" when nobody has it any more
}

// claimID returns the ID of the claim to an identity.
func claimID(key string) itsm.ID {
	sum := sha256.Sum256([]byte(key))
	return itsm.ID(fmt.Sprintf("%x", sum[:20]))
}

// ClaimCommand is a command on a claim.
type ClaimCommand interface {
	itsm.Command
	claim() (key string, holder itsm.ID)
}

type (
	// take makes a claim, pass gives it to another holder or to nobody.
	take struct {
		Key    string  `json:"key"`
		Holder itsm.ID `json:"holder"`
	}
	pass struct {
		Holder itsm.ID `json:"holder"`
	}
	// Claimed: an item has the identity, or nobody any more.
	Claimed struct {
		Key    string  `json:"key,omitempty"` // in the first entry
		Holder itsm.ID `json:"holder,omitempty"`
	}
)

func (take) CommandName() string        { return "ci_claim.take" }
func (pass) CommandName() string        { return "ci_claim.pass" }
func (take) Creates()                   {}
func (c take) claim() (string, itsm.ID) { return c.Key, c.Holder }
func (c pass) claim() (string, itsm.ID) { return "", c.Holder }
func (Claimed) EventType() string       { return "ci_claim.claimed" }

var errClaimUnit = itsm.NotNow("config.claim_unit", "claims are made together with items only", "标识占用只能随配置项一起变更")

// claimProcess is the process of claims.
type claimProcess struct{}

type claimFacts struct{ inUnit bool }

func (claimProcess) Describe() itsm.Description {
	return itsm.Description{
		Kind: ClaimKind, Prefix: "CLM", Commands: []itsm.Command{take{}, pass{}}, Events: []itsm.Payload{Claimed{}}, Rules: []*itsm.Rule{errClaimUnit},
		Index: []itsm.IndexField{{Name: "holder", Type: itsm.TextValue}}, Phases: []string{"active", "closed"},
	}
}

func (claimProcess) Meta(rec *Claim) *itsm.Meta { return &rec.Meta }

func (claimProcess) Outline(rec Claim) itsm.Outline {
	index := itsm.NewEntries()
	index.Text("holder", string(rec.Holder))
	if rec.Holder == "" {
		return itsm.Outline{State: "free", Phase: "closed", Index: index}
	}
	return itsm.Outline{State: "held", Phase: "active", Index: index}
}

func (claimProcess) Possible(Claim) []string { return []string{"pass"} }

func (claimProcess) Gather(ctx context.Context, _ Claim, _ ClaimCommand, _ itsm.Env) (claimFacts, error) {
	return claimFacts{itsm.InUnit(ctx)}, nil
}

func (p claimProcess) Decide(rec Claim, cmd ClaimCommand, facts claimFacts, env itsm.Env) ([]itsm.Payload, error) {
	d := itsm.NewDraft(ClaimKind, cmd, rec, env, p)
	key, holder := cmd.claim()
	if d.RefuseWhen(!facts.inUnit, errClaimUnit); !d.Failed() && (key != "" || holder != rec.Holder) {
		d.Emit(Claimed{key, holder})
	}
	return d.Result()
}

func (claimProcess) Evolve(rec *Claim, ev *itsm.Event) error {
	e, ok := ev.Payload.(Claimed)
	if !ok {
		return fmt.Errorf("%w: %T is no event of a claim", itsm.ErrInvalid, ev.Payload)
	}
	if e.Key != "" {
		rec.Key = e.Key
	}
	rec.Holder = e.Holder
	return nil
}

// claimRights lets the service make claims on behalf of whoever may write the item. Claims refuse all that is not part of such a write.
type claimRights struct{}

func (claimRights) Authorize(itsm.Request) error { return nil }
func (claimRights) Sight(itsm.Actor) itsm.Sight  { return itsm.Sight{Clearance: itsm.PatientRelated} }
