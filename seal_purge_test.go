package itsm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// Purge takes the entries out, as a store would.
func (s *sealed) Purge(_ context.Context, b itsm.PurgeBatch) error {
	runs := make(map[itsm.Key]itsm.PurgeRun)
	for _, run := range b.Runs {
		runs[run.Ref.In(b.Tenant)] = run
	}
	for i := range s.events {
		if run, ok := runs[s.events[i].Key]; ok && s.events[i].Seq > run.To {
			return fmt.Errorf("%s has moved on: %w", s.events[i].Key, itsm.ErrConflict)
		}
	}
	s.events = slices.DeleteFunc(s.events, func(e itsm.Event) bool { _, ok := runs[e.Key]; return ok })
	return nil
}

type failingPurger struct {
	itsm.Purger
	left int
}

var errPurger = errors.New("the machine stopped")

func (p *failingPurger) Purge(ctx context.Context, b itsm.PurgeBatch) error {
	if p.left--; p.left < 0 {
		return errPurger
	}
	return p.Purger.Purge(ctx, b)
}

func purgeRequest(now time.Time) itsm.PurgeRequest {
	return itsm.PurgeRequest{Tenant: "h1", Now: now, By: "u-001", Reason: "retention is over"}
}

// lapsed says by the letter of a policy whether an entry need not be kept any more.
func lapsed(p itsm.RetentionPolicy, e *itsm.Event, now time.Time) bool {
	months, met := 0, false
	fit := func(patterns []string, name string) bool {
		if len(patterns) == 0 {
			return true
		}
		for _, p := range patterns {
			if p == name || strings.HasSuffix(p, "*") && strings.HasPrefix(name, p[:len(p)-1]) {
				return true
			}
		}
		return false
	}
	for _, r := range p.Rules {
		if fit(r.Kinds, string(e.Kind)) && fit(r.Commands, e.CommandName) {
			met = true
			if r.Keep == itsm.Unlimited {
				return false
			}
			months = max(months, int(r.Keep))
		}
	}
	if !met {
		months = int(p.Default)
	}
	return !now.Before(e.Recorded.AddDate(0, months, 0))
}

// aged makes the entries of a drawn journal some months older, whole records alike, before anything is sealed.
func aged(t *rapid.T) *sealed {
	s := newSealed()
	age := make(map[itsm.Key]int)
	for range rapid.IntRange(5, 40).Draw(t, "entries") {
		e := anyEntry(t, len(s.events), 2, 4)
		if _, known := age[e.Key]; !known {
			age[e.Key] = rapid.IntRange(0, 48).Draw(t, "age")
		}
		e.Recorded = e.Recorded.AddDate(0, -age[e.Key], 0)
		e.CommandName = rapid.SampledFrom([]string{"incident.triage", "itsm.note", "itsm.disclose"}).Draw(t, "command")
		s.write(e)
		if rapid.IntRange(0, 9).Draw(t, "seal") == 0 {
			s.seal(t, "h1")
		}
	}
	s.seal(t, "h1")
	for range rapid.IntRange(0, 3).Draw(t, "behind") {
		s.write(anyEntry(t, len(s.events), 2, 4))
	}
	return s
}

