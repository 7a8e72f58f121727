package itsmtest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// A world is one history: a service over a tenant of its own, with one record that commands are given to.
type world[R, F any, C itsm.Command] struct {
	*rapid.T
	spec    *Spec[R, F, C]
	runner  runner
	desc    itsm.Description
	tenant  itsm.Tenant
	clock   *Clock
	random  io.Reader
	repo    *lossy[R]
	service *itsm.Service[R, F, C]
	anew    func() *itsm.Service[R, F, C] // the same, started anew between any two events
	id      itsm.ID
	step    int
	cover   *Coverage
	planted func(cmd itsm.Command) itsm.Command // nil, or what writes secrets into commands
}

func newWorld[R, F any, C itsm.Command](t *rapid.T, outer runner, spec *Spec[R, F, C], repo itsm.Repository[R]) *world[R, F, C] {
	w := &world[R, F, C]{T: t, spec: spec, runner: outer, desc: spec.Process.Describe(), tenant: newTenant(), clock: NewClock(epoch), random: Random(1)}
	w.repo = &lossy[R]{Repository: repo}
	cfg := spec.Config
	cfg.Clock, cfg.Random = w.clock.Now, w.random
	inner := cfg.Authorizer
	if inner == nil {
		policy, err := itsm.NewPolicy(w.desc.Grants...)
		w.noError(err, "the grants of the process")
		inner = policy
	}
	cfg.Authorizer = authorizer{inner}
	var joined itsm.Repository[R] = w.repo
	if n, ok := repo.(itsm.Numberer); ok {
		joined = numbering[R]{w.repo, n}
	}
	service, err := itsm.NewService(spec.Process, joined, cfg)
	w.noError(err, "a service of the process")
	w.service = service
	w.anew = func() *itsm.Service[R, F, C] {
		service, err := itsm.NewService(forgetful[R, F, C]{spec.Process}, joined, cfg)
		w.noError(err, "a service of the process")
		return service
	}
	return w
}

// forgetful is a process that keeps nothing of a record from one event to the next but what is in its JSON, as when it is
// started anew: repositories may keep records that they have decoded, so a fold alone would not show what JSON loses.
type forgetful[R, F any, C itsm.Command] struct{ itsm.Process[R, F, C] }

func (f forgetful[R, F, C]) Evolve(rec *R, ev *itsm.Event) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	var stored R
	if err := json.Unmarshal(data, &stored); err != nil {
		return err
	}
	*rec = stored
	return f.Process.Evolve(rec, ev)
}

func (w *world[R, F, C]) noError(err error, what string) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
}

func (w *world[R, F, C]) as(a itsm.Actor) context.Context {
	a.Tenant = w.tenant
	return itsm.WithActor(w.runner.Context(), a)
}

func (w *world[R, F, C]) auditor() context.Context {
	return w.as(itsm.Actor{ID: "auditor", Roles: []itsm.Role{roleAuditor}})
}

func (w *world[R, F, C]) key() itsm.Key {
	return itsm.Key{Tenant: w.tenant, Kind: w.desc.Kind, ID: w.id}
}

func (w *world[R, F, C]) stored() itsm.Stored[R] {
	w.Helper()
	stored, err := w.repo.Load(w.runner.Context(), w.key())
	w.noError(err, "loading the record")
	return stored
}

func (w *world[R, F, C]) journal(f itsm.Filter) []itsm.Event {
	w.Helper()
	f.Tenant = w.tenant
	events := collect(w, "the journal", w.repo.Events(w.runner.Context(), "", f))
	for i := range events {
		w.noError(w.service.Decode(&events[i]), "an entry of the journal")
	}
	return events
}

func (w *world[R, F, C]) history() []itsm.Event {
	w.Helper()
	return w.journal(itsm.Filter{Kind: w.desc.Kind, ID: w.id})
}

// A try is one command that somebody gives.
type try struct {
	actor   itsm.Actor
	id      itsm.ID // "" for a creation that gets one
	command itsm.Command
	options []itsm.Option
	once    itsm.CommandID
}

// create brings the record of the history into being.
func (w *world[R, F, C]) create() {
	w.Helper()
	var last error
	for range 20 {
		x := try{actor: w.spec.Actor(w.T), once: newCommand()}
		var zero R
		x.command, x.options = w.spec.Command(w.T, zero, 0)
		if _, ok := x.command.(itsm.Creation); !ok {
			w.Fatalf("at step 0 the generator must draw a command that creates a record, not %T", x.command)
		}
		rec, err := w.do(x)
		if last = err; err == nil {
			w.id = w.spec.Process.Meta(&rec).ID
			w.step = 1
			return
		}
	}
	w.Fatalf("20 commands at step 0 did not create a record, the last because: %v", last)
}

// evenly draws a number below n, each as likely as the other: rapid by itself prefers small ones.
func evenly(n int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		drawn := 0
		for range 16 {
			drawn <<= 1
			if rapid.Bool().Draw(t, "bit") {
				drawn++
			}
		}
		return drawn % n
	})
}

// steps draws how many commands a history has. Every second one is as long as it may be: what lies at the end of a lifecycle
// is not reached in a few steps.
func (w *world[R, F, C]) steps(least, most int) int {
	if rapid.Bool().Draw(w.T, "short") {
		return rapid.IntRange(least, most).Draw(w.T, "steps")
	}
	return most
}

