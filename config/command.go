package config

import (
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A Command is a command of the process; it stands here with its rule.
type Command interface {
	itsm.Command
	decide(d *decision)
}

// Authority is the part of every command that writes configuration: the approved change, the release or the correction of an audit that
// it carries out. [Authorisations] is asked whether that holds now.
type Authority struct {
	Under itsm.Ref `json:"under"`
}

func (a Authority) authority() (itsm.Ref, []Standing) { return a.Under, []Standing{Underway} }

// write is a command that names its authority, and how far that must have come.
type write interface {
	authority() (itsm.Ref, []Standing)
}

// Under returns the part of a command that names its authority.
func Under(authority itsm.Ref) Authority { return Authority{authority} }

// The commands that write the configuration. Each names its [Authority].
type (
	// Register brings in a new item. It is pending until it is labelled and accepted, or planned if it is not there yet.
	Register struct {
		Authority
		Class      string                `json:"class"`
		Name       string                `json:"name"`
		Planned    bool                  `json:"planned,omitempty"`
		Attributes map[string]itsm.Value `json:"attributes,omitempty"`
		Source     Source                `json:"source,omitzero"` // defaults to manual
	}
	// Update changes attributes of a registered item, perhaps its name. An attribute without a value is taken away.
	Update struct {
		Authority
		Name       string                `json:"name,omitempty"`
		Attributes map[string]itsm.Value `json:"attributes,omitempty"`
		Source     Source                `json:"source,omitzero"` // defaults to manual
	}
	// Reclassify makes it an item of another class. Attributes that the other class does not have must be taken away before.
	Reclassify struct {
		Authority
		Class string `json:"class"`
	}
	// AffixLabel labels it. A label belongs to one item.
	AffixLabel struct {
		Authority
		Code string    `json:"code"`
		Form LabelForm `json:"form"`
	}
	// Accept takes a labelled item under control.
	Accept struct{ Authority }
	// Move takes a step of the lifecycle that has no command of its own.
	Move struct {
		Authority
		Step   Transition `json:"step"`
		Status string     `json:"status,omitempty"` // in the new state; defaults to the first that the class declares
	}
	// Dispose ends the life of a withdrawn item to which nothing relates. Its own relations end with it.
	Dispose struct{ Authority }
	// SetStatus says what it is within its state.
	SetStatus struct {
		Authority
		Status string `json:"status"`
	}
	// Link makes it relate to another item. With Replace the relations of the type that are too many end.
	Link struct {
		Authority
		Type       string                `json:"type"`
		To         itsm.ID               `json:"to"`
		Attributes map[string]itsm.Value `json:"attributes,omitempty"`
		Replace    bool                  `json:"replace,omitempty"`
	}
	// Unlink ends a relation.
	Unlink struct {
		Authority
		Type string  `json:"type"`
		To   itsm.ID `json:"to"`
	}
	// AddDocument adds a document, or another version of one.
	AddDocument struct {
		Authority
		Ref     string      `json:"ref"`
		Version string      `json:"version"`
		Title   string      `json:"title,omitempty"`
		Digest  itsm.Digest `json:"digest,omitzero"`
	}
	// DropDocument takes a document away.
	DropDocument struct {
		Authority
		Ref string `json:"ref"`
	}
	// SetGroup says that some of what it depends on stands in for each other; without members a group is no more.
	SetGroup struct {
		Authority
		Group
	}
)

// The commands about what is planned.
type (
	// PlanChange says what an approved authority will make of the item. Another plan of the same authority takes the place of the first.
	PlanChange struct {
		Authority
		Step       Transition            `json:"step,omitempty"`
		Attributes map[string]itsm.Value `json:"attributes,omitempty"`
		Due        time.Time             `json:"due,omitzero"`
	}
	// RealisePlan makes what an authority planned current, when it is being carried out or was.
	RealisePlan struct{ Authority }
	// WithdrawPlan drops what an authority planned, because it will not be carried out; for another cause it needs a reason.
	WithdrawPlan struct{ Authority }
)

// The commands about scope, evidence and duplicates.
type (
	// LeaveScope takes an item out of control: one of a class that must be under control only under an authority.
	LeaveScope struct {
		Authority
		Why string `json:"why"`
	}
	// EnterScope takes it under control again.
	EnterScope struct{}
	// Observe tells what sources saw of the item. It changes observed attributes only.
	Observe struct {
		Sightings []Sighting `json:"sightings"`
	}
	// LockAttribute sets an observed attribute by hand, until a time.
	LockAttribute struct {
		Attribute string     `json:"attribute"`
		Value     itsm.Value `json:"value"`
		Until     time.Time  `json:"until"`
		Why       string     `json:"why"`
	}
	// UnlockAttribute lets sources tell what the attribute is again.
	UnlockAttribute struct {
		Attribute string `json:"attribute"`
	}
	// SuspectDuplicate says that other items may be the same one. Nothing is merged by it.
	SuspectDuplicate struct {
		Suspects []Suspect `json:"suspects"`
	}
	// ClearSuspect says that another item is not the same one.
	ClearSuspect struct {
		Item itsm.ID `json:"item"`
	}
	// Merge says that it is the same item as another, which goes on. Both keep their histories. [Service.Do] changes both at once.
	Merge struct {
		Authority
		Into itsm.ID `json:"into"`
	}
	// Unmerge says that it is an item of its own after all.
	Unmerge struct{ Authority }
	// Tick lets everything happen whose time has come. The scheduler gives it; nobody has to.
	Tick struct{}

	// attach is the other side of Link and Unlink, absorb that of Merge and Unmerge.
	attach struct {
		Authority
		Type   string  `json:"type"`
		From   itsm.ID `json:"from"`
		Detach bool    `json:"detach,omitempty"`
	}
	absorb struct {
		Authority
		Item   itsm.ID  `json:"item"`
		Keys   []string `json:"keys,omitempty"`
		Return bool     `json:"return,omitempty"`
	}
)

func (Register) CommandName() string         { return "ci.register" }
func (Update) CommandName() string           { return "ci.update" }
func (Reclassify) CommandName() string       { return "ci.reclassify" }
func (AffixLabel) CommandName() string       { return "ci.affix_label" }
func (Accept) CommandName() string           { return "ci.accept" }
func (Move) CommandName() string             { return "ci.move" }
func (Dispose) CommandName() string          { return "ci.dispose" }
func (SetStatus) CommandName() string        { return "ci.set_status" }
func (Link) CommandName() string             { return "ci.link" }
func (Unlink) CommandName() string           { return "ci.unlink" }
func (AddDocument) CommandName() string      { return "ci.add_document" }
func (DropDocument) CommandName() string     { return "ci.drop_document" }
func (SetGroup) CommandName() string         { return "ci.set_group" }
func (PlanChange) CommandName() string       { return "ci.plan_change" }
func (RealisePlan) CommandName() string      { return "ci.realise_plan" }
func (WithdrawPlan) CommandName() string     { return "ci.withdraw_plan" }
func (LeaveScope) CommandName() string       { return "ci.leave_scope" }
func (EnterScope) CommandName() string       { return "ci.enter_scope" }
func (Observe) CommandName() string          { return "ci.observe" }
func (LockAttribute) CommandName() string    { return "ci.lock_attribute" }
func (UnlockAttribute) CommandName() string  { return "ci.unlock_attribute" }
func (SuspectDuplicate) CommandName() string { return "ci.suspect_duplicate" }
func (ClearSuspect) CommandName() string     { return "ci.clear_suspect" }
func (Merge) CommandName() string            { return "ci.merge" }
func (Unmerge) CommandName() string          { return "ci.unmerge" }
func (Tick) CommandName() string             { return "ci.tick" }
func (attach) CommandName() string           { return "ci.attach" }
func (absorb) CommandName() string           { return "ci.absorb" }

// Creates marks the command that makes an item.
func (Register) Creates() {}

func (c PlanChange) authority() (itsm.Ref, []Standing) {
	return c.Under, []Standing{Approved, Underway}
}
func (c RealisePlan) authority() (itsm.Ref, []Standing) { return c.Under, []Standing{Underway, Done} }
func (c WithdrawPlan) authority() (itsm.Ref, []Standing) {
	return c.Under, nil // it takes nothing but what was planned; see its rule
}

func commands() []itsm.Command {
	return []itsm.Command{
		Register{}, Update{}, Reclassify{}, AffixLabel{}, Accept{}, Move{}, Dispose{}, SetStatus{}, Link{}, Unlink{}, AddDocument{}, DropDocument{}, SetGroup{},
		PlanChange{}, RealisePlan{}, WithdrawPlan{}, LeaveScope{}, EnterScope{}, Observe{}, LockAttribute{}, UnlockAttribute{}, SuspectDuplicate{}, ClearSuspect{},
		Merge{}, Unmerge{}, Tick{}, attach{}, absorb{},
	}
}

func (c Register) decide(d *decision) {
	d.authorised(c)
	d.Need("name", c.Name)
	d.Length("name", c.Name, 300)
	source := d.source(c.Source)
	cl := d.p.model.classes[c.Class]
	if cl == nil || cl.Abstract || cl.Mixin {
		d.Refuse(ruleClass.With("class", c.Class))
		return
	}
	d.values(c.Class, c.Attributes)
	for _, name := range sorted(c.Attributes) {
		d.RefuseWhen(c.Attributes[name].IsZero(), ruleBlank, "field", name)
	}
	d.unique()
	if d.Failed() {
		return
	}
	state := StatePending
	if c.Planned {
		state = StatePlanned
	}
	w := d.write(c.Under)
	d.Emit(Registered{Write: w, Lifecycle: d.p.machine.Version(), Class: c.Class, Name: c.Name, State: state, Status: d.p.model.status(c.Class, state), Source: source})
	if len(c.Attributes) > 0 {
		d.Emit(Set{Write: w, Source: source, Values: c.Attributes})
	}
}

func (c Update) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.Length("name", c.Name, 300)
	source := d.source(c.Source)
	d.RefuseWhen(strings.TrimSpace(c.Name) == "" && len(c.Attributes) == 0, ruleNothing)
	d.values(d.Rec.Class, c.Attributes)
	d.notBefore(d.Rec.Created)
	if c.Name != "" {
		d.notBefore(d.Rec.Written)
	}
	d.unique()
	d.keepsRequired(c.Attributes)
	if d.Failed() {
		return
	}
	d.set(c.Under, source, c.Attributes)
	if c.Name != "" && c.Name != d.Rec.Name {
		d.Emit(Renamed{Write: d.write(c.Under), Name: c.Name})
	}
}

