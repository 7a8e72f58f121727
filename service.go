package itsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hospital-itsm/itsm/internal/clone"
)

// Config is what the services of all processes can be told. The zero value is ready for use.
type Config struct {
	// Clock tells the time. Defaults to the clock of the machine.
	Clock func() time.Time
	// Random is read for command IDs and salts. Defaults to the random source of the machine.
	Random io.Reader
	// Authorizer says who may do and see what. Defaults to the grants that the process ships.
	Authorizer Authorizer
	// Fields are the host's own fields on the records. Defaults to none.
	Fields []Field
	// Masker finds personal data in free text. Defaults to one without patterns of the host.
	Masker *Masker
	// NewID names a new record. Defaults to prefix, date and number: INC-20260214-0007.
	NewID func(ctx context.Context, tenant Tenant, at time.Time) (ID, error)
	// Zone is where the date in a new ID is taken. Defaults to UTC.
	Zone *time.Location
	// Attempts bounds how often a command is decided anew after losing a race. Defaults to 64.
	Attempts int
	// Logger gets a line for each refusal (debug) and each lost race (debug). Defaults to none.
	Logger *slog.Logger
}

// A Service carries out commands on the records of one process. It is safe for concurrent use.
type Service[R, F any, C Command] struct {
	process  Process[R, F, C]
	forward  Forwarder[R, C] // nil for none
	repo     Repository[R]
	desc     Description
	cfg      Config
	auth     Authorizer
	payloads payloadSet
	commands map[string]reflect.Type
	catalog  *Catalog
	fields   map[string]Field
	index    map[string]IndexField
	texts    *textPlan                  // of the record
	eventTxt map[reflect.Type]*textPlan // of the payloads that hold free text
	cloner   clone.Cloner[R]
	cloned   bool      // records can be copied
	answers  sync.Pool // of *R, where answers are made
}