func TestPurge(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, keys := testKey()
	policy := itsm.RetentionPolicy{
		Rules:   []itsm.RetentionRule{{Class: "changes", Kinds: []string{"change"}, Keep: 24}, {Class: itsm.EntrustedData, Commands: []string{"itsm.disc*"}, Keep: 40}},
		Default: 12,
	}
	now := sealStart.AddDate(0, 0, 1)

	t.Run("what the policy lets go is purged, and the journal verifies with the checkpoint and not without", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := aged(t)
			sealedPart := make(map[itsm.Position]bool)
			for _, i := range s.sealedPart() {
				sealedPart[s.events[i].Position] = true
			}
			keep := make(map[itsm.Key]bool)
			held := itsm.Ref{Kind: "incident", ID: "记录 1"}
			req := purgeRequest(now)
			if rapid.Bool().Draw(t, "hold") {
				req.Held = []itsm.Ref{held}
				keep[held.In("h1")] = true
			}
			for _, i := range s.of("h1") {
				if e := &s.events[i]; !lapsed(policy, e, now) || !sealedPart[e.Position] {
					keep[e.Key] = true
				}
			}
			before, total := len(s.events), s.newest("h1").Size
			plan, err := s.sealer(t).PlanPurge(ctx, policy, req)
			require.NoError(t, err)
			assert.Len(t, s.events, before, "a plan changes nothing")
			_, err = s.verify("h1")
			require.NoError(t, err)
			pristine := s.copy()

			checkpoints, err := s.sealer(t).Purge(ctx, plan, s)
			require.NoError(t, err)
			assert.EqualValues(t, before-len(s.events), plan.Entries())
			gone := make(map[itsm.Key]bool)
			for _, run := range plan.Runs() {
				gone[run.Ref.In("h1")] = true
			}
			for i := range pristine.events {
				e := &pristine.events[i]
				assert.Equal(t, e.Tenant == "h1" && !keep[e.Key], gone[e.Key], "%s", e.Key)
			}
			got, err := s.verify("h1", s.seals["h1"]...)
			require.NoError(t, err)
			assert.Equal(t, plan.Entries(), got.Purged)
			assert.Equal(t, total, got.Purged+got.Sealed)
			if plan.Entries() == 0 {
				assert.Empty(t, checkpoints)
				return
			}
			kept, err := itsm.ParseCheckpoint(checkpoints[0].Note, keys)
			require.NoError(t, err)
			assert.Equal(t, checkpoints[0], kept)
			assert.Equal(t, plan.Runs(), kept.Runs)
			for _, run := range kept.Runs {
				part := pristine.of("h1")[run.FirstLeaf : run.LastLeaf+1]
				first, last := pristine.events[part[0]], pristine.events[part[len(part)-1]]
				assert.Equal(t, run, itsm.PurgeRun{Ref: last.Ref(), From: first.Seq, To: last.Seq, FirstLeaf: run.FirstLeaf, LastLeaf: run.LastLeaf, Head: last.Hash})
			}

			without := &sealed{s.clone(), pristine.shelf.clone(), s.seals}
			_, err = without.verify("h1")
			var tampered *itsm.TamperedError
			require.ErrorAs(t, err, &tampered)
			assert.True(t, gone[tampered.Key], err.Error())

			if rest := s.of("h1")[:got.Sealed]; len(rest) > 0 {
				more := s.copy()
				at := rapid.SampledFrom(rest).Draw(t, "more")
				was := s.events[at]
				more.events = slices.Delete(more.events, at, at+1)
				_, err = more.verify("h1")
				require.ErrorAs(t, err, &tampered)
				assert.Equal(t, was.Key, tampered.Key)
				assert.Equal(t, was.Seq, tampered.Seq)
			}

			// Life goes on: new entries, also of records that were purged, a new seal, another purge.
			for i, run := range kept.Runs {
				e := itsm.Event{Key: run.Ref.In("h1"), Seq: run.To + 1, Prev: run.Head, Type: "x", Recorded: now, CommandName: "incident.reopen", Command: itsm.CommandID(fmt.Sprintf("r%d", i)), Data: []byte("{}")}
				e.Hash = e.ComputeHash()
				e.Position = placeOf(1000 + i)
				s.events = append(s.events, e)
			}
			seal := s.seal(t, "h1")
			got, err = s.verify("h1", s.seals["h1"]...)
			require.NoError(t, err)
			assert.Equal(t, seal.Size, got.Sealed+got.Purged)
			reopened := s.copy()
			last := reopened.events[len(reopened.events)-1]
			reopened.events = reopened.events[:len(reopened.events)-1]
			_, err = reopened.verify("h1")
			found(t, err, itsm.ErrJournalCut, last.Key, last.Seq, "")
			plan, err = s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now.AddDate(5, 0, 0)))
			require.NoError(t, err)
			checkpoints, err = s.sealer(t).Purge(ctx, plan, s)
			require.NoError(t, err)
			assert.EqualValues(t, 2, checkpoints[0].Number)
			assert.Empty(t, s.of("h1"))
			got, err = s.verify("h1", s.seals["h1"]...)
			require.NoError(t, err)
			assert.Equal(t, seal.Size, got.Purged)
			e := itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: "new"}, Seq: 1, Command: "n", Data: []byte("{}"), Recorded: now, Position: placeOf(3000)}
			e.Hash = e.ComputeHash()
			s.events = append(s.events, e)
			assert.Equal(t, seal.Size+1, s.seal(t, "h1").Size, "sealing goes on, though the entry that was sealed last is gone")
			_, err = s.verify("h1", s.seals["h1"]...)
			require.NoError(t, err)
		})
	})

	t.Run("a purge that stops on the way can be carried out again", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		for i := range 2300 {
			e := itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: itsm.ID(fmt.Sprint(i))}, Seq: 1, Recorded: sealStart.AddDate(-4, 0, 0), Command: "c", Data: []byte("{}")}
			s.add(e)
		}
		s.seal(t, "h1")
		plan, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now))
		require.NoError(t, err)
		require.EqualValues(t, 2300, plan.Entries())
		done, err := s.sealer(t).Purge(ctx, plan, &failingPurger{s, 1})
		require.ErrorIs(t, err, errPurger)
		assert.Len(t, done, 2, "a checkpoint comes before its entries go")
		assert.Len(t, s.events, 1300)
		got, err := s.verify("h1")
		require.NoError(t, err)
		assert.EqualValues(t, 1000, got.Purged)
		plan, err = s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now))
		require.NoError(t, err)
		done, err = s.sealer(t).Purge(ctx, plan, s)
		require.NoError(t, err)
		assert.Len(t, done, 2)
		assert.Empty(t, s.events)
		_, err = s.verify("h1")
		require.NoError(t, err)
		var numbers []uint64
		for c, err := range itsm.Checkpoints(ctx, s.shelf, "h1", keys) {
			require.NoError(t, err)
			assert.Equal(t, itsm.PersonID("u-001"), c.By)
			assert.Equal(t, "retention is over", c.Reason)
			numbers = append(numbers, c.Number)
		}
		assert.Equal(t, []uint64{1, 2, 3, 4}, numbers)
	})

	t.Run("a record that moved on after the plan is left to the purger", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		e := itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: "A"}, Recorded: sealStart.AddDate(-4, 0, 0), Command: "c", Data: []byte("{}")}
		s.write(e)
		s.seal(t, "h1")
		plan, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now))
		require.NoError(t, err)
		s.write(e)
		_, err = s.sealer(t).Purge(ctx, plan, s)
		require.ErrorIs(t, err, itsm.ErrConflict)
		assert.Len(t, s.events, 2)
		_, err = s.verify("h1")
		require.NoError(t, err)
	})

	t.Run("an old plan that is carried out late takes nothing back", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		e := itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: "A"}, Recorded: sealStart.AddDate(-4, 0, 0), Command: "c", Data: []byte("{}")}
		s.write(e)
		s.seal(t, "h1")
		old, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now))
		require.NoError(t, err)
		s.write(e)
		s.seal(t, "h1")
		plan, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now))
		require.NoError(t, err)
		for _, p := range []*itsm.PurgePlan{plan, old} {
			_, err = s.sealer(t).Purge(ctx, p, s)
			require.NoError(t, err)
		}
		got, err := s.verify("h1")
		require.NoError(t, err)
		assert.EqualValues(t, 2, got.Purged)
	})

	t.Run("nothing is purged from a journal that was tampered with", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 10)
		_, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now.AddDate(9, 0, 0)))
		require.ErrorIs(t, err, itsm.ErrNotFound, "nor from one that was never sealed")
		s.seal(t, "h1")
		s.events[3].Actor = "x"
		_, err = s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now.AddDate(9, 0, 0)))
		require.ErrorIs(t, err, itsm.ErrEntryChanged)
	})

	t.Run("a request that lacks something says all of it", func(t *testing.T) {
		t.Parallel()
		_, err := newSealed().sealer(t).PlanPurge(ctx, itsm.RetentionPolicy{}, itsm.PurgeRequest{ID: "A"})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, what := range []string{"tenant", "instant", "who asks", "reason", "needs a kind", "default"} {
			assert.ErrorContains(t, err, what)
		}
	})

	t.Run("what must be kept is named, in both languages", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		old := sealStart.AddDate(-4, 0, 0)
		put := func(kind itsm.Kind, id string, recorded time.Time) {
			s.write(itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: kind, ID: itsm.ID(id)}, Recorded: recorded, Command: "c", CommandName: string(kind) + ".x", Data: []byte("{}")})
		}
		put("incident", "old", old)
		put("asset", "card", old)
		put("incident", "held", old)
		put("change", "young", now.AddDate(0, -23, 0))
		put("incident", "grown", old)
		s.seal(t, "h1")
		put("incident", "grown", old)
		policy := itsm.RetentionPolicy{Rules: append(itsm.DefaultRetention().Rules, policy.Rules...), Default: 12}
		req := purgeRequest(now)
		req.Held = []itsm.Ref{{Kind: "incident", ID: "held"}}
		plan, err := s.sealer(t).PlanPurge(ctx, policy, req)
		require.NoError(t, err)
		assert.Equal(t, 4, plan.Kept())
		require.Len(t, plan.Runs(), 1)

		req.Before = now
		_, err = s.sealer(t).PlanPurge(ctx, policy, req)
		require.ErrorIs(t, err, itsm.ErrRefused)
		require.ErrorIs(t, err, itsm.ErrRetained)
		var reasons itsm.Reasons
		require.ErrorAs(t, err, &reasons)
		assert.Equal(t, "asset/card entry 1 is of class asset_card and is kept for ever; incident/held is on legal hold; "+
			"change/young entry 1 is of class changes and is kept until 2026-03-15 01:02:03 UTC; incident/grown entry 2 is not sealed yet", reasons.Error())
		assert.Contains(t, reasons.In(itsm.Chinese), "incident/held 处于法律保全中，不得清除")

		req.Before = old.Add(time.Second)
		req.Held, req.Kind, req.ID = nil, "incident", "old"
		plan, err = s.sealer(t).PlanPurge(ctx, policy, req)
		require.NoError(t, err)
		assert.EqualValues(t, 1, plan.Entries())
		req.Before = old
		plan, err = s.sealer(t).PlanPurge(ctx, policy, req)
		require.NoError(t, err)
		assert.Zero(t, plan.Entries(), "its last entry was not recorded before")
		req.ID = "nobody"
		_, err = s.sealer(t).PlanPurge(ctx, policy, req)
		require.ErrorIs(t, err, itsm.ErrNotFound)
	})

	t.Run("a long refusal is cut", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 97)
		s.seal(t, "h1")
		req := purgeRequest(now)
		req.Before = now
		_, err := s.sealer(t).PlanPurge(ctx, policy, req)
		var reasons itsm.Reasons
		require.ErrorAs(t, err, &reasons)
		assert.Len(t, reasons, 21)
		assert.Contains(t, err.Error(), "77 more records must be kept")
	})

	t.Run("a forged, foreign or missing checkpoint does not count", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 300)
		s.seal(t, "h1")
		plan, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now.AddDate(3, 0, 0)))
		require.NoError(t, err)
		checkpoints, err := s.sealer(t).Purge(ctx, plan, s)
		require.NoError(t, err)
		signer, _ := testKey()
		sign := func(text string) []byte {
			signed, err := note.Sign(&note.Note{Text: text}, signer)
			require.NoError(t, err)
			return signed
		}
		text, _, _ := cutNote(checkpoints[0].Note)
		other, _ := newKey(t, "h1.example/itsm")
		forged, err := note.Sign(&note.Note{Text: text}, other)
		require.NoError(t, err)
		for name, data := range map[string][]byte{
			"nothing":            nil,
			"another key":        forged,
			"another number":     sign(replaced(text, "purge 1\nseal", "purge 2\nseal")),
			"another tenant":     sign(replaced(text, `tenant "h1"`, `tenant "h2"`)),
			"a changed text":     []byte(replaced(string(checkpoints[0].Note), "retention", "Retention")),
			"a seal":             s.newest("h1").Note,
			"a record left out":  sign(strings.Join(slices.Delete(strings.SplitAfter(text, "\n"), 9, 10), "")),
			"a head that is off": sign(replaced(text, checkpoints[0].Runs[0].Head.String(), strings.Repeat("0", 64))),
		} {
			bad := s.copy()
			item := bad.shelf.items["h1 purges/1"]
			item.Data = data
			bad.shelf.items["h1 purges/1"] = item
			_, err := bad.verify("h1")
			var tampered *itsm.TamperedError
			assert.ErrorAs(t, err, &tampered, name)
		}
		_, err = s.verify("h1")
		require.NoError(t, err)
	})

	t.Run("a plan of an older copy is not carried out", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 3)
		s.seal(t, "h1")
		old := s.copy()
		series(s, 3, 3)
		s.seal(t, "h1")
		plan, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(now.AddDate(3, 0, 0)))
		require.NoError(t, err)
		_, err = old.sealer(t).Purge(ctx, plan, old)
		require.ErrorIs(t, err, itsm.ErrSealBroken)
		assert.Len(t, old.events, 3)
	})
}

