package itsm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Get returns a record as the actor may see it. It is ErrNotFound when there is none, and ErrDenied when it is above the actor's clearance.
func (s *Service[R, F, C]) Get(ctx context.Context, id ID) (R, error) {
	var zero R
	actor, stored, err := s.load(ctx, id, "itsm.read")
	if err != nil {
		return zero, err
	}
	s.show(&stored.Record, actor)
	return stored.Record, nil
}

// load fetches a record for an actor who has the permission and the clearance.
func (s *Service[R, F, C]) load(ctx context.Context, id ID, permission string) (Actor, Stored[R], error) {
	var none Stored[R]
	actor, _ := ActorFrom(ctx)
	if err := actor.check(); err != nil {
		return actor, none, err
	}
	if err := checkName("the ID of the record", string(id)); err != nil {
		return actor, none, err
	}
	if err := s.auth.Authorize(Request{Actor: actor, Command: permission, Kind: s.desc.Kind, ID: id}); err != nil {
		return actor, none, s.denied(id, permission, err)
	}
	stored, err := s.repo.Load(ctx, Key{actor.Tenant, s.desc.Kind, id})
	if err != nil {
		return actor, none, err
	}
	if rs := s.readable(actor, &stored.Record, permission); rs != nil {
		return actor, none, s.denied(id, permission, rs)
	}
	if err := s.auth.Authorize(Request{Actor: actor, Command: permission, Kind: s.desc.Kind, ID: id, Before: &stored.Record}); err != nil {
		return actor, none, s.denied(id, permission, err)
	}
	return actor, stored, nil
}

func (s *Service[R, F, C]) denied(id ID, permission string, err error) error {
	return fmt.Errorf("%s %s: %s: %w: %w", s.desc.Kind, id, permission, ErrDenied, err)
}

// readable gives the reasons for which an actor may not know the content of a record.
func (s *Service[R, F, C]) readable(actor Actor, rec *R, command string) (rs Reasons) {
	if command == (EmergencyAccess{}).CommandName() || command == (ReviewAccess{}).CommandName() {
		return nil // the permission for these is what counts; reviewing shows nothing
	}
	m := s.process.Meta(rec)
	if s.auth.Sight(actor).Clearance < m.Level {
		rs.Add(true, ruleClearance.With("actor", actor.ID))
	}
	if actor.Employer != "" && m.Level >= Sensitive && !s.disclosed(m, actor.Employer) {
		rs.Add(true, ruleUndisclosed.With("employer", actor.Employer))
	}
	return rs
}

func (s *Service[R, F, C]) disclosed(m *Meta, employer string) bool {
	now := s.cfg.Clock()
	return slices.ContainsFunc(m.Disclosures, func(d Disclosure) bool { return d.To == employer && now.Before(d.Until) })
}

// show makes a record what the actor may see of it: free text is masked below the clearance for patient data, fields of
// the host above the clearance are taken out, and so is everything above the clearance of the record. What the record
// shares with others stays as it was.
func (s *Service[R, F, C]) show(rec *R, actor Actor) {
	m := s.process.Meta(rec)
	if s.readable(actor, rec, "") != nil {
		hidden := Meta{ID: m.ID, Tenant: m.Tenant, Version: m.Version}
		var zero R
		*rec = zero
		*s.process.Meta(rec) = hidden
		return
	}
	sight := s.auth.Sight(actor)
	if len(m.Fields) > 0 {
		hidden := func(name string, _ Value) bool { return s.fields[name].Level > sight.Clearance }
		fields := maps.Clone(m.Fields)
		maps.DeleteFunc(fields, hidden)
		if len(fields) == 0 {
			fields = nil
		}
		m.Fields = fields
	}
	if class := masksFor(sight); class != 0 && s.finds(rec, class) {
		s.texts.rewrite(reflect.ValueOf(rec).Elem(), s.redaction(rec, class).Text)
	}
}

// finds reports whether the texts of a record hold anything to mask.
func (s *Service[R, F, C]) finds(rec *R, class MaskClass) (found bool) {
	s.texts.visit(reflect.ValueOf(rec).Elem(), func(text string) { found = found || s.cfg.Masker.finds(text, class) })
	return found
}

