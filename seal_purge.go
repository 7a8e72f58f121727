package itsm

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Reasons against a purge.
var (
	// ErrRetained is the rule behind every entry that must still be kept.
	ErrRetained   = NotNow("itsm.retained", "{entry} is of class {class} and is kept until {until}", "{entry} 属于 {class} 类，须保存至 {until}")
	ruleForever   = NotNow("itsm.retained_for_ever", "{entry} is of class {class} and is kept for ever", "{entry} 属于 {class} 类，须永久保存")
	ruleHeld      = NotNow("itsm.legal_hold", "{record} is on legal hold", "{record} 处于法律保全中，不得清除")
	ruleUnsealed  = NotNow("itsm.not_sealed", "{entry} is not sealed yet", "{entry} 尚未封存")
	ruleMoreFound = NotNow("itsm.more_kept", "{count} more records must be kept", "另有 {count} 条记录须保存")
)

// A PurgeRequest says what is to go. Journals of records go as a whole: a part of one could not be replayed.
type PurgeRequest struct {
	Tenant Tenant
	Now    time.Time
	By     PersonID // who asks for it
	Reason string   // why, in their words

	Kind   Kind      // of the records; "" for all
	ID     ID        // of one record; needs Kind
	Before time.Time // records whose last entry was recorded before. Zero: all of which the policy lets go
	Held   []Ref     // records on legal hold
}

func (r *PurgeRequest) check() error {
	var faults []error
	if err := checkName("the tenant", string(r.Tenant)); err != nil {
		faults = append(faults, err)
	}
	if r.Now.IsZero() {
		faults = append(faults, errors.New("the instant is missing"))
	}
	if r.By == "" {
		faults = append(faults, errors.New("who asks for it is missing"))
	}
	if strings.TrimSpace(r.Reason) == "" {
		faults = append(faults, errors.New("the reason is missing"))
	}
	if r.ID != "" && r.Kind == "" {
		faults = append(faults, fmt.Errorf("ID %q needs a kind", r.ID))
	}
	if faults == nil {
		return nil
	}
	return fmt.Errorf("%w: purge: %w", ErrInvalid, errors.Join(faults...))
}

// explicit reports whether the request names what is to go, so that keeping any of it is a refusal.
func (r *PurgeRequest) explicit() bool { return r.ID != "" || !r.Before.IsZero() }

// A PurgeRun is the entries of one record that are purged.
type PurgeRun struct {
	Ref       Ref    `json:"ref"`
	From      uint64 `json:"from"`       // number of the first
	To        uint64 `json:"to"`         // number of the last
	FirstLeaf int64  `json:"first_leaf"` // place of the first among the sealed entries, from 0; others may lie between
	LastLeaf  int64  `json:"last_leaf"`
	Head      Digest `json:"head"` // hash of the last
}

// A PurgePlan is what may be purged. [Sealer.PlanPurge] makes it; nothing has happened yet. It is immutable.
type PurgePlan struct {
	request PurgeRequest
	seal    Seal
	runs    []PurgeRun
	entries int64
	kept    int
}

// Runs returns what is purged, in the order of the journal. The slice belongs to the caller.
func (p *PurgePlan) Runs() []PurgeRun { return slices.Clone(p.runs) }

// Entries returns how many entries are purged.
func (p *PurgePlan) Entries() int64 { return p.entries }

// Kept returns how many records that the request is about are kept.
func (p *PurgePlan) Kept() int { return p.kept }

