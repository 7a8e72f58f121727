package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store"
)

// A setup is what all processes of a run work with. The parent hands it to the child.
type setup struct {
	Store   string    `json:"store"`
	Place   string    `json:"place"`  // of the database: a path, or how to connect
	Began   time.Time `json:"began"`  // when the clock of the hospital stood at its beginning
	Secret  string    `json:"secret"` // signs the seals
	Public  string    `json:"public"`
	Seed    uint64    `json:"seed"`
	Round   int       `json:"round"`
	Workers int       `json:"workers"`
	Pending []op      `json:"pending,omitempty"` // commands whose answer was lost
}

// The clock of the hospital runs a thousand times as fast as that of the machine, so that service levels pass in fractions of a second.
const speed = 1000

// beginning is a Monday morning in Shanghai.
var beginning = time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)

func (s *setup) now() time.Time { return beginning.Add(speed * time.Since(s.Began)) }

// The two hospitals.
var tenants = []itsm.Tenant{"h1", "h2"}

// A world is what a host sets up over a store.
type world struct {
	db        store.DB
	now       func() time.Time
	incidents *incident.Service
	seals     itsm.SealStore
	sealer    *itsm.Sealer
	keys      note.Verifiers
	stubborn  int // how often to try to get an answer
}

// mostTries make two minutes and more, in which a server that was killed is there again.
const mostTries = 6000

func newWorld(db store.DB, s *setup, clock func() time.Time) (*world, error) {
	w := &world{db: db, now: clock, stubborn: mostTries, seals: store.NewSealStore(db)}
	policy := incident.Lenient()
	policy.Major.Criteria = nil
	policy.UnmergeWithin = 5 * itsm.Minute // then time itself cancels the duplicate
	cfg := incident.Config{Agreements: incident.DefaultAgreements(), Policy: &policy}
	cfg.Clock = clock
	var err error
	if w.incidents, err = incident.New(incident.NewRepository(db), cfg); err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(s.Secret)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(s.Public)
	if err != nil {
		return nil, err
	}
	w.keys = note.VerifierList(verifier)
	w.sealer, err = itsm.NewSealer(db, w.seals, signer, w.keys)
	return w, err
}

// as returns a context in which a person acts who may do everything that the process allows.
func as(ctx context.Context, tenant itsm.Tenant, who itsm.PersonID) context.Context {
	return itsm.WithActor(ctx, itsm.Actor{ID: who, Tenant: tenant, Roles: []itsm.Role{itsm.RoleImporter, itsm.RoleServiceDesk}})
}

// scheduler wakes incidents, and opens a follow-up for each that hits the whole hospital.
func (w *world) scheduler(cfg scheduler.Config) (*scheduler.Scheduler, error) {
	cfg.Clock = w.now
	cfg.Actor = itsm.Actor{ID: "system/scheduler", Roles: []itsm.Role{itsm.RoleSystem, itsm.RoleImporter}}
	return scheduler.New(w.db, cfg,
		scheduler.Wake(w.incidents, incident.Tick{}),
		scheduler.On("follow-up", w.incidents, w.followUp))
}

func (w *world) followUp(ctx context.Context, ev itsm.Event, e incident.Triaged) error {
	if !wantsFollowUp(e) {
		return nil
	}
	opened, err := scheduler.Do(ctx, w.incidents, "", incident.Record{Channel: incident.Other, Source: "follow-up", Summary: followUpOf(ev.ID, ev.Seq)})
	if err != nil {
		return err
	}
	_, err = scheduler.Do(ctx, w.incidents, ev.ID, incident.Link{Problem: opened.ID})
	var refused *itsm.RefusedError
	if errors.As(err, &refused) { // it was closed meanwhile
		return nil
	}
	return err
}

func wantsFollowUp(e incident.Triaged) bool { return e.Impact == incident.ImpactHospital }

const followUps = "follow-up of "

// followUpOf is the summary of the follow-up of an event.
func followUpOf(id itsm.ID, seq uint64) string { return fmt.Sprint(followUps, id, ", entry ", seq) }
