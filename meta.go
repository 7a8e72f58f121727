package itsm

import (
	"maps"
	"slices"
	"time"
)

// Meta is the part that every record has: embed it first in the record, with the JSON tag "meta".
type Meta struct {
	ID          ID               `json:"id"`
	Tenant      Tenant           `json:"tenant"`
	Version     uint64           `json:"version"` // sequence number of the last event that changed the record
	Created     time.Time        `json:"created"` // when the record began to be, in the world
	Updated     time.Time        `json:"updated"` // when the last event was recorded
	CreatedBy   PersonID         `json:"created_by"`
	Level       Confidentiality  `json:"level"`
	Fields      map[string]Value `json:"fields,omitempty"` // of the host
	Attachments []Attachment     `json:"attachments,omitempty"`
	Notes       int              `json:"notes,omitempty"`        // entries in the work log
	PublicNotes int              `json:"public_notes,omitempty"` // of them those that the user sees
	Disclosures []Disclosure     `json:"disclosures,omitempty"`
	Reviews     []AccessReview   `json:"reviews,omitempty"` // emergency accesses that nobody has reviewed yet
	Erased      bool             `json:"erased,omitempty"`  // personal data were erased
}

// begin fills in what a record owes to its first event.
func (m *Meta) begin(ev *Event) {
	m.ID, m.Tenant, m.Created, m.CreatedBy = ev.ID, ev.Tenant, ev.At, ev.Actor
}

// Ref returns the reference to the record, given its kind.
func (m *Meta) Ref(k Kind) Ref { return Ref{k, m.ID} }

// An Attachment refers to a document that the host keeps.
type Attachment struct {
	Name   string    `json:"name" itsm:"personal,text"`
	Ref    string    `json:"ref"`              // the host's own reference
	Size   int64     `json:"size,omitempty"`   // bytes
	Digest Digest    `json:"digest,omitzero"`  // of the content
	Public bool      `json:"public,omitempty"` // the user sees it
	By     PersonID  `json:"by"`
	At     time.Time `json:"at"`
}

// A Disclosure is the hospital's recorded approval that a supplier may read a record.
type Disclosure struct {
	To    string    `json:"to"` // the supplier, as in [Actor.Employer]
	Until time.Time `json:"until"`
	By    PersonID  `json:"by"`
}

// An AccessReview is an emergency access that somebody else has to look at.
type AccessReview struct {
	Seq    uint64    `json:"seq"` // of the access in the journal
	By     PersonID  `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason" itsm:"text"`
}

// The commands that every record takes.
type (
	// Note adds an entry to the work log.
	Note struct {
		Text   string `json:"text"`
		Public bool   `json:"public,omitempty"` // the user sees it in the timeline
	}
	// Attach refers to a document that the host keeps.
	Attach struct {
		Name   string `json:"name"`
		Ref    string `json:"ref"`
		Size   int64  `json:"size,omitempty"`
		Digest Digest `json:"digest,omitzero"`
		Public bool   `json:"public,omitempty"`
	}
	// SetFields sets fields of the host; no value clears a field.
	SetFields struct {
		Fields map[string]Value `json:"fields"`
	}
	// Classify sets the confidentiality level. Who may handle a record may raise it; lowering it is a permission of its own
	// ("itsm.declassify") and needs a reason.
	Classify struct {
		Level Confidentiality `json:"level"`
	}
	// Disclose approves, for the hospital, that a supplier may read the record until an instant.
	Disclose struct {
		To    string    `json:"to"`
		Until time.Time `json:"until"`
	}
	// ReviewAccess closes the review of an emergency access. It must be somebody else than who had the access.
	ReviewAccess struct {
		Seq     uint64 `json:"seq"`
		Finding string `json:"finding"`
	}
	// Unmask reads the record in the clear; [Service.Unmask] gives the result. It needs a reason.
	Unmask struct{}
	// EmergencyAccess reads the record past its confidentiality; [Service.Emergency] gives the result. It needs a reason, and leaves a review.
	EmergencyAccess struct{}
	// ErasePersonal erases the personal data of the record and of its journal; see [Service.Erase]. It needs a reason.
	ErasePersonal struct{}
)