// PlanPurge finds what a request leads to under a policy. It first verifies the journal as [VerifyJournal] does: from
// one that was tampered with nothing is purged. A request for a record or a date that would take entries that must be kept is
// refused, with [Reasons] that name them.
func (s *Sealer) PlanPurge(ctx context.Context, policy RetentionPolicy, req PurgeRequest) (*PurgePlan, error) {
	if err := errors.Join(req.check(), policy.Check()); err != nil {
		return nil, err
	}
	book, err := openBook(ctx, s.store, req.Tenant, s.keys)
	if err != nil {
		return nil, err
	}
	at := make(map[Ref]int)
	var all []candidate // in the order of the journal
	_, err = verifyBook(ctx, s.journal, book, nil, func(leaf int64, e Event) {
		if req.Kind != "" && e.Kind != req.Kind || req.ID != "" && e.ID != req.ID {
			return
		}
		ref := e.Ref()
		i, known := at[ref]
		if !known {
			i = len(all)
			at[ref] = i
			all = append(all, candidate{run: PurgeRun{Ref: ref, From: e.Seq, FirstLeaf: leaf}})
		}
		all[i].add(&policy, leaf, &e, req.Now)
	})
	if err != nil {
		return nil, err
	}
	if req.ID != "" && len(all) == 0 {
		return nil, fmt.Errorf("itsm: journal of %s: %w", Key{req.Tenant, req.Kind, req.ID}, ErrNotFound)
	}
	held := make(map[Ref]bool, len(req.Held))
	for _, ref := range req.Held {
		held[ref] = true
	}
	plan := &PurgePlan{request: req, seal: book.seal}
	plan.request.Held = slices.Clone(req.Held)
	var refusals Reasons
	for i := range all {
		c := &all[i]
		if !req.Before.IsZero() && !c.last.Before(req.Before) {
			continue
		}
		if held[c.run.Ref] {
			c.against = Reasons{ruleHeld.With("record", c.run.Ref)}
		}
		if len(c.against) > 0 {
			plan.kept++
			if plan.kept <= maxRefusals {
				refusals = append(refusals, c.against...)
			}
			continue
		}
		plan.runs = append(plan.runs, c.run)
		plan.entries += int64(c.count)
	}
	if req.explicit() {
		refusals.Add(plan.kept > maxRefusals, ruleMoreFound.With("count", plan.kept-maxRefusals))
		if err := refusals.Err(); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// maxRefusals bounds the records that a refusal names.
const maxRefusals = 20

// candidate is a record whose journal might be purged.
type candidate struct {
	run     PurgeRun
	count   uint64
	last    time.Time // when its last entry was recorded
	against Reasons   // why it is kept: the first entry that says so
}

func (c *candidate) add(policy *RetentionPolicy, leaf int64, e *Event, now time.Time) {
	c.count++
	c.last = e.Recorded
	c.run.To, c.run.LastLeaf, c.run.Head = e.Seq, leaf, e.Hash
	if len(c.against) > 0 {
		return
	}
	entry := func() string { return fmt.Sprintf("%s entry %d", e.Ref(), e.Seq) }
	class, keep := policy.Of(e)
	until, ends := keep.Until(e.Recorded)
	switch {
	case !ends:
		c.against = Reasons{ruleForever.Because(ErrRetained, "entry", entry(), "class", class)}
	case now.Before(until):
		c.against = Reasons{ErrRetained.With("entry", entry(), "class", class, "until", until)}
	case leaf < 0:
		c.against = Reasons{ruleUnsealed.With("entry", entry())}
	}
}

// A Purger takes entries out of a journal; a store may implement it.
type Purger interface {
	// Purge removes the entries of a batch, all or none, and their records with them if the store can: a record without its
	// journal cannot be replayed. It matches ErrConflict when a record has entries behind the batch. Entries that are gone already are no
	// error. Positions given out before stay valid.
	Purge(ctx context.Context, b PurgeBatch) error
}

// A PurgeBatch is purged at once.
type PurgeBatch struct {
	Tenant     Tenant
	Runs       []PurgeRun
	Checkpoint []byte // the signed note that lets the journal be verified without them
}

// A Checkpoint is a statement signed by the host: these entries were there, under this seal, and were purged. [VerifyJournal]
// demands one for every entry that is missing.
type Checkpoint struct {
	Tenant Tenant
	Number uint64 // 1, 2, 3 … within the tenant
	Seal   uint64 // the number of the seal under which the entries were verified
	Size   int64  // of that seal
	Root   Digest // of that seal
	Time   time.Time
	By     PersonID
	Reason string
	Runs   []PurgeRun
	Note   []byte // as it was signed
}

const purgeTitle = "itsm journal purge 1"

func (c *Checkpoint) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\ntenant %q\npurge %d\nseal %d\nentries %d\nroot %s\ntime %s\nby %q\nreason %q\n", purgeTitle,
		string(c.Tenant), c.Number, c.Seal, c.Size, c.Root, c.Time.Format(sealTime), string(c.By), c.Reason)
	for i := range c.Runs {
		r := &c.Runs[i]
		fmt.Fprintf(&b, "purged %q %q %d %d %d %d %s\n", string(r.Ref.Kind), string(r.Ref.ID), r.From, r.To, r.FirstLeaf, r.LastLeaf, r.Head)
	}
	return b.String()
}