// set emits those values that change something, now or in the past.
func (d *decision) set(under itsm.Ref, source Source, values map[string]itsm.Value) {
	changed := map[string]itsm.Value{}
	for _, name := range sorted(values) {
		old := d.Rec.find(name)
		if old == nil && values[name].IsZero() || old != nil && old.Value == values[name] && !d.Env.At.Before(old.Since) {
			continue
		}
		changed[name] = values[name]
	}
	if len(changed) > 0 {
		d.Emit(Set{Write: d.write(under), Source: source, Values: changed})
	}
}

// keepsRequired refuses to take away from an item under control what it must have.
func (d *decision) keepsRequired(values map[string]itsm.Value) {
	if !d.Rec.Controlled() || d.p.policy.Depth != Refuse {
		return
	}
	var gone []string
	for _, name := range sorted(values) {
		if a := d.p.model.attribute(d.Rec.Class, name); a != nil && a.Required && values[name].IsZero() {
			gone = append(gone, name)
		}
	}
	d.RefuseWhen(len(gone) > 0, ruleMissing, "fields", strings.Join(gone, ", "))
}

func (c Reclassify) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.notBefore(d.Rec.Written)
	cl := d.p.model.classes[c.Class]
	if cl == nil || cl.Abstract || cl.Mixin {
		d.Refuse(ruleClass.With("class", c.Class))
		return
	}
	if c.Class == d.Rec.Class {
		return
	}
	for _, v := range d.Rec.Attributes {
		a := d.p.model.attribute(c.Class, v.Name)
		switch {
		case v.Value.IsZero():
		case a == nil:
			d.Refuse(ruleAttribute.With("class", c.Class, "field", v.Name))
		default:
			if r, ok := d.p.model.check(a, v.Value); !ok {
				d.Refuse(r)
			}
		}
	}
	for _, r := range d.Rec.Relations {
		if r.Current() {
			to := d.facts.Classes[r.To]
			d.RefuseWhen(!d.p.model.Allows(r.Type, c.Class, to), ruleEnds, "type", r.Type, "from", c.Class, "to", to)
		}
	}
	for _, in := range d.facts.Incoming {
		d.RefuseWhen(!d.p.model.Allows(in.Type, d.facts.Classes[in.From], c.Class), ruleEnds, "type", in.Type, "from", d.facts.Classes[in.From], "to", c.Class)
	}
	if d.Rec.Controlled() && d.p.policy.Depth == Refuse {
		d.complete(c.Class)
	}
	d.unique()
	if d.Failed() {
		return
	}
	d.Emit(Reclassified{Write: d.write(c.Under), Class: c.Class, Status: d.p.model.status(c.Class, d.Rec.State)})
}

