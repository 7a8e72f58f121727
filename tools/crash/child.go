package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/scheduler"
)

// childEnv marks the process that is killed.
const childEnv = "ITSM_CRASH_CHILD"

func isChild() bool { return os.Getenv(childEnv) != "" }

// A line is what the child says to its parent. A line is written at once, so the parent gets the whole of it or nothing.
type line struct {
	Ready   bool    `json:"ready,omitempty"`   // the store is open
	Begin   *op     `json:"begin,omitempty"`   // this is being done now
	End     *answer `json:"end,omitempty"`     // this was answered
	Trouble string  `json:"trouble,omitempty"` // an error of the store; it is tried again
}

// child works until it is killed, or until its parent is gone.
func child(in io.Reader, out io.Writer) error {
	text := json.NewDecoder(in)
	var s setup
	if err := text.Decode(&s); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(1) // nobody is left to be told
	}()
	ctx := context.Background()
	db, err := openStore(ctx, s.Store, s.Place)
	if err != nil {
		return err
	}
	w, err := newWorld(db, &s, s.now)
	if err != nil {
		return err
	}
	return w.work(ctx, &s, &voice{out: out}, 0)
}

// A voice writes lines.
type voice struct {
	mu  sync.Mutex
	out io.Writer
}

func (v *voice) say(l line) {
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // a line is plain data
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, err := v.out.Write(append(text, '\n')); err != nil {
		os.Exit(1) // the parent is gone
	}
}

// work does what was pending, and then what workers and scheduler come up with: each worker so many ops, or without an end
// when that is 0.
func (w *world) work(ctx context.Context, s *setup, v *voice, ops int) error {
	v.say(line{Ready: true})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sched, err := w.scheduler(scheduler.Config{MaxWait: 3 * time.Millisecond, Workers: 2, Observe: func(r scheduler.Report) {
		for _, f := range r.Failures {
			v.say(line{Trouble: f.String()})
		}
	}})
	if err != nil {
		return err
	}
	var woken, working sync.WaitGroup
	woken.Go(func() { _ = sched.Run(ctx) })
	var shared pool
	for n := range s.Workers {
		working.Go(func() {
			k := &worker{world: w, voice: v, shared: &shared, rng: rand.New(rand.NewPCG(s.Seed, uint64(s.Round*64+n))), n: n, tenant: tenants[n%len(tenants)]}
			k.prefix = itsm.CommandID(fmt.Sprintf("c-%d-%d-", s.Round, n))
			for i := range s.Pending {
				if i%s.Workers == n {
					k.do(ctx, s.Pending[i])
				}
			}
			k.find(ctx)
			for i := 0; (ops == 0 || i < ops) && ctx.Err() == nil; i++ {
				k.do(ctx, k.choose())
			}
		})
	}
	working.Wait()
	stop()
	woken.Wait()
	return nil
}

// A worker gives commands, one after the other.
type worker struct {
	*world
	*voice
	rng    *rand.Rand
	n      int
	tenant itsm.Tenant
	prefix itsm.CommandID
	given  int
	own    []incident.Incident // that it works on
	shared *pool
}

// do does an op until it is answered, and says so.
func (k *worker) do(ctx context.Context, o op) {
	k.say(line{Begin: &o})
	a, after, err := k.insist(ctx, &o, func(err error) { k.say(line{Trouble: string(o.Do) + ": " + err.Error()}) })
	if err == nil {
		k.say(line{End: &a})
		k.learn(&o, &a, after)
	}
}

// insist does an op again and again until there is an answer, perhaps that it failed for good. It reports each trouble on
// the way. The error is that of the context.
func (w *world) insist(ctx context.Context, o *op, trouble func(error)) (answer, []incident.Incident, error) {
	const most = 20 * time.Millisecond
	for tries, wait := 1, time.Millisecond; ; tries, wait = tries+1, min(2*wait, most) {
		a, after, err := w.give(ctx, o)
		switch {
		case err == nil:
			return a, after, nil
		case ctx.Err() != nil:
			return a, nil, ctx.Err()
		case forGood(err) || tries >= w.stubborn:
			a.Failed = err.Error()
			return a, nil, nil
		}
		trouble(err)
		time.Sleep(wait)
	}
}

// forGood reports whether it is of no use to try again after an error.
func forGood(err error) bool {
	var refused *itsm.RefusedError
	if errors.As(err, &refused) {
		return false // it could not be entered in the journal
	}
	var tampered *itsm.TamperedError
	return errors.Is(err, itsm.ErrInvalid) || errors.As(err, &tampered)
}

// find takes up incidents that a worker before it has left behind.
func (k *worker) find(ctx context.Context) {
	q := itsm.Query{Where: []itsm.Condition{itsm.WhereOneOf("phase", itsm.TextOf("open"), itsm.TextOf("active"), itsm.TextOf("waiting"), itsm.TextOf("resolved"))}, OrderBy: "updated", Desc: true, Limit: 16}
	i := 0
	for inc, err := range k.incidents.Find(as(ctx, k.tenant, "u-1"), q) {
		if err != nil {
			if ctx.Err() == nil {
				k.say(line{Trouble: "find: " + err.Error()})
			}
			return
		}
		if i++; i%2 == k.n/len(tenants)%2 && inc.Channel == incident.Phone {
			k.own = append(k.own, inc)
			k.shared.add(k.tenant, inc.ID)
		}
	}
}

// learn keeps the incidents as they are now.
func (k *worker) learn(o *op, a *answer, after []incident.Incident) {
	if a.Refused || a.Failed != "" {
		k.forget(o.On) // somebody else has changed it
		return
	}
	for _, inc := range after {
		k.forget(inc.ID)
		if inc.Open() && inc.Channel == incident.Phone {
			k.own = append(k.own, inc)
			k.shared.add(k.tenant, inc.ID)
		} else if inc.MergedInto != "" && k.rng.IntN(3) == 0 {
			k.own = append(k.own, inc) // to be taken apart again
		}
	}
	if most := 8; len(k.own) > most {
		k.own = append(k.own[:0], k.own[len(k.own)-most:]...)
	}
}

func (k *worker) forget(id itsm.ID) {
	kept := k.own[:0]
	for _, inc := range k.own {
		if inc.ID != id {
			kept = append(kept, inc)
		}
	}
	k.own = kept
}