// NewService joins a process with a repository. It fails when the process contradicts itself or the configuration does not fit it.
func NewService[R, F any, C Command](process Process[R, F, C], repo Repository[R], cfg Config) (*Service[R, F, C], error) {
	s := &Service[R, F, C]{process: process, repo: repo, desc: process.Describe(), cfg: cfg}
	var err error
	fail := func(err error) (*Service[R, F, C], error) {
		return nil, fmt.Errorf("itsm: service of %s: %w", s.desc.Kind, err)
	}
	if s.cfg.Clock == nil {
		s.cfg.Clock = systemClock
	}
	if s.cfg.Random == nil {
		s.cfg.Random = systemRandom
	}
	if s.cfg.Zone == nil {
		s.cfg.Zone = time.UTC
	}
	if s.cfg.Attempts <= 0 {
		s.cfg.Attempts = 64
	}
	if s.cfg.Logger == nil {
		s.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if s.cfg.Masker == nil {
		if s.cfg.Masker, err = NewMasker(MaskConfig{}); err != nil {
			return fail(err)
		}
	}
	if s.auth = cfg.Authorizer; s.auth == nil {
		if s.auth, err = NewPolicy(s.desc.Grants...); err != nil {
			return fail(err)
		}
	}
	if err := checkName("the kind", string(s.desc.Kind)); err != nil {
		return fail(err)
	}
	s.forward, _ = process.(Forwarder[R, C])
	if s.payloads, err = newPayloadSet(slices.Concat(s.desc.Events, commonEvents())...); err != nil {
		return fail(err)
	}
	s.commands = make(map[string]reflect.Type)
	for _, c := range slices.Concat(s.desc.Commands, CommonCommands()) {
		if s.commands[c.CommandName()] != nil {
			return fail(fmt.Errorf("two commands are called %s", c.CommandName()))
		}
		s.commands[c.CommandName()] = reflect.TypeOf(c)
	}
	s.catalog = NewCatalog(slices.Concat(kernelRules(), s.desc.Rules)...)
	if s.fields, err = fieldSet(cfg.Fields, s.desc.Phases); err != nil {
		return fail(err)
	}
	s.index = make(map[string]IndexField)
	for _, f := range slices.Concat(s.desc.Index, metaIndex) {
		if _, twice := s.index[f.Name]; twice {
			return fail(fmt.Errorf("two index fields are called %s", f.Name))
		}
		s.index[f.Name] = f
	}
	for _, f := range s.fields { //maporder: writes into a map
		if f.Search {
			s.index[fieldIndexName(f.Name)] = IndexField{Name: fieldIndexName(f.Name), Type: f.Type}
		}
	}
	s.cloner, s.cloned = clone.Of[R]()
	s.texts = textPlanOf(reflect.TypeFor[R]())
	s.eventTxt = make(map[reflect.Type]*textPlan)
	for _, p := range slices.Concat(s.desc.Events, commonEvents()) {
		if plan := textPlanOf(reflect.TypeOf(p)); plan != nil {
			s.eventTxt[reflect.TypeOf(p)] = plan
		}
	}
	return s, nil
}

// metaIndex are the fields by which the records of every kind can be found.
var metaIndex = []IndexField{
	{Name: "state", Type: TextValue}, {Name: "phase", Type: TextValue}, {Name: "level", Type: NumberValue},
	{Name: "created", Type: TimeValue}, {Name: "updated", Type: TimeValue},
}

// fieldIndexName is how a searchable field of the host is called in queries.
func fieldIndexName(name string) string { return "field_" + name }

// Kind returns the kind of the records.
func (s *Service[R, F, C]) Kind() Kind { return s.desc.Kind }

// Process returns the process.
func (s *Service[R, F, C]) Process() Process[R, F, C] { return s.process }

// Repository returns the repository.
func (s *Service[R, F, C]) Repository() Repository[R] { return s.repo }

// Catalog returns the rules of all reasons that the service gives.
func (s *Service[R, F, C]) Catalog() *Catalog { return s.catalog }

// Do carries out a command: it loads the record, asks for the permission, gathers the facts, decides, and commits the new
// record with its events; when somebody else was faster it starts again. For a [Creation] the ID may be "": the record
// then gets one. A command that is not possible changes nothing, is entered in the journal, and gives a [*RefusedError] with every reason.
//
// The record that comes back is as the actor may see it; when the actor may not read it at all, it tells only its ID and
// version. Do reads the actor from the context ([WithActor]).
func (s *Service[R, F, C]) Do(ctx context.Context, id ID, cmd Command, opts ...Option) (answer R, err error) {
	actor, _ := ActorFrom(ctx)
	rec, err := s.do(ctx, actor, id, cmd, newCall(opts))
	if err != nil {
		return answer, err
	}
	own, ok := s.answers.Get().(*R)
	if !ok {
		own = new(R)
	}
	s.ownInto(own, rec)
	s.show(own, actor)
	answer = *own
	var zero R
	*own = zero
	s.answers.Put(own)
	return answer, nil
}

// own returns a copy of a record that repositories or others may read: whoever gets the copy may write to it.
func (s *Service[R, F, C]) own(rec *R) *R {
	own := new(R)
	s.ownInto(own, rec)
	return own
}

func (s *Service[R, F, C]) ownInto(own, rec *R) {
	*own = *rec
	if s.cloned {
		s.cloner.Own(own)
	}
}

// do is Do without the masks. The record that comes back must not be written to.
func (s *Service[R, F, C]) do(ctx context.Context, actor Actor, id ID, cmd Command, call call) (*R, error) {
	if err := actor.check(); err != nil {
		return nil, err
	}
	if cmd == nil {
		return nil, fmt.Errorf("%w: %s: the command is nil", ErrInvalid, s.desc.Kind)
	}
	if len(call.reason) > maxText || !utf8.ValidString(call.reason) || strings.ContainsRune(call.reason, 0) {
		return nil, fmt.Errorf("%w: %s: the reason has %d bytes, want at most %d of UTF-8 without U+0000", ErrInvalid, cmd.CommandName(), len(call.reason), maxText)
	}
	now := Instant(s.cfg.Clock())
	if !call.once {
		text, err := timedText(s.cfg.Random, now)
		if err != nil {
			return nil, fmt.Errorf("itsm: command ID: %w", err)
		}
		call.id = CommandID(text)
	} else if err := checkName("the command ID", string(call.id)); err != nil {
		return nil, err
	}
	at := id // the record that the command has come to
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			now = Instant(s.cfg.Clock())
		}
		if call.once {
			rec, done, err := s.earlier(ctx, actor, at, cmd, call)
			if done || err != nil {
				return rec, err
			}
		}
		at = id
		rec, err := s.attempt(ctx, actor, &at, cmd, call, now)
		if err == nil {
			return rec, nil
		}
		var race *raceError
		if !errors.As(err, &race) {
			if call.once && errors.Is(err, ErrConflict) { // perhaps it was this very command that changed the version
				if rec, done, earlier := s.earlier(ctx, actor, at, cmd, call); done || earlier != nil {
					return rec, earlier
				}
			}
			return nil, err
		}
		s.cfg.Logger.DebugContext(ctx, "command lost a race", "kind", s.desc.Kind, "id", id, "command", cmd.CommandName(), "attempt", attempt+1)
		if attempt+1 >= s.cfg.Attempts {
			return nil, fmt.Errorf("%s %s: %s lost %d races: %w", s.desc.Kind, id, cmd.CommandName(), attempt+1, race.err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// Given returns the record that a command with the ID of [Once] was given to before, nothing when it was not or the options have no
// ID. Services that choose the record of a command ask it first, so that the same command reaches the same record again.
func (s *Service[R, F, C]) Given(ctx context.Context, opts ...Option) (ID, error) {
	if len(opts) == 0 {
		return "", nil
	}
	actor, _ := ActorFrom(ctx)
	call := newCall(opts)
	if !call.once || actor.Tenant == "" {
		return "", nil
	}
	if err := checkName("the command ID", string(call.id)); err != nil {
		return "", err
	}
	return s.givenTo(ctx, actor.Tenant, call.id)
}

// givenTo returns the record of our kind that a command was given to, nothing when there is none.
func (s *Service[R, F, C]) givenTo(ctx context.Context, tenant Tenant, command CommandID) (ID, error) {
	for ev, err := range s.repo.Events(ctx, "", Filter{Tenant: tenant, Command: command, Limit: 1}) {
		if err != nil || ev.Kind != s.desc.Kind {
			return "", err
		}
		return ev.ID, nil
	}
	return "", nil
}

// raceError wraps what a repository said when somebody else was faster.
type raceError struct{ err error }

func (e *raceError) Error() string { return e.err.Error() }
func (e *raceError) Unwrap() error { return e.err }

// earlier looks for the answer that the command got the first time.
func (s *Service[R, F, C]) earlier(ctx context.Context, actor Actor, id ID, cmd Command, call call) (*R, bool, error) {
	for ev, err := range s.repo.Events(ctx, "", Filter{Tenant: actor.Tenant, Command: call.id, Limit: 1}) {
		if err != nil {
			return nil, false, err
		}
		if ev.CommandName != cmd.CommandName() || ev.Kind != s.desc.Kind && ev.Kind != KindCommand || id != "" && ev.ID != id && ev.Kind != KindCommand {
			return nil, false, fmt.Errorf("%w: command ID %q was used before, for %s on %s", ErrInvalid, call.id, ev.CommandName, ev.Key)
		}
		if ev.Type == (Refused{}).EventType() {
			if err := s.payloads.decode(&ev); err != nil {
				return nil, false, err
			}
			return nil, true, s.refusedError(&ev)
		}
		stored, err := Borrow(ctx, s.repo, ev.Key)
		return stored.Record, err == nil, err
	}
	return nil, false, nil
}

func (s *Service[R, F, C]) refusedError(ev *Event) *RefusedError {
	r := ev.Payload.(Refused)
	e := &RefusedError{
		Kind: s.desc.Kind, ID: ev.ID, State: r.State, Command: ev.CommandName,
		Possible: r.Possible, Reasons: s.catalog.Complete(r.Reasons), Event: ev.Ref(),
	}
	if ev.Kind == KindCommand {
		e.ID = r.ID
	}
	return e
}

// attempt decides the command once against the record as it is. The record that comes back must not be written to. at is the ID of the record;
// when the command is handed on it follows.
func (s *Service[R, F, C]) attempt(ctx context.Context, actor Actor, at *ID, cmd Command, call call, now time.Time) (*R, error) {
	id := *at
	a := attempt[R]{actor: actor, cmd: cmd, call: call}
	a.env = Env{Now: now, At: now, Actor: actor, ID: id, Command: call.id, Reason: call.reason}
	if !call.at.IsZero() {
		a.env.At = Instant(call.at)
	}
	name := cmd.CommandName()
	own, isOwn := cmd.(C)
	common, isCommon := cmd.(commonCommand)
	_, known := s.commands[name]
	_, creates := cmd.(Creation)

	// What can be refused without a record.
	var rs Reasons
	a.ask(&rs, s.auth, Request{Actor: actor, Command: name, Kind: s.desc.Kind, ID: id})
	if !call.at.IsZero() {
		a.ask(&rs, s.auth, Request{Actor: actor, Command: "itsm.backdate", Kind: s.desc.Kind, ID: id})
		if a.env.At.After(now) {
			rs.Add(true, ruleFuture.With("at", a.env.At, "now", now))
		}
	}
	if !known || !isOwn && !isCommon {
		rs.Add(true, ruleUnknown.With("kind", s.desc.Kind, "command", name))
	}
	if id == "" && !creates {
		rs.Add(true, ruleNoID.With("command", name))
	}
	if id != "" {
		if err := checkName("the ID of the record", string(id)); err != nil {
			rs.Add(true, ruleBadID.Because(err, "problem", err))
		}
	}
	if len(rs) > 0 {
		return nil, s.refuse(ctx, &a, rs)
	}

	// The record.
	if id != "" {
		stored, err := Borrow(ctx, s.repo, Key{actor.Tenant, s.desc.Kind, id})
		for hops := 0; err == nil && isOwn && s.forward != nil; hops++ {
			to, there := s.forward.Forward(stored.Record, own)
			if to == "" {
				break
			}
			switch {
			case hops == maxHops:
				return nil, fmt.Errorf("itsm: %s %s: %s is handed on more than %d times", s.desc.Kind, id, name, maxHops)
			case there.CommandName() != name: // the permission was for this one
				return nil, fmt.Errorf("itsm: %s %s: %s is handed on as %s, want the same command", s.desc.Kind, id, name, there.CommandName())
			}
			if rs := s.readable(actor, stored.Record, name); rs != nil { // where a record leads only those learn who may read it
				a.stored = stored
				return nil, s.refuseHidden(ctx, &a, rs)
			}
			id, *at, own, a.cmd, a.env.ID = to, to, there, there, to
			stored, err = Borrow(ctx, s.repo, Key{actor.Tenant, s.desc.Kind, id})
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		switch exists := err == nil; {
		case creates && exists:
			return nil, s.refuse(ctx, &a, Reasons{ruleExists.With("kind", s.desc.Kind, "id", id)})
		case !creates && !exists:
			return nil, s.refuse(ctx, &a, Reasons{ruleNotFound.With("kind", s.desc.Kind, "id", id)})
		case exists:
			a.stored = stored
		}
	} else {
		var err error
		if id, err = s.newID(ctx, actor.Tenant, a.env.At); err != nil {
			return nil, err
		}
		a.env.ID = id
	}
	exists := a.stored.Record != nil
	before := a.stored.Record
	if !exists {
		before = new(R)
	}
	if exists {
		if a.stored.Recorded.After(a.env.Now) { // the clock was set back: what is recorded later is not recorded earlier
			a.env.Now = a.stored.Recorded
			if call.at.IsZero() {
				a.env.At = a.env.Now
			}
		}
		if version := s.process.Meta(before).Version; call.version != 0 && call.version != version {
			return nil, fmt.Errorf("%s %s: %w: the version is %d, not %d", s.desc.Kind, id, ErrConflict, version, call.version)
		}
		if rs := s.readable(actor, before, name); rs != nil {
			return nil, s.refuseHidden(ctx, &a, rs)
		}
		a.ask(&rs, s.auth, Request{Actor: actor, Command: name, Kind: s.desc.Kind, ID: id, Before: before})
		if len(rs) > 0 {
			return nil, s.refuseHidden(ctx, &a, rs)
		}
	}

	// The decision.
	payloads, err := s.decide(ctx, &a, before, own, common, isCommon)
	if err != nil {
		reasons, ok := reasonsOf(err)
		if !ok {
			return nil, fmt.Errorf("%s %s: %s: %w", s.desc.Kind, id, name, err)
		}
		return nil, s.refuse(ctx, &a, reasons)
	}
	if len(payloads) == 0 && exists {
		return before, nil
	}

	// The record after it.
	change := Change[R]{Key: Key{actor.Tenant, s.desc.Kind, id}, Expect: a.stored.Seq, Command: call.id}
	after := new(R)
	*after = *before
	if _, erase := cmd.(ErasePersonal); erase {
		change.Erase = true
		if *after, err = s.fold(ctx, change.Key, true); err != nil {
			return nil, err
		}
	}
	events, err := s.evolve(&a, after, payloads)
	if err != nil {
		return nil, err
	}
	if secret := s.findSecret(call.reason, events); secret != nil {
		return nil, s.refuse(ctx, &a, Reasons{*secret})
	}
	request := Request{Actor: actor, Command: name, Kind: s.desc.Kind, ID: id, After: after}
	if exists {
		request.Before = before
	}
	a.ask(&rs, s.auth, request)
	outline := s.process.Outline(*after)
	rs = append(rs, s.missingFields(before, exists, after, &outline, events)...)
	if len(rs) > 0 {
		return nil, s.refuse(ctx, &a, rs)
	}
	chain(events, a.stored.Seq, a.stored.Head)
	change.Record, change.Events = after, events
	change.Index, change.Wake = s.indexOf(after, &outline), outline.Wake
	return after, s.save(ctx, change)
}

// maxHops bounds how often a command is handed on.
const maxHops = 1000

// attempt is what one try of a command knows.
type attempt[R any] struct {
	actor  Actor
	cmd    Command
	call   call
	env    Env
	stored Lent[R] // without a record when there is none yet
}

// ask puts a request to the authorizer. An error that gives no reason is no permission either.
func (a *attempt[R]) ask(rs *Reasons, auth Authorizer, r Request) {
	err := auth.Authorize(r)
	if err == nil {
		return
	}
	reasons, ok := reasonsOf(err)
	if !ok {
		reasons = Reasons{ruleNotPermitted.Because(err, "command", r.Command, "actor", r.Actor.ID, "roles", joinRoles(r.Actor.Roles))}
	}
	*rs = append(*rs, reasons...)
}

func (s *Service[R, F, C]) decide(ctx context.Context, a *attempt[R], rec *R, own C, common commonCommand, isCommon bool) ([]Payload, error) {
	var payloads []Payload
	var err error
	if isCommon {
		view := &kernelView{meta: s.process.Meta(rec), outline: s.process.Outline(*rec), fields: s.fields}
		actor, id := a.actor, a.env.ID
		view.may = func(command string) bool {
			return s.auth.Authorize(Request{Actor: actor, Command: command, Kind: s.desc.Kind, ID: id, Before: rec}) == nil
		}
		payloads, err = common.decideMeta(view, a.env)
	} else {
		var facts F
		if facts, err = s.process.Gather(ctx, *rec, own, a.env); err != nil {
			return nil, err
		}
		payloads, err = s.process.Decide(*rec, own, facts, a.env)
	}
	if len(a.call.fields) > 0 {
		rs := checkFields(s.fields, a.call.fields)
		if err != nil {
			reasons, ok := reasonsOf(err)
			if !ok {
				return nil, err
			}
			rs = append(slices.Clone(reasons), rs...)
		}
		if len(rs) > 0 {
			return nil, rs
		}
		payloads = append(slices.Clip(payloads), FieldsSet{a.call.fields})
	}
	return payloads, err
}

// evolve makes the events of the payloads and carries them into the record.
func (s *Service[R, F, C]) evolve(a *attempt[R], rec *R, payloads []Payload) ([]Event, error) {
	events := make([]Event, len(payloads))
	salts := salter{random: s.cfg.Random}
	for i, p := range payloads {
		ev := &events[i]
		*ev = Event{
			Key: Key{a.actor.Tenant, s.desc.Kind, a.env.ID}, Seq: a.stored.Seq + 1 + uint64(i), At: a.env.At, Recorded: a.env.Now, Actor: a.actor.ID,
			OnBehalfOf: a.actor.OnBehalfOf, Command: a.call.id, CommandName: a.cmd.CommandName(), Reason: a.call.reason, Payload: p,
		}
		if err := s.payloads.encode(ev, &salts); err != nil {
			return nil, err
		}
	}
	for i := range events {
		if err := s.apply(rec, &events[i]); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// apply carries one event into the record: the kernel its part, the process the rest.
func (s *Service[R, F, C]) apply(rec *R, ev *Event) error {
	m := s.process.Meta(rec)
	if m.Version == 0 {
		m.begin(ev)
		m.Level = s.desc.Level
		if m.Level == 0 {
			m.Level = Internal
		}
	}
	if c, ok := ev.Payload.(commonEvent); ok {
		c.applyMeta(m, ev)
	} else if err := s.process.Evolve(rec, ev); err != nil {
		return fmt.Errorf("itsm: %s, event %d (%s): %w", ev.Key, ev.Seq, ev.Type, err)
	}
	m = s.process.Meta(rec)
	m.Version, m.Updated = ev.Seq, ev.Recorded
	return nil
}

// indexOf returns the values by which the record can be found, and takes those of the outline.
func (s *Service[R, F, C]) indexOf(rec *R, o *Outline) []IndexEntry {
	m := s.process.Meta(rec)
	entries := append(make([]IndexEntry, 0, len(o.Index)+len(metaIndex)+len(m.Fields)), o.Index...)
	Entries(o.Index).release()
	o.Index = nil
	entries = append(entries,
		IndexEntry{Field: "state", Value: TextOf(o.State)}, IndexEntry{Field: "phase", Value: TextOf(o.Phase)},
		IndexEntry{Field: "level", Value: NumberOf(m.Level)},
		IndexEntry{Field: "created", Value: TimeOf(m.Created)}, IndexEntry{Field: "updated", Value: TimeOf(m.Updated)})
	if len(m.Fields) > 0 {
		for _, name := range sortedKeys(m.Fields) {
			if s.fields[name].Search {
				entries = append(entries, IndexEntry{Field: fieldIndexName(name), Value: m.Fields[name]})
			}
		}
	}
	return entries
}

// missingFields gives the host's required fields that are missing where the command moved the record to another phase or changed the fields.
func (s *Service[R, F, C]) missingFields(before *R, existed bool, after *R, o *Outline, events []Event) Reasons {
	if len(s.fields) == 0 {
		return nil
	}
	changed := !existed || s.process.Outline(*before).Phase != o.Phase
	for i := range events {
		_, set := events[i].Payload.(FieldsSet)
		changed = changed || set
	}
	if !changed {
		return nil
	}
	return requiredFields(s.fields, s.process.Meta(after).Fields, s.desc.Phases, o.Phase)
}

// findSecret looks for passwords and keys in the free text of a command.
func (s *Service[R, F, C]) findSecret(reason string, events []Event) (found *Reason) {
	if what, ok := s.cfg.Masker.Secret(reason); ok {
		r := ruleSecret.With("field", "reason", "what", what)
		return &r
	}
	for i := range events {
		plan := s.eventTxt[reflect.TypeOf(events[i].Payload)]
		if plan == nil {
			continue
		}
		plan.visit(reflect.ValueOf(events[i].Payload), func(text string) {
			if what, ok := s.cfg.Masker.Secret(text); ok && found == nil {
				r := ruleSecret.With("field", events[i].Type, "what", what)
				found = &r
			}
		})
		if found != nil {
			return found
		}
	}
	return nil
}

// save writes the change and tells races from failures.
func (s *Service[R, F, C]) save(ctx context.Context, c Change[R]) error {
	err := s.repo.Save(ctx, c)
	if err != nil && (errors.Is(err, ErrConflict) || errors.Is(err, ErrExists)) {
		return &raceError{err}
	}
	return err
}

// maxContent bounds what a refusal keeps of its command, in bytes.
const maxContent = 16 << 10

// refuse enters a refusal in the journal and returns it. Without a record the entry stands alone.
func (s *Service[R, F, C]) refuse(ctx context.Context, a *attempt[R], rs Reasons) error {
	return s.enterRefusal(ctx, a, rs, true)
}

// refuseHidden is refuse for an actor who may not know the record.
func (s *Service[R, F, C]) refuseHidden(ctx context.Context, a *attempt[R], rs Reasons) error {
	return s.enterRefusal(ctx, a, rs, false)
}

func (s *Service[R, F, C]) enterRefusal(ctx context.Context, a *attempt[R], rs Reasons, show bool) error {
	id := a.env.ID
	rs = s.maskReasons(rs, Key{a.actor.Tenant, s.desc.Kind, id})
	refused := Refused{Reasons: rs}
	c := Change[R]{Key: Key{a.actor.Tenant, KindCommand, ID(a.call.id)}, Command: a.call.id}
	var head Digest
	if rec := a.stored.Record; rec != nil {
		c.Key, c.Expect, head = Key{a.actor.Tenant, s.desc.Kind, id}, a.stored.Seq, a.stored.Head
		refused.Content = s.contentOf(a.cmd, rs)
		if show {
			refused.State, refused.Possible = s.process.Outline(*rec).State, s.process.Possible(*rec)
		}
	} else {
		refused.ID, refused.Kind = id, s.desc.Kind // without the content: what belongs to no record could not be erased with it
	}
	ev := Event{
		Key: c.Key, At: a.env.At, Recorded: a.env.Now, Actor: a.actor.ID, OnBehalfOf: a.actor.OnBehalfOf,
		Command: a.call.id, CommandName: a.cmd.CommandName(), Reason: a.call.reason, Payload: refused,
	}
	if errors.Is(rs, ruleSecret) {
		ev.Reason = ""
	}
	if err := s.payloads.encode(&ev, &salter{random: s.cfg.Random}); err != nil {
		return err
	}
	c.Events = []Event{ev}
	chain(c.Events, c.Expect, head)
	if err := s.save(ctx, c); err != nil {
		return err // a refusal that cannot be entered is not given: the command fails, and nothing has changed
	}
	e := s.refusedError(&c.Events[0])
	e.Reasons = rs // with their causes, for errors.As
	s.cfg.Logger.DebugContext(ctx, "command refused", "kind", s.desc.Kind, "id", id, "command", e.Command, "reasons", len(rs))
	return e
}

// maskReasons masks personal data in the arguments of reasons: refusals are read by people who may not see the record.
func (s *Service[R, F, C]) maskReasons(rs Reasons, scope Key) Reasons {
	out := slices.Clone(rs)
	for i := range out {
		out[i].args = slices.Clone(out[i].args)
		for j := range out[i].args {
			if !out[i].args[j].Time {
				out[i].args[j].Value = s.cfg.Masker.Text(out[i].args[j].Value, scope.String(), MaskAll)
			}
		}
	}
	return out
}