func TestRetention(t *testing.T) {
	t.Parallel()

	t.Run("the longest rule counts, else the default", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			p := itsm.RetentionPolicy{Default: itsm.Retention(rapid.IntRange(6, 60).Draw(t, "default"))}
			names := []string{"a", "a.b", "ab", "b.c", ""}
			patterns := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a*", "a.*", "b.c", "*"}), 0, 2)
			for range rapid.IntRange(0, 4).Draw(t, "rules") {
				keep := rapid.OneOf(rapid.IntRange(6, 60), rapid.Just(-1)).Draw(t, "keep")
				p.Rules = append(p.Rules, itsm.RetentionRule{Class: "x", Kinds: patterns.Draw(t, "kinds"), Commands: patterns.Draw(t, "commands"), Keep: itsm.Retention(keep)})
			}
			require.NoError(t, p.Check())
			e := itsm.Event{Key: itsm.Key{Kind: itsm.Kind(rapid.SampledFrom(names).Draw(t, "kind"))}, CommandName: rapid.SampledFrom(names).Draw(t, "command"), Recorded: sealStart}
			_, keep := p.Of(&e)
			until, ends := keep.Until(e.Recorded)
			if !ends {
				assert.False(t, lapsed(p, &e, sealStart.AddDate(5000, 0, 0)))
				return
			}
			assert.True(t, lapsed(p, &e, until))
			assert.False(t, lapsed(p, &e, until.Add(-1)))
			data, err := json.Marshal(p)
			require.NoError(t, err)
			var back itsm.RetentionPolicy
			require.NoError(t, json.Unmarshal(data, &back))
			again, err := json.Marshal(back)
			require.NoError(t, err)
			assert.Equal(t, string(data), string(again))
		})
	})

	t.Run("a month that lacks the day keeps longer, never shorter", func(t *testing.T) {
		t.Parallel()
		for recorded, want := range map[string]string{"2026-08-31": "2027-03-03", "2024-02-29": "2024-08-29", "2026-01-01": "2026-07-01"} {
			at, err := time.Parse(time.DateOnly, recorded)
			require.NoError(t, err)
			until, ends := itsm.Retention(6).Until(at.In(time.FixedZone("", -5*3600)))
			assert.True(t, ends)
			assert.Equal(t, want, until.Format(time.DateOnly))
		}
	})

	t.Run("as text", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]itsm.Retention{"36 months": 36, "3 years": 36, "1 year": 12, "1 month": 1, "unlimited": itsm.Unlimited, "1000 years": 12_000} {
			got, err := itsm.ParseRetention(text)
			require.NoError(t, err)
			assert.Equal(t, want, got, text)
			back, err := itsm.ParseRetention(got.String())
			require.NoError(t, err)
			assert.Equal(t, got, back)
		}
		for _, text := range []string{"", "36", "months", "0 months", "-1 months", "+6 months", "06 months", "6  months", "6 months ", "6 days", "1001 years", "12001 months", "99999999999 years", "Unlimited"} {
			_, err := itsm.ParseRetention(text)
			assert.ErrorIs(t, err, itsm.ErrInvalid, text)
		}
	})

	t.Run("a broken policy says all that is wrong", func(t *testing.T) {
		t.Parallel()
		p := itsm.RetentionPolicy{Rules: []itsm.RetentionRule{
			{Keep: 12}, {Class: "x", Kinds: []string{"a*b", ""}, Keep: 12}, {Class: "y", Keep: 0}, {Class: "z", Keep: -2}, {Class: "long", Keep: 12_001}, {Class: itsm.AssetCard, Keep: 600},
		}, Default: 5}
		err := p.Check()
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, what := range []string{
			"default: operation_log is kept for 5 months, at least 6 months is required", "rule 1: the class is missing", `rule 2 (x): pattern "a*b"`, `rule 2 (x): pattern ""`,
			"rule 3 (y): it keeps 0 months", "rule 4 (z): it keeps -2 months", "rule 5 (long): it keeps 12001", "rule 6 (asset_card): asset_card is kept for 600 months, at least unlimited is required",
		} {
			assert.ErrorContains(t, err, what)
		}
	})
}