// ParseCheckpoint reads a signed note and checks that one of the keys signed it. Anything else is ErrSealBroken.
func ParseCheckpoint(signed []byte, keys note.Verifiers) (Checkpoint, error) {
	n, err := openNote(signed, keys)
	if err != nil {
		return Checkpoint{}, err
	}
	c := Checkpoint{Note: slices.Clone(signed)}
	r := noteReader{rest: n.Text}
	r.title(purgeTitle)
	c.Tenant = Tenant(r.quoted("tenant"))
	c.Number = r.number("purge")
	c.Seal = r.number("seal")
	c.Size = int64(r.number("entries"))
	c.Root = r.digest("root")
	c.Time = r.time("time")
	c.By = PersonID(r.quoted("by"))
	c.Reason = r.quoted("reason")
	for r.err == nil && r.rest != "" {
		f := noteFields{rest: r.value("purged")}
		run := PurgeRun{Ref: Ref{Kind(f.quoted()), ID(f.quoted())}, From: f.number(), To: f.number()}
		run.FirstLeaf, run.LastLeaf, run.Head = int64(f.number()), int64(f.number()), f.digest()
		r.check(&f, "purged, kind, ID, four numbers and a hash")
		c.Runs = append(c.Runs, run)
	}
	if err := r.end(c.text() == n.Text); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// purgeBatch bounds the records of a batch, and so the size of a checkpoint.
const purgeBatch = 1000

// Purge carries out a plan, in batches: for each it signs and keeps a checkpoint, and then has the entries removed. When it fails on the way
// the journal verifies all the same, and the plan can be carried out again. It returns the checkpoints.
func (s *Sealer) Purge(ctx context.Context, plan *PurgePlan, purger Purger) ([]Checkpoint, error) {
	var done []Checkpoint
	for runs := range slices.Chunk(plan.runs, purgeBatch) {
		c, err := s.checkpoint(ctx, plan, runs)
		if err != nil {
			return done, err
		}
		done = append(done, c)
		batch := PurgeBatch{Tenant: c.Tenant, Runs: slices.Clone(runs), Checkpoint: slices.Clone(c.Note)}
		if err := purger.Purge(ctx, batch); err != nil {
			return done, fmt.Errorf("itsm: purge of checkpoint %d of %s: %w", c.Number, c.Tenant, err)
		}
	}
	return done, nil
}

// checkpoint signs and keeps the checkpoint of a batch.
func (s *Sealer) checkpoint(ctx context.Context, plan *PurgePlan, runs []PurgeRun) (Checkpoint, error) {
	for attempt := 1; ; attempt++ {
		book, err := openBook(ctx, s.store, plan.request.Tenant, s.keys)
		if err != nil {
			return Checkpoint{}, err
		}
		if book.seal.Size < plan.seal.Size {
			return Checkpoint{}, sealBroken(book.tenant, "the plan was made under seal %d; the newest that is kept is %d", plan.seal.Number, book.seal.Number)
		}
		book.state.Purges++
		c := Checkpoint{
			Tenant: book.tenant, Number: book.state.Purges, Seal: plan.seal.Number, Size: plan.seal.Size, Root: plan.seal.Root,
			Time: sealInstant(plan.request.Now, plan.seal.Time), By: plan.request.By, Reason: plan.request.Reason, Runs: runs,
		}
		signed, err := s.sign(c.text())
		if err != nil {
			return Checkpoint{}, err
		}
		if c, err = ParseCheckpoint(signed, s.keys); err != nil {
			return Checkpoint{}, fmt.Errorf("itsm: the signer and its key do not fit: %w", err)
		}
		err = book.save(ctx, []SealItem{{Name: purgeName(c.Number), Data: signed}})
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, ErrConflict) || attempt == sealAttempts {
			return Checkpoint{}, err
		}
	}
}

func purgeName(n uint64) string { return "purges/" + strconv.FormatUint(n, 10) }

// checkpoints lists the checkpoints of all purges, the oldest first.
func (b *sealBook) checkpoints(ctx context.Context) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		for n := uint64(1); n <= b.state.Purges; n++ {
			c, err := b.loadCheckpoint(ctx, n)
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

func (b *sealBook) loadCheckpoint(ctx context.Context, n uint64) (Checkpoint, error) {
	item, err := b.store.Load(ctx, b.tenant, purgeName(n))
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := ParseCheckpoint(item.Data, b.keys)
	if err != nil {
		return Checkpoint{}, sealBroken(b.tenant, "the checkpoint of purge %d: %v", n, err)
	}
	if c.Tenant != b.tenant || c.Number != n {
		return Checkpoint{}, sealBroken(b.tenant, "in the place of the checkpoint of purge %d is that of purge %d of tenant %q", n, c.Number, c.Tenant)
	}
	return c, nil
}

// purged returns how far the journal of each record was purged.
func (b *sealBook) purged(ctx context.Context) (map[Ref]PurgeRun, error) {
	all := make(map[Ref]PurgeRun)
	for c, err := range b.checkpoints(ctx) {
		if err != nil {
			return nil, err
		}
		for _, run := range c.Runs {
			if run.To >= all[run.Ref].To {
				all[run.Ref] = run
			}
		}
	}
	return all, nil
}

// Checkpoints lists the checkpoints of all purges of a tenant, the oldest first. The sequence stops after the first error
// and may be ranged over again.
func Checkpoints(ctx context.Context, seals SealStore, tenant Tenant, keys note.Verifiers) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		book, err := openBook(ctx, seals, tenant, keys)
		if err != nil {
			yield(Checkpoint{}, err)
			return
		}
		book.checkpoints(ctx)(yield)
	}
}