func (c AffixLabel) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.notBefore(d.Rec.Written)
	d.Need("code", c.Code)
	d.Code("code", c.Code)
	d.Choice("form", string(c.Form), "physical, logical", c.Form == Physical || c.Form == Logical)
	d.unique()
	if d.Failed() || c.Code == d.Rec.Label.Code && c.Form == d.Rec.Label.Form {
		return
	}
	d.Emit(Labelled{Write: d.write(c.Under), Code: c.Code, Form: c.Form})
}

func (c Accept) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.RefuseWhen(d.Rec.Label.Code == "", ruleNoLabel)
	if d.p.policy.Depth == Refuse {
		d.complete(d.Rec.Class)
	}
	var suspects []string
	for _, s := range d.Rec.Suspects {
		suspects = append(suspects, string(s.Item))
	}
	d.RefuseWhen(len(suspects) > 0, ruleSuspect, "items", strings.Join(suspects, ", "))
	d.step(c.Under, DoAccept, "")
}

// complete asks for the required attributes of a class.
func (d *decision) complete(class string) {
	missing := d.p.model.missing(class, d.Rec.Get)
	d.RefuseWhen(len(missing) > 0, ruleMissing, "fields", strings.Join(missing, ", "))
}

// missing returns the required attributes of a class that have no value, sorted.
func (m *Model) missing(name string, value func(string) itsm.Value) (names []string) {
	if c := m.classes[name]; c != nil {
		for _, a := range c.attributes {
			if a.Required && value(a.Name).IsZero() {
				names = append(names, a.Name)
			}
		}
	}
	return names
}