// The names of the common commands are the same for every kind; the kind is in the journal.

func (Note) CommandName() string            { return "itsm.note" }
func (Attach) CommandName() string          { return "itsm.attach" }
func (SetFields) CommandName() string       { return "itsm.set_fields" }
func (Classify) CommandName() string        { return "itsm.classify" }
func (Disclose) CommandName() string        { return "itsm.disclose" }
func (ReviewAccess) CommandName() string    { return "itsm.review_access" }
func (Unmask) CommandName() string          { return "itsm.unmask" }
func (EmergencyAccess) CommandName() string { return "itsm.emergency_access" }
func (ErasePersonal) CommandName() string   { return "itsm.erase_personal" }

// CommonCommands returns a zero value of each command that every record takes.
func CommonCommands() []Command {
	return []Command{Note{}, Attach{}, SetFields{}, Classify{}, Disclose{}, ReviewAccess{}, Unmask{}, EmergencyAccess{}, ErasePersonal{}}
}

// The events of the common commands.
type (
	// Noted: an entry was added to the work log.
	Noted struct {
		Text   string `json:"text,omitempty" itsm:"personal,text"`
		Public bool   `json:"public,omitempty"`
	}
	// Attached: a document was referred to.
	Attached struct {
		Attachment Attachment `json:"attachment"`
	}
	// FieldsSet: fields of the host were set or, where the value is null, cleared.
	FieldsSet struct {
		Fields map[string]Value `json:"fields"`
	}
	// Classified: the confidentiality level was set.
	Classified struct {
		From Confidentiality `json:"from"`
		To   Confidentiality `json:"to"`
	}
	// Disclosed: the hospital approved that a supplier reads the record.
	Disclosed struct {
		To    string    `json:"to"`
		Until time.Time `json:"until"`
	}
	// Unmasked: somebody read the record in the clear.
	Unmasked struct{}
	// EmergencyAccessed: somebody read the record past its confidentiality.
	EmergencyAccessed struct{}
	// AccessReviewed: an emergency access was reviewed.
	AccessReviewed struct {
		Seq     uint64 `json:"seq"`
		Finding string `json:"finding" itsm:"text"`
	}
	// PersonalErased: the personal data of the record and of its journal up to here were erased.
	PersonalErased struct{}
)

func (Noted) EventType() string             { return "itsm.noted" }
func (Attached) EventType() string          { return "itsm.attached" }
func (FieldsSet) EventType() string         { return "itsm.fields_set" }
func (Classified) EventType() string        { return "itsm.classified" }
func (Disclosed) EventType() string         { return "itsm.disclosed" }
func (Unmasked) EventType() string          { return "itsm.unmasked" }
func (EmergencyAccessed) EventType() string { return "itsm.emergency_accessed" }
func (AccessReviewed) EventType() string    { return "itsm.access_reviewed" }
func (PersonalErased) EventType() string    { return "itsm.personal_erased" }

// commonEvent is an event that the kernel applies itself.
type commonEvent interface {
	Payload
	applyMeta(m *Meta, ev *Event)
}

func commonEvents() []Payload {
	return []Payload{Noted{}, Attached{}, FieldsSet{}, Classified{}, Disclosed{}, Unmasked{}, EmergencyAccessed{}, AccessReviewed{}, PersonalErased{}, Refused{}}
}

func (e Noted) applyMeta(m *Meta, _ *Event) {
	m.Notes++
	if e.Public {
		m.PublicNotes++
	}
}

func (e Attached) applyMeta(m *Meta, _ *Event) {
	m.Attachments = append(slices.Clip(m.Attachments), e.Attachment)
}

func (e FieldsSet) applyMeta(m *Meta, _ *Event) {
	fields := maps.Clone(m.Fields)
	if fields == nil {
		fields = make(map[string]Value, len(e.Fields))
	}
	for name, v := range e.Fields { //maporder: writes into a map
		if v.IsZero() {
			delete(fields, name)
		} else {
			fields[name] = v
		}
	}
	if len(fields) == 0 {
		fields = nil
	}
	m.Fields = fields
}