// redaction begins the masking of a record and of what belongs to it: a name that one text gives away is masked in all.
func (s *Service[R, F, C]) redaction(rec *R, class MaskClass) *Redaction {
	m := s.process.Meta(rec)
	redaction := s.cfg.Masker.Redact(Key{m.Tenant, s.desc.Kind, m.ID}.String(), class)
	s.texts.visit(reflect.ValueOf(rec).Elem(), redaction.Learn)
	return redaction
}

func masksFor(sight Sight) (class MaskClass) {
	if sight.Clearance < PatientRelated {
		class |= MaskPatient
	}
	if !sight.Infrastructure {
		class |= MaskInfrastructure
	}
	return class
}

// Find lists the records that the query describes and the actor may see, as the actor may see them. Tenant and kind of the
// query are those of the context and the service. The sequence stops after the first error and may be ranged over again.
func (s *Service[R, F, C]) Find(ctx context.Context, q Query) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var zero R
		actor, _ := ActorFrom(ctx)
		if err := actor.check(); err != nil {
			yield(zero, err)
			return
		}
		const permission = "itsm.read"
		if err := s.auth.Authorize(Request{Actor: actor, Command: permission, Kind: s.desc.Kind}); err != nil {
			yield(zero, s.denied("", permission, err))
			return
		}
		q := q
		q.Tenant, q.Kind = actor.Tenant, s.desc.Kind
		if err := q.check(s.index); err != nil {
			yield(zero, err)
			return
		}
		q.Where = append(slices.Clip(q.Where), WhereLess("level", NumberOf(s.auth.Sight(actor).Clearance+1)))
		// The limit counts what the actor gets, so records out of reach are replaced by reading on.
		limit, given := q.Limit, 0
		q.Limit = 0
		for stored, err := range s.repo.Find(ctx, q) {
			if err != nil {
				yield(zero, err)
				return
			}
			if s.readable(actor, &stored.Record, permission) != nil ||
				s.auth.Authorize(Request{Actor: actor, Command: permission, Kind: s.desc.Kind, ID: s.process.Meta(&stored.Record).ID, Before: &stored.Record}) != nil {
				continue
			}
			s.show(&stored.Record, actor)
			if !yield(stored.Record, nil) {
				return
			}
			if given++; given == limit {
				return
			}
		}
	}
}

// CursorOf returns the place of a record in the results of a query, for [Query.After].
func (s *Service[R, F, C]) CursorOf(q Query, rec R) Cursor {
	o := s.process.Outline(rec)
	return q.CursorOf(s.process.Meta(&rec).ID, s.indexOf(&rec, &o))
}

// Unmask returns a record in the clear. It needs the permission "itsm.unmask" and a reason; the journal keeps who read it and why.
func (s *Service[R, F, C]) Unmask(ctx context.Context, id ID, reason string) (R, error) {
	actor, _ := ActorFrom(ctx)
	return s.clear(s.do(ctx, actor, id, Unmask{}, call{reason: reason}))
}

// Emergency returns a record past its confidentiality, in the clear. It needs the permission "itsm.emergency_access" and
// a reason, and leaves an [AccessReview] that somebody else must close with [ReviewAccess].
func (s *Service[R, F, C]) Emergency(ctx context.Context, id ID, reason string) (R, error) {
	actor, _ := ActorFrom(ctx)
	return s.clear(s.do(ctx, actor, id, EmergencyAccess{}, call{reason: reason}))
}

func (s *Service[R, F, C]) clear(rec *R, err error) (R, error) {
	if err != nil {
		var zero R
		return zero, err
	}
	return *s.own(rec), nil
}

