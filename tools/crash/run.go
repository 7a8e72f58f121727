package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A run kills until it has had enough.
type run struct {
	options
	report *report
	rng    *mathrand.Rand
	target target
	kind   kind
	self   string
}

// crash carries out a run. The report is there also when it came to a bad end.
func crash(ctx context.Context, o options) (_ *report, err error) {
	k, err := kindOf(o.store)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "crash-*"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	t, err := k.target(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if o.serverKills && !t.hasServer() {
		return nil, errNoServer
	}
	r := &run{options: o, report: newReport(o), rng: mathrand.New(mathrand.NewPCG(o.seed, 0)), target: t, kind: k, self: self}
	began := time.Now()
	for r.report.Kills < o.kills && err == nil {
		err = r.database(ctx, r.report.Databases)
	}
	r.report.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return r.report, err
}

// database lets one database live through its kills.
func (r *run) database(ctx context.Context, n int) error {
	place, err := r.target.fresh(ctx, n)
	if err != nil {
		return err
	}
	s := setup{Store: r.store, Place: place, Began: time.Now(), Seed: r.seed, Workers: r.workers}
	if s.Secret, s.Public, err = note.GenerateKey(rand.Reader, "crash.example/itsm"); err != nil {
		return err
	}
	r.report.Databases++
	l := newLedger(r.report)
	c := newChecker(l, r.report)
	for i := 0; i < r.each && r.report.Kills < r.kills; i++ {
		s.Round, s.Pending = i, l.pending()
		p := r.plan(i)
		if err := r.round(ctx, &s, l, p); err != nil {
			return fmt.Errorf("database %d, kill %d, seed %d: %w", n, i+1, r.seed, err)
		}
		if p.unseen && i+1 < r.each {
			continue
		}
		if err := r.look(ctx, c, &s, i%25 == 24); err != nil {
			return fmt.Errorf("database %d after kill %d, seed %d: %w", n, i+1, r.seed, err)
		}
	}
	db, err := r.kind.open(ctx, place)
	if err != nil {
		return err
	}
	return errors.Join(c.finish(ctx, db, &s), db.Close())
}

// look opens the database after a kill and checks it.
func (r *run) look(ctx context.Context, c *checker, s *setup, sealed bool) error {
	if err := r.target.settle(ctx, s.Place); err != nil {
		return err
	}
	db, err := r.kind.open(ctx, s.Place)
	if err != nil {
		return err
	}
	r.report.Checks++
	w, err := newWorld(db, s, s.now)
	if err == nil {
		err = c.check(ctx, w)
	}
	if err == nil && sealed {
		err = c.sealed(ctx, w)
	}
	return errors.Join(err, db.Close())
}

// A plan says when a child is killed.
type plan struct {
	opening bool          // before it says that the store is open, perhaps
	begun   int           // after so many ops were begun
	after   time.Duration // then
	server  bool          // the server of the store is killed first, and the child works on
	unseen  bool          // the next child finds what this one has left, before anybody looks
}

// plan thinks of a moment for the ith kill of a database. Some of the first are kills of a store that is only being made.
func (r *run) plan(i int) plan {
	p := plan{unseen: r.rng.IntN(4) == 0, begun: 1}
	switch n := r.rng.IntN(10); {
	case n == 0, i < 6 && i%2 == 0:
		p.opening, p.unseen = true, r.rng.IntN(2) == 0
		p.after = r.below(20 * time.Millisecond)
	case n < 6:
		p.begun += r.rng.IntN(20) // on a slow machine nothing may happen in the time
		p.after = r.below(50 * time.Millisecond)
	default:
		p.begun += r.rng.IntN(60)
		p.after = r.below(time.Millisecond)
	}
	p.server = r.serverKills && !p.opening && i%2 == 1
	return p
}

func (r *run) below(d time.Duration) time.Duration { return time.Duration(r.rng.Int64N(int64(d))) }

// A childProcess is a child and what is heard of it.
type childProcess struct {
	ready chan struct{} // closed when the store is open
	begun chan struct{} // one for each op that is begun
	ended chan struct{} // one for each answer
	quiet chan error    // gets one value when it says no more
}

// patience is how long a child may take for one step before it is called stuck.
const patience = 2 * time.Minute

// round starts a child, kills it as planned, and waits until it is gone.
func (r *run) round(ctx context.Context, s *setup, l *ledger, p plan) error {
	cmd := exec.Command(r.self)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c := &childProcess{ready: make(chan struct{}), begun: make(chan struct{}, 1024), ended: make(chan struct{}, 1024), quiet: make(chan error, 1)}
	opened := false
	go func() {
		c.quiet <- l.listen(out, func(said line) {
			switch {
			case said.Ready:
				opened = true
				close(c.ready)
			case said.Begin != nil:
				count(c.begun)
			case said.End != nil:
				count(c.ended)
			}
		})
	}()
	_, written := in.Write(text)
	planned := r.follow(ctx, c, p)
	killed := cmd.Process.Kill()
	heard := <-c.quiet
	_ = cmd.Wait() // it was killed
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return fmt.Errorf("the child ended by itself with status %d: %s", code, bytes.TrimSpace(complaints.Bytes()))
	}
	if err := errors.Join(planned, killed, heard); err != nil {
		return err
	}
	if opened && written != nil {
		return written
	}
	r.report.Kills++
	if !opened {
		r.report.KillsOpening++
	}
	return nil
}

func count(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default: // nobody counts so far
	}
}

// follow waits for the moment to kill the child.
func (r *run) follow(ctx context.Context, c *childProcess, p plan) error {
	if !p.opening {
		if err := c.wait(ctx, c.ready, 1, "open the store"); err != nil {
			return err
		}
		if err := c.wait(ctx, c.begun, p.begun, "begin a command"); err != nil {
			return err
		}
	}
	if err := c.pause(ctx, p.after); err != nil || !p.server {
		return err
	}
	if err := r.target.killServer(); err != nil {
		return err
	}
	r.report.ServerKills++
	if err := c.pause(ctx, r.below(20*time.Millisecond)); err != nil {
		return err
	}
	if err := r.target.restartServer(ctx); err != nil {
		return err
	}
	for drained := false; !drained; { // what was answered before
		select {
		case <-c.ended:
		default:
			drained = true
		}
	}
	if err := c.wait(ctx, c.ended, 10, "go on after its server was restarted"); err != nil {
		return err
	}
	return c.pause(ctx, r.below(20*time.Millisecond))
}

// wait waits for n signals.
func (c *childProcess) wait(ctx context.Context, on <-chan struct{}, n int, what string) error {
	for range n {
		late := time.After(patience)
		select {
		case <-on:
		case err := <-c.quiet:
			c.quiet <- err
			return nil // it is gone; why, is seen from its end
		case <-late:
			return fmt.Errorf("the child did not %s within %v", what, patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c *childProcess) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
