package itsm

import (
	"fmt"
	"slices"
	"strings"
)

// An Authorizer says who may do and see what. It must be pure and safe for concurrent use.
type Authorizer interface {
	// Authorize returns nil, or the reasons against the request; other errors deny it too.
	Authorize(r Request) error
	// Sight tells how much an actor may see.
	Sight(a Actor) Sight
}

// A Request asks whether an actor may give a command. It is put up to three times: without a record, before anything is
// read; with the record as it is; and with the record as it was and would become. All must be allowed, so nobody can move
// a record into or out of their own reach.
type Request struct {
	Actor   Actor
	Command string // the name of the command, or "itsm.read", "itsm.journal", "itsm.backdate"
	Kind    Kind
	ID      ID  // "" for a record that has none yet
	Before  any // a pointer to the record, which must not be written to; nil when there is none
	After   any // a pointer to the record as it would become, likewise; nil when that is not known yet
}

// Sight is how much an actor may see.
type Sight struct {
	Clearance      Confidentiality // the highest level the actor may read
	Infrastructure bool            // addresses and host names in free text are not masked
}

// A Grant gives a role its permissions, as data.
type Grant struct {
	Role           Role            `json:"role"`
	Commands       []string        `json:"commands,omitempty"` // names, or "incident.*", or "*"
	Clearance      Confidentiality `json:"clearance,omitempty"`
	Infrastructure bool            `json:"infrastructure,omitempty"`

	// Scope restricts the grant to some records. It is asked with a pointer to the record before, and with one to the
	// record after the command; both must be in scope. It must not write to them. nil means all.
	Scope func(a Actor, record any) bool `json:"-"`
}

// A Policy is an [Authorizer] made of grants: what no grant gives is denied. It is immutable.
type Policy struct{ roles map[Role]*rights }

// rights are the grants of a role.
type rights struct {
	sight Sight
	exact map[string][]*Grant // by the command that they name
	wide  []*Grant            // those with a "*"
}

// of returns the grants that cover a command.
func (r *rights) of(command string, yield func(*Grant) bool) {
	for _, g := range r.exact[command] {
		if !yield(g) {
			return
		}
	}
	for _, g := range r.wide {
		if g.covers(command) && !yield(g) {
			return
		}
	}
}

// NewPolicy makes a policy. Grants of one role add up.
func NewPolicy(grants ...Grant) (*Policy, error) {
	p := &Policy{roles: make(map[Role]*rights)}
	for i, g := range grants {
		if g.Role == "" {
			return nil, fmt.Errorf("%w: grant %d has no role", ErrInvalid, i+1)
		}
		for _, c := range g.Commands {
			if star := strings.IndexByte(c, '*'); c == "" || star >= 0 && (star != len(c)-1 || c != "*" && !strings.HasSuffix(c, ".*")) {
				return nil, fmt.Errorf("%w: grant %d of %s: command %q: want a name such as incident.close, or incident.*, or *", ErrInvalid, i+1, g.Role, c)
			}
		}
		g.Commands = slices.Clone(g.Commands)
		p.add(&g)
	}
	return p, nil
}

func (p *Policy) add(g *Grant) {
	r := p.roles[g.Role]
	if r == nil {
		r = &rights{sight: Sight{Clearance: Public}, exact: make(map[string][]*Grant)}
		p.roles[g.Role] = r
	}
	r.sight.Clearance = max(r.sight.Clearance, g.Clearance)
	r.sight.Infrastructure = r.sight.Infrastructure || g.Infrastructure
	wide := false
	for _, c := range g.Commands {
		if strings.HasSuffix(c, "*") {
			wide = true
		} else {
			r.exact[c] = append(r.exact[c], g)
		}
	}
	if wide {
		r.wide = append(r.wide, g)
	}
}

// MustPolicy is [NewPolicy] for grants that are part of the program; it panics on an error.
func MustPolicy(grants ...Grant) *Policy {
	p, err := NewPolicy(grants...)
	if err != nil {
		panic(err)
	}
	return p
}