// Events lists the journal of one record, refusals included, in order. It needs the permission "itsm.journal". For an
// actor below the clearance for patient data the free text of payloads is masked, and the raw content is left out.
func (s *Service[R, F, C]) Events(ctx context.Context, id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		actor, stored, err := s.load(ctx, id, "itsm.journal")
		if err != nil {
			yield(Event{}, err)
			return
		}
		class := masksFor(s.auth.Sight(actor))
		redaction := s.redaction(&stored.Record, class)
		for ev, err := range s.journal(ctx, Key{actor.Tenant, s.desc.Kind, id}) {
			if err == nil && class != 0 {
				s.maskEvent(&ev, redaction)
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// journal lists the decoded events of one record.
func (s *Service[R, F, C]) journal(ctx context.Context, key Key) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for ev, err := range s.repo.Events(ctx, "", Filter{Tenant: key.Tenant, Kind: key.Kind, ID: key.ID}) {
			if err == nil {
				err = s.payloads.decode(&ev)
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// maskEvent masks the free text of the payload and takes away the raw content.
func (s *Service[R, F, C]) maskEvent(ev *Event, redaction *Redaction) {
	ev.Data, ev.Personal = nil, nil
	ev.Reason = redaction.Text(ev.Reason)
	if r, ok := ev.Payload.(Refused); ok {
		r.Content = nil
		ev.Payload = r
		return
	}
	if plan := s.eventTxt[reflect.TypeOf(ev.Payload)]; plan != nil {
		v := reflect.New(reflect.TypeOf(ev.Payload)).Elem()
		v.Set(reflect.ValueOf(ev.Payload))
		plan.rewrite(v, redaction.Text)
		ev.Payload = v.Interface().(Payload)
	}
}

// Decode fills in the payload of an event of this kind that was read from a journal.
func (s *Service[R, F, C]) Decode(ev *Event) error { return s.payloads.decode(ev) }

// A TimelineEntry is one line of what the user of a service may know of a record.
type TimelineEntry struct {
	Seq  uint64    `json:"seq"`
	At   time.Time `json:"at"`
	Told Message   `json:"told"` // a sentence in each language
	Text string    `json:"text,omitempty"`
}

// A Teller is a [Process] that says what of its events the user may know. Events that it does not tell stay internal.
type Teller interface {
	Tell(ev Event) (TimelineEntry, bool)
}

var toldNote = Telling("itsm.told_note", "Message from the service desk", "服务台留言")

// Timeline lists what the user may know of a record: the public notes and what the process tells of its events, with
// personal data of others and addresses masked. It needs the permission "itsm.timeline".
func (s *Service[R, F, C]) Timeline(ctx context.Context, id ID) iter.Seq2[TimelineEntry, error] {
	return func(yield func(TimelineEntry, error) bool) {
		actor, stored, err := s.load(ctx, id, "itsm.timeline")
		if err != nil {
			yield(TimelineEntry{}, err)
			return
		}
		teller, _ := any(s.process).(Teller)
		redaction := s.redaction(&stored.Record, MaskAll)
		for ev, err := range s.journal(ctx, Key{actor.Tenant, s.desc.Kind, id}) {
			if err != nil {
				yield(TimelineEntry{}, err)
				return
			}
			var entry TimelineEntry
			told := false
			if note, ok := ev.Payload.(Noted); ok {
				entry, told = TimelineEntry{Told: toldNote.With(), Text: note.Text}, note.Public
			} else if _, common := ev.Payload.(commonEvent); !common && ev.Type != (Refused{}).EventType() && teller != nil {
				entry, told = teller.Tell(ev)
			}
			if !told {
				continue
			}
			entry.Seq, entry.At = ev.Seq, ev.At
			entry.Text = redaction.Text(entry.Text)
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// fold rebuilds a record from its journal, as if the personal data had been erased or not.
func (s *Service[R, F, C]) fold(ctx context.Context, key Key, erased bool) (rec R, err error) {
	for ev, err := range s.repo.Events(ctx, "", Filter{Tenant: key.Tenant, Kind: key.Kind, ID: key.ID}) {
		if err != nil {
			return rec, err
		}
		if ev.Type == (Refused{}).EventType() {
			continue
		}
		if erased {
			ev.Personal = nil
		}
		if err := s.payloads.decode(&ev); err != nil {
			return rec, err
		}
		if err := s.replay(&rec, &ev); err != nil {
			return rec, err
		}
	}
	return rec, nil
}

// Replay rebuilds a record from its journal, without looking at the stored one. It needs the permission "itsm.journal"
// and shows the record as Get does.
func (s *Service[R, F, C]) Replay(ctx context.Context, id ID) (R, error) {
	var zero R
	actor, _, err := s.load(ctx, id, "itsm.journal")
	if err != nil {
		return zero, err
	}
	rec, err := s.fold(ctx, Key{actor.Tenant, s.desc.Kind, id}, false)
	if err != nil {
		return zero, err
	}
	s.show(&rec, actor)
	return rec, nil
}

// Verify checks that the journal of a record is as it was written and that the stored record is what it leads to. What
// does not fit is named by a [*TamperedError]. It needs the permission "itsm.journal".
func (s *Service[R, F, C]) Verify(ctx context.Context, id ID) error {
	actor, stored, err := s.load(ctx, id, "itsm.journal")
	if err != nil {
		return err
	}
	key := Key{actor.Tenant, s.desc.Kind, id}
	var chain ChainVerifier
	var rec R
	for ev, err := range s.journal(ctx, key) {
		if err != nil {
			return err
		}
		if err := chain.Next(&ev); err != nil {
			return err
		}
		if ev.Type == (Refused{}).EventType() {
			continue
		}
		if err := s.replay(&rec, &ev); err != nil {
			return err
		}
	}
	if err := chain.Finish(key, stored.Seq, stored.Head); err != nil {
		return err
	}
	want, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	got, err := json.Marshal(stored.Record)
	if err != nil {
		return err
	}
	if !bytes.Equal(want, got) {
		return &TamperedError{Key: key, Seq: stored.Seq, Problem: "the stored record is not what its journal leads to: " + firstDifference(got, want)}
	}
	return nil
}

// replay is apply for an entry that was read from a journal: one that cannot follow the entries before it is an error, also
// where it takes the process unawares.
func (s *Service[R, F, C]) replay(rec *R, ev *Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &TamperedError{ev.Key, ev.Seq, ev.Position, fmt.Sprintf("%s does not follow from the entries before it: %v", ev.Type, p)}
		}
	}()
	return s.apply(rec, ev)
}

// firstDifference shows where two JSON texts part.
func firstDifference(got, want []byte) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	clip := func(b []byte) []byte { return b[max(0, i-20):min(len(b), i+40)] }
	return fmt.Sprintf("…%s… instead of …%s…", clip(got), clip(want))
}

// contentOf is what a refusal keeps of its command. A command that held a secret, or is too long, is not kept.
func (s *Service[R, F, C]) contentOf(cmd Command, rs Reasons) json.RawMessage {
	if errors.Is(rs, ruleSecret) {
		return nil
	}
	content, err := json.Marshal(cmd)
	if err != nil || len(content) > maxContent {
		return nil
	}
	return content
}

// maxCommand bounds a command as JSON, in bytes.
const maxCommand = 4 << 20

// ParseCommand reads a command of the process from its name and its JSON form, an object of at most 4 MiB. Unknown names and
// unknown keys are ErrInvalid.
func (s *Service[R, F, C]) ParseCommand(name string, data []byte) (Command, error) {
	t := s.commands[name]
	if t == nil {
		return nil, fmt.Errorf("%w: %w; it has %q", ErrInvalid, ruleUnknown.With("kind", s.desc.Kind, "command", name), sortedKeys(s.commands))
	}
	v := reflect.New(t)
	if err := decodeStrict(data, '{', maxCommand, v.Interface()); err != nil {
		return nil, fmt.Errorf("%w: command %s: %w", ErrInvalid, name, err)
	}
	return v.Elem().Interface().(Command), nil
}

// decodeStrict reads one JSON value that begins with a bracket. Unknown keys, and anything behind the value, are errors.
func decodeStrict(data []byte, bracket byte, most int, v any) error {
	if len(data) > most {
		return fmt.Errorf("%d bytes, at most %d are allowed", len(data), most)
	}
	what := map[byte]string{'{': "object", '[': "array"}[bracket]
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && start[0] != bracket {
		return fmt.Errorf("want a JSON %s", what)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the JSON %s", what)
	}
	return nil
}

// newID names a new record.
func (s *Service[R, F, C]) newID(ctx context.Context, tenant Tenant, at time.Time) (ID, error) {
	if s.cfg.NewID != nil {
		id, err := s.cfg.NewID(ctx, tenant, at)
		if err == nil {
			err = checkName("the new ID", string(id))
		}
		return id, err
	}
	series := s.desc.Prefix + "-" + at.In(s.cfg.Zone).Format("20060102")
	if numberer, ok := s.repo.(Numberer); ok {
		n, err := numberer.NextNumber(ctx, tenant, series)
		if err != nil {
			return "", fmt.Errorf("itsm: number of a new %s: %w", s.desc.Kind, err)
		}
		return ID(fmt.Sprintf("%s-%04d", series, n)), nil
	}
	text, err := randomText(s.cfg.Random)
	return ID(series + "-" + text), err
}