// draw makes up the next command.
func (w *world[R, F, C]) draw() try {
	w.Helper()
	x := try{actor: w.spec.Actor(w.T), id: w.id, once: newCommand()}
	w.clock.Add(rapid.SampledFrom([]time.Duration{0, time.Microsecond, time.Second, time.Minute, time.Hour, 24 * time.Hour, 400 * time.Hour, -time.Hour}).Draw(w.T, "time passes"))
	switch kind := evenly(100).Draw(w.T, "kind of command"); {
	case kind < 78:
		x.command, x.options = w.spec.Command(w.T, w.stored().Record, w.step)
		w.step++
		if _, ok := x.command.(itsm.Creation); ok && rapid.Bool().Draw(w.T, "another record") {
			x.id = ""
		}
	case kind < 86: // without any content
		x.command = rapid.SampledFrom(w.desc.Commands).Draw(w.T, "empty command")
	case kind < 94:
		x.command = drawCommon(w.T)
		x.options = []itsm.Option{itsm.Because("for a good reason")}
	case kind < 97:
		x.command, x.options = w.spec.Command(w.T, w.stored().Record, w.step)
		x.id = rapid.SampledFrom([]itsm.ID{"", "nobody", " blank ", "line\nbreak"}).Draw(w.T, "wrong ID")
	default:
		x.command = foreign{}
	}
	return x
}

// foreign is a command of no process.
type foreign struct{}

func (foreign) CommandName() string { return "itsmtest.foreign" }

func drawCommon(t *rapid.T) itsm.Command {
	text := rapid.SampledFrom([]string{"", "a note", "收费窗口打印机不出纸"}).Draw(t, "text")
	return rapid.SampledFrom([]itsm.Command{
		itsm.Note{Text: text}, itsm.Note{Text: text, Public: true}, itsm.Attach{Name: "photo.jpg", Ref: text},
		itsm.SetFields{Fields: map[string]itsm.Value{"no_such_field": itsm.TextOf(text), "nor_this": itsm.BoolOf(true)}},
		itsm.Classify{Level: itsm.Sensitive}, itsm.Classify{Level: itsm.Internal}, itsm.Classify{Level: 77},
		itsm.Disclose{To: text, Until: epoch.Add(1000 * time.Hour)}, itsm.Disclose{To: "a supplier", Until: epoch},
		itsm.Unmask{}, itsm.EmergencyAccess{}, itsm.ReviewAccess{Seq: 2, Finding: text}, itsm.ErasePersonal{},
	}).Draw(t, "common command")
}

// do gives the command under its ID. Whatever is neither a record, a refusal, nor a version that has passed is a fault.
func (w *world[R, F, C]) do(x try) (R, error) {
	w.Helper()
	saves := w.repo.saves.Load()
	rec, err := w.give(x)
	if errors.Is(err, itsm.ErrConflict) && w.repo.saves.Load() > saves {
		w.Fatalf("%s lost its races, but nobody else was there: %v", x.command.CommandName(), err)
	}
	var refused *itsm.RefusedError
	if err != nil && !errors.As(err, &refused) && !errors.Is(err, itsm.ErrConflict) {
		w.Fatalf("%s by %v ended in neither a record nor a refusal: %v", x.command.CommandName(), x.actor.Roles, err)
	}
	return rec, err
}

func (w *world[R, F, C]) give(x try) (R, error) {
	if w.planted != nil && x.id == w.id { // also the first, when there is no ID yet
		x.command = w.planted(x.command)
	}
	return w.service.Do(w.as(x.actor), x.id, x.command, append(slices.Clone(x.options), itsm.Once(x.once))...)
}

// text shows a record, or anything else, as JSON.
func (w *world[R, F, C]) text(v any) string {
	w.Helper()
	data, err := json.Marshal(v)
	w.noError(err, "writing as JSON")
	return string(data)
}

// lossy is a repository that fails once when it is told to.
type lossy[R any] struct {
	itsm.Repository[R]
	saves atomic.Int64 // that were asked for
	mu    sync.Mutex
	plan  loss
}

type loss uint8

const (
	lossBefore loss = iota + 1 // nothing is written
	lossAfter                  // all is written, but the caller does not get to know
)

var errLost = errors.New("the connection was lost")

func (l *lossy[R]) fail(plan loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan = plan
}

func (l *lossy[R]) Save(ctx context.Context, c itsm.Change[R]) error {
	l.saves.Add(1)
	l.mu.Lock()
	plan := l.plan
	l.plan = 0
	l.mu.Unlock()
	if plan == lossBefore {
		return errLost
	}
	if err := l.Repository.Save(ctx, c); err != nil {
		return err
	}
	if plan == lossAfter {
		return errLost
	}
	return nil
}

// numbering lets a repository that counts keep counting.
type numbering[R any] struct {
	itsm.Repository[R]
	itsm.Numberer
}

// roomy returns a deep copy in which every slice has room behind its end, so that an append shows.
func roomy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if out.Field(i).CanSet() {
				out.Field(i).Set(roomy(v.Field(i)))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			out.Index(i).Set(roomy(v.Index(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()+4))
			for i := range v.Len() {
				out.Index(i).Set(roomy(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
			for it := v.MapRange(); it.Next(); { //maporder: each value for itself
				out.SetMapIndex(it.Key(), roomy(it.Value()))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(roomy(v.Elem()))
		}
	}
	return out
}

// overrun names the first slice behind whose end something was written, "" when there is none.
func overrun(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if found := overrun(v.Field(i), path+"."+f.Name); found != "" {
					return found
				}
			}
		}
	case reflect.Slice:
		whole := v.Slice(0, v.Cap())
		for i := v.Len(); i < v.Cap(); i++ {
			if !whole.Index(i).IsZero() {
				return path
			}
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			if found := overrun(v.Index(i), path); found != "" {
				return found
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); { //maporder: each value for itself
			if found := overrun(it.Value(), path); found != "" {
				return found
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return overrun(v.Elem(), path)
		}
	}
	return ""
}