// covers reports whether a "*" of the grant takes the command in.
func (g *Grant) covers(command string) bool {
	for _, c := range g.Commands {
		if prefix, ok := strings.CutSuffix(c, "*"); ok && strings.HasPrefix(command, prefix) {
			return true
		}
	}
	return false
}

// Authorize implements [Authorizer].
func (p *Policy) Authorize(r Request) error {
	outside := false
	for _, role := range r.Actor.Roles {
		rights := p.roles[role]
		if rights == nil {
			continue
		}
		for g := range func(yield func(*Grant) bool) { rights.of(r.Command, yield) } {
			if g.Scope == nil || (r.Before == nil || g.Scope(r.Actor, r.Before)) && (r.After == nil || g.Scope(r.Actor, r.After)) {
				return nil
			}
			outside = true
		}
	}
	if outside {
		return ruleOutOfScope.With("command", r.Command, "actor", r.Actor.ID)
	}
	return ruleNotPermitted.With("command", r.Command, "actor", r.Actor.ID, "roles", joinRoles(r.Actor.Roles))
}

// Sight implements [Authorizer]: the widest of the actor's roles. A clearance in the actor itself takes the place of that of the roles.
func (p *Policy) Sight(a Actor) Sight {
	s := Sight{Clearance: Public}
	for _, role := range a.Roles {
		if r := p.roles[role]; r != nil {
			s.Clearance = max(s.Clearance, r.sight.Clearance)
			s.Infrastructure = s.Infrastructure || r.sight.Infrastructure
		}
	}
	if a.Clearance != 0 {
		s.Clearance = a.Clearance
	}
	return s
}

func joinRoles(roles []Role) string {
	if len(roles) == 0 {
		return "none"
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

var (
	ruleNotPermitted = Denied("itsm.not_permitted", "{actor} has no permission for {command} (roles: {roles})", "{actor} 没有 {command} 的权限（角色：{roles}）")
	ruleOutOfScope   = Denied("itsm.out_of_scope", "{actor} has the permission for {command}, but not on this record", "{actor} 有 {command} 的权限，但不适用于该记录")
	ruleClearance    = Denied("itsm.clearance", "the record is above the clearance of {actor}", "记录的密级高于 {actor} 的权限")
	ruleUndisclosed  = Denied("itsm.undisclosed", "the hospital has not approved that {employer} may see this record", "医院尚未批准向 {employer} 披露该记录")
	ruleNotFound     = &Rule{code: "itsm.not_found", class: ErrNotFound, en: "there is no {kind} {id}", zh: "没有 {kind} {id}"}
	ruleExists       = &Rule{code: "itsm.exists", class: ErrExists, en: "{kind} {id} exists already", zh: "{kind} {id} 已经存在"}
	ruleNoID         = Invalid("itsm.no_id", "{command} needs the ID of a record", "{command} 需要记录的编号")
	ruleUnknown      = Invalid("itsm.unknown_command", "{kind} has no command {command}", "{kind} 没有命令 {command}")
	ruleFuture       = Invalid("itsm.future", "it cannot have happened at {at}, which is after now ({now})", "发生时间 {at} 晚于当前时间（{now}）")
	ruleBadID        = Invalid("itsm.bad_id", "the ID of the record is wrong: {problem}", "记录编号无效：{problem}")
)

func kernelRules() []*Rule {
	return []*Rule{
		ErrIllegalState, ruleRequired, ruleTooLong, ruleFinal, ruleLevel, ruleSameLevel, ruleDeclassify, ruleReason, rulePast,
		ruleNoReview, ruleOwnReview, ruleHospitalOnly, ruleFieldUnknown, ruleFieldType, ruleFieldChoice, ruleFieldRequired, ruleSecret,
		ruleNotPermitted, ruleOutOfScope, ruleClearance, ruleUndisclosed, ruleNotFound, ruleExists, ruleNoID, ruleUnknown, ruleFuture, ruleBadID, ruleChoice, ruleCode, ruleNegative, ruleAfterNow,
		ErrRetained, ruleForever, ruleHeld, ruleUnsealed, ruleMoreFound,
	}
}