func (e Classified) applyMeta(m *Meta, _ *Event) { m.Level = e.To }

func (e Disclosed) applyMeta(m *Meta, ev *Event) {
	m.Disclosures = append(slices.Clip(m.Disclosures), Disclosure{e.To, e.Until, ev.Actor})
}

func (Unmasked) applyMeta(*Meta, *Event) {}

func (EmergencyAccessed) applyMeta(m *Meta, ev *Event) {
	m.Reviews = append(slices.Clip(m.Reviews), AccessReview{ev.Seq, ev.Actor, ev.At, ev.Reason})
}

func (e AccessReviewed) applyMeta(m *Meta, _ *Event) {
	m.Reviews = slices.DeleteFunc(slices.Clone(m.Reviews), func(r AccessReview) bool { return r.Seq == e.Seq })
	if len(m.Reviews) == 0 {
		m.Reviews = nil
	}
}

func (PersonalErased) applyMeta(m *Meta, _ *Event) { m.Erased = true }

// The reasons of the common commands.
var (
	ruleRequired      = Invalid("itsm.required", "{field} is missing", "缺少 {field}")
	ruleTooLong       = Invalid("itsm.too_long", "{field} has {length} bytes, at most {most} are allowed", "{field} 长 {length} 字节，最多 {most} 字节")
	ruleFinal         = NotNow("itsm.final", "the record is {state} and cannot be changed any more", "记录已处于 {state} 状态，不能再修改")
	ruleLevel         = Invalid("itsm.level", "the level {level} is not one of public, internal, sensitive, patient_related", "密级 {level} 无效，应为 public、internal、sensitive 或 patient_related")
	ruleSameLevel     = NotNow("itsm.same_level", "the record has the level {level} already", "记录的密级已经是 {level}")
	ruleDeclassify    = Denied("itsm.declassify_denied", "lowering the level from {from} to {to} needs the permission to declassify", "将密级从 {from} 降为 {to} 需要降密权限")
	ruleReason        = Invalid("itsm.reason_missing", "{command} needs a reason", "{command} 需要说明理由")
	rulePast          = Invalid("itsm.past", "{field} {time} lies in the past", "{field} {time} 已经过去")
	ruleNoReview      = NotNow("itsm.no_review", "there is no emergency access {seq} that waits for a review", "没有待审核的紧急访问 {seq}")
	ruleOwnReview     = Denied("itsm.own_review", "an emergency access is reviewed by somebody else than who had it", "紧急访问须由本人以外的人审核")
	ruleHospitalOnly  = Denied("itsm.hospital_only", "only the hospital itself may approve a disclosure", "只有医院自身可以批准对外披露")
	ruleFieldUnknown  = Invalid("itsm.field_unknown", "there is no field {field}; declared are {declared}", "没有字段 {field}；已声明的有 {declared}")
	ruleFieldType     = Invalid("itsm.field_type", "field {field} is a {want}, got a {got}", "字段 {field} 的类型是 {want}，得到的是 {got}")
	ruleFieldChoice   = Invalid("itsm.field_choice", "field {field} must be one of {choices}, got {got}", "字段 {field} 必须是 {choices} 之一，得到的是 {got}")
	ruleFieldRequired = Invalid("itsm.field_required", "field {field} is required from the phase {phase} on", "从 {phase} 阶段起必须填写字段 {field}")
	ruleSecret        = Invalid("itsm.secret", "{field} seems to hold a secret ({what}): store a reference to it instead", "{field} 疑似包含秘密信息（{what}）：请改为保存其引用")
)

const (
	maxText = 64 << 10 // bytes of one free text
)

// commonCommand is a command that the kernel decides itself, for every process.
type commonCommand interface {
	Command
	decideMeta(k *kernelView, env Env) ([]Payload, error)
}

// kernelView is what the decision of a common command sees of a record.
type kernelView struct {
	meta    *Meta
	outline Outline
	fields  map[string]Field
	may     func(command string) bool
}