func (c Move) decide(d *decision) {
	d.authorised(c)
	d.writable()
	switch {
	case c.Step == DoAccept || c.Step == DoDispose:
		d.Refuse(ruleStep.With("step", c.Step))
	case !d.p.machine.HasEvent(c.Step):
		d.Refuse(ruleNoStep.With("step", c.Step))
	}
	d.step(c.Under, c.Step, c.Status)
}

// step moves the item, when nothing speaks against it so far.
func (d *decision) step(under itsm.Ref, step Transition, status string) {
	d.notBefore(d.Rec.Since)
	from := d.Rec.State
	if to, ok := d.p.machine.Next(from, step); ok {
		d.status(to, status)
		if to == StateLive {
			d.least(d.Rec.Class)
		}
	}
	to := lifecycle.Advance(d.Draft, d.p.machine, from, step)
	if d.Failed() {
		return
	}
	if status == "" {
		status = d.p.model.status(d.Rec.Class, to)
	}
	d.Emit(Moved{Write: d.write(under), Step: step, From: from, State: to, Status: status})
}

// status asks that a status is one of those that the class has in a state.
func (d *decision) status(s State, status string) {
	if all := d.p.model.Statuses(d.Rec.Class, s); status != "" && !slices.Contains(all, status) {
		d.Refuse(ruleStatus.With("status", status, "class", d.Rec.Class, "state", s, "want", strings.Join(all, ", ")))
	}
}

func (c Dispose) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.local("dispose")
	var from []string
	for _, in := range d.facts.Incoming {
		from = append(from, string(in.From))
	}
	slices.Sort(from)
	if from = slices.Compact(from); len(from) > 0 {
		shown := from[:min(len(from), 10)]
		d.Refuse(ruleRelated.With("items", strings.Join(shown, ", ")))
	}
	d.notBefore(d.Rec.Written)
	d.step(c.Under, DoDispose, "")
	if d.Failed() {
		return
	}
	for _, r := range d.Rec.Relations {
		if r.Current() {
			d.Emit(Unlinked{Write: d.write(c.Under), Type: r.Type, To: r.To})
		}
	}
	for _, g := range d.Rec.Redundancy {
		d.Emit(Grouped{Write: d.write(c.Under), Group: Group{Name: g.Name}})
	}
	for _, p := range d.Rec.Plans {
		d.Emit(PlanDropped{Under: p.Under})
	}
}

func (c SetStatus) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.notBefore(d.Rec.Written)
	d.Need("status", c.Status)
	d.status(d.Rec.State, c.Status)
	if d.Failed() || c.Status == d.Rec.Status {
		return
	}
	d.Emit(StatusSet{Write: d.write(c.Under), Status: c.Status})
}

func (c AddDocument) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.notBefore(d.Rec.Written)
	d.Need("ref", c.Ref)
	d.Need("version", c.Version)
	d.Code("ref", c.Ref)
	d.Code("version", c.Version)
	d.Length("title", c.Title, 500)
	for _, doc := range d.Rec.Documents {
		d.RefuseWhen(doc.Ref == c.Ref && doc.Version == c.Version, ruleSameDocument, "ref", c.Ref, "version", c.Version)
	}
	if d.Failed() {
		return
	}
	d.Emit(Documented{Write: d.write(c.Under), Document: Document{Ref: c.Ref, Version: c.Version, Title: c.Title, Digest: c.Digest}})
}

func (c DropDocument) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.notBefore(d.Rec.Written)
	d.RefuseWhen(!slices.ContainsFunc(d.Rec.Documents, func(doc Document) bool { return doc.Ref == c.Ref }), ruleNoDocument, "ref", c.Ref)
	if d.Failed() {
		return
	}
	d.Emit(Undocumented{Write: d.write(c.Under), Ref: c.Ref})
}