// content refuses changes to the content of a record that is at rest for good.
func (k *kernelView) content(rs *Reasons) {
	rs.Add(k.outline.Final, ruleFinal.With("state", k.outline.State))
}

func needReason(rs *Reasons, c Command, env Env) {
	rs.Add(env.Reason == "", ruleReason.With("command", c.CommandName()))
}

func (c Note) decideMeta(k *kernelView, _ Env) ([]Payload, error) {
	var rs Reasons
	k.content(&rs)
	rs.Add(c.Text == "", ruleRequired.With("field", "text"))
	rs.Add(len(c.Text) > maxText, ruleTooLong.With("field", "text", "length", len(c.Text), "most", maxText))
	return []Payload{Noted(c)}, rs.Err()
}

func (c Attach) decideMeta(k *kernelView, env Env) ([]Payload, error) {
	var rs Reasons
	k.content(&rs)
	rs.Add(c.Name == "", ruleRequired.With("field", "name"))
	rs.Add(c.Ref == "", ruleRequired.With("field", "ref"))
	return []Payload{Attached{Attachment{c.Name, c.Ref, c.Size, c.Digest, c.Public, env.Actor.ID, env.At}}}, rs.Err()
}

func (c SetFields) decideMeta(k *kernelView, _ Env) ([]Payload, error) {
	var rs Reasons
	k.content(&rs)
	rs.Add(len(c.Fields) == 0, ruleRequired.With("field", "fields"))
	rs = append(rs, checkFields(k.fields, c.Fields)...)
	return []Payload{FieldsSet(c)}, rs.Err()
}

func (c Classify) decideMeta(k *kernelView, env Env) ([]Payload, error) {
	var rs Reasons
	from := k.meta.Level
	switch {
	case c.Level < Public || c.Level > PatientRelated:
		rs.Add(true, ruleLevel.With("level", c.Level))
	case c.Level == from:
		rs.Add(true, ruleSameLevel.With("level", from))
	case c.Level < from:
		rs.Add(!k.may("itsm.declassify"), ruleDeclassify.With("from", from, "to", c.Level))
		needReason(&rs, c, env)
	}
	return []Payload{Classified{from, c.Level}}, rs.Err()
}

func (c Disclose) decideMeta(_ *kernelView, env Env) ([]Payload, error) {
	var rs Reasons
	rs.Add(env.Actor.Employer != "", ruleHospitalOnly.With())
	rs.Add(c.To == "", ruleRequired.With("field", "to"))
	switch {
	case c.Until.IsZero():
		rs.Add(true, ruleRequired.With("field", "until"))
	case !c.Until.After(env.Now):
		rs.Add(true, rulePast.With("field", "until", "time", c.Until.UTC().Format(time.RFC3339)))
	}
	needReason(&rs, c, env)
	return []Payload{Disclosed{c.To, c.Until.UTC().Truncate(time.Microsecond)}}, rs.Err()
}

func (c Unmask) decideMeta(_ *kernelView, env Env) ([]Payload, error) {
	var rs Reasons
	needReason(&rs, c, env)
	return []Payload{Unmasked(c)}, rs.Err()
}

func (c EmergencyAccess) decideMeta(_ *kernelView, env Env) ([]Payload, error) {
	var rs Reasons
	needReason(&rs, c, env)
	return []Payload{EmergencyAccessed(c)}, rs.Err()
}

func (c ErasePersonal) decideMeta(_ *kernelView, env Env) ([]Payload, error) {
	var rs Reasons
	needReason(&rs, c, env)
	return []Payload{PersonalErased(c)}, rs.Err()
}

func (c ReviewAccess) decideMeta(k *kernelView, env Env) ([]Payload, error) {
	var rs Reasons
	i := slices.IndexFunc(k.meta.Reviews, func(r AccessReview) bool { return r.Seq == c.Seq })
	rs.Add(i < 0, ruleNoReview.With("seq", c.Seq))
	rs.Add(i >= 0 && env.Actor.Is(k.meta.Reviews[i].By), ruleOwnReview.With())
	rs.Add(c.Finding == "", ruleRequired.With("field", "finding"))
	return []Payload{AccessReviewed(c)}, rs.Err()
}
