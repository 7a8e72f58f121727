package itsm_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// An invented patient: the number has a valid checksum, the area does not exist.
const (
	patientName  = "欧阳测试"
	patientPhone = "13900001234"
	patientText  = "患者" + patientName + "，电话" + patientPhone + "，标签打印错误"
)

func TestConfidentiality(t *testing.T) {
	t.Parallel()
	t.Run("R-071 a reader below the level gets nothing; raising is free, lowering needs a permission and a reason", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		clerk, viewer := as("cy", "clerk"), as("di", "viewer")
		p := f.registered(t)
		_, err := f.Get(viewer, p.ID)
		require.NoError(t, err, "a new record is internal")
		_, err = f.Do(clerk, p.ID, itsm.Classify{Level: itsm.Sensitive})
		require.NoError(t, err)
		_, err = f.Get(viewer, p.ID)
		require.ErrorIs(t, err, itsm.ErrDenied)
		for range f.Find(viewer, itsm.Query{}) {
			t.Fatal("listed above the clearance")
		}
		_, err = f.Do(viewer, p.ID, move{To: "ward"})
		require.ErrorIs(t, err, itsm.ErrDenied)
		_, err = f.Do(clerk, p.ID, itsm.Classify{Level: itsm.Internal}, itsm.Because("not secret"))
		require.ErrorIs(t, err, itsm.ErrDenied)
		_, err = f.Do(as("ann", "chief"), p.ID, itsm.Classify{Level: itsm.Internal})
		require.ErrorIs(t, err, itsm.ErrInvalid, "lowering needs a reason")
		_, err = f.Do(as("ann", "chief"), p.ID, itsm.Classify{Level: itsm.Internal}, itsm.Because("not secret"))
		require.NoError(t, err)
		_, err = f.Get(viewer, p.ID)
		require.NoError(t, err)
	})
	t.Run("R-073 addresses are masked for those outside of operations, and secrets are not stored", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p, err := f.Do(as("ann", "chief"), "", register{Label: "switch at 10.20.30.40 is down"})
		require.NoError(t, err)
		assert.Contains(t, p.Label, "10.20.30.40")
		seen, err := f.Get(as("di", "viewer"), p.ID)
		require.NoError(t, err)
		assert.NotContains(t, seen.Label, "10.20.30.40")
		assert.Contains(t, seen.Label, "is down")
		_, err = f.Do(as("ann", "chief"), "", register{Label: "login with 密码:Tr0ub4dor&3"})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		require.NotContains(t, err.Error(), "Tr0ub4dor")
		all, err := json.Marshal(journal(t, f.db, itsm.Filter{}))
		require.NoError(t, err)
		assert.NotContains(t, string(all), "Tr0ub4dor")
		for _, ev := range journal(t, f.db, itsm.Filter{}) {
			assert.NotContains(t, string(ev.Data)+string(ev.Personal), "Tr0ub4dor")
		}
	})
	t.Run("R-074 what is confidential reaches a supplier only with the hospital's recorded approval", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		_, err := f.Do(as("ann", "chief"), p.ID, itsm.Classify{Level: itsm.Sensitive})
		require.NoError(t, err)
		vendor := itsm.WithActor(context.Background(), itsm.Actor{ID: "ve", Tenant: "h1", Roles: []itsm.Role{"clerk"}, Employer: "acme"})
		_, err = f.Get(vendor, p.ID)
		require.ErrorIs(t, err, itsm.ErrDenied)
		_, err = f.Do(vendor, p.ID, move{To: "acme"})
		require.ErrorIs(t, err, itsm.ErrDenied)
		disclose := itsm.Disclose{To: "acme", Until: f.clock.now.Add(time.Hour)}
		_, err = f.Do(vendor, p.ID, disclose, itsm.Because("we need it"))
		require.ErrorIs(t, err, itsm.ErrDenied)
		_, err = f.Do(as("ann", "chief"), p.ID, disclose, itsm.Because("repair order 7"))
		require.NoError(t, err)
		_, err = f.Get(vendor, p.ID)
		require.NoError(t, err)
		f.clock.now = f.clock.now.Add(2 * time.Hour)
		_, err = f.Get(vendor, p.ID)
		require.ErrorIs(t, err, itsm.ErrDenied, "the approval has run out")
	})
	t.Run("R-075 patient identifiers are masked, with one pseudonym in one record; unmasking needs a permission and a reason and is noted", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		clerk := as("cy", "clerk")
		p, err := f.Do(as("ann", "chief"), "", register{Label: patientText})
		require.NoError(t, err)
		assert.Equal(t, patientText, p.Label)
		seen, err := f.Get(clerk, p.ID)
		require.NoError(t, err)
		assert.NotContains(t, seen.Label, patientName)
		assert.NotContains(t, seen.Label, patientPhone)
		assert.Contains(t, seen.Label, "标签打印错误")
		again, err := f.Get(clerk, p.ID)
		require.NoError(t, err)
		assert.Equal(t, seen.Label, again.Label)
		other, err := f.Do(as("ann", "chief"), "", register{Label: patientText})
		require.NoError(t, err)
		elsewhere, err := f.Get(clerk, other.ID)
		require.NoError(t, err)
		assert.NotEqual(t, seen.Label, elsewhere.Label, "another record has another pseudonym")

		_, err = f.Unmask(clerk, p.ID, "to call the ward")
		require.ErrorIs(t, err, itsm.ErrDenied)
		_, err = f.Unmask(as("ann", "chief"), p.ID, "")
		require.ErrorIs(t, err, itsm.ErrInvalid)
		clear, err := f.Unmask(as("ann", "chief"), p.ID, "to call the ward")
		require.NoError(t, err)
		assert.Equal(t, patientText, clear.Label)
		events := f.events(t, p.ID)
		last := events[len(events)-1]
		assert.Equal(t, "itsm.unmasked", last.Type)
		assert.Equal(t, "to call the ward", last.Reason)
	})
	t.Run("S-130 refusals, timelines and journals pass the same masks", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		chief, viewer := as("ann", "chief"), as("di", "viewer")
		p, err := f.Do(chief, "", register{Label: patientText})
		require.NoError(t, err)
		_, err = f.Do(chief, p.ID, itsm.Note{Text: "呼叫" + patientPhone, Public: true})
		require.NoError(t, err)
		_, err = f.Do(chief, p.ID, deliver{})
		require.NoError(t, err)
		_, err = f.Do(viewer, p.ID, move{To: patientPhone})
		require.Error(t, err)
		texts := []string{err.Error()}
		for e, err := range f.Timeline(viewer, p.ID) {
			require.NoError(t, err)
			texts = append(texts, e.Text)
		}
		for ev, err := range f.Events(viewer, p.ID) {
			require.NoError(t, err)
			data, err := json.Marshal(ev)
			require.NoError(t, err)
			payload, err := json.Marshal(ev.Payload)
			require.NoError(t, err)
			texts = append(texts, string(data), string(payload))
		}
		require.Len(t, texts, 10, "a refusal, a note, and four entries with their payloads")
		for _, text := range texts {
			assert.NotContains(t, text, patientName)
			assert.NotContains(t, text, patientPhone)
		}
	})
}

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	t.Run("INV-25 a reader below the level gets the protected value through no answer", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			f := setup(t, itsm.Config{})
			chief := as("ann", "chief")
			reader := as("di", "viewer")
			secret := patientPhone
			p, err := f.Do(chief, "", register{Label: "call " + secret, Sender: "Bo"})
			require.NoError(rt, err)
			var answers []any
			take := func(v any, err error) {
				var refused *itsm.RefusedError
				if errors.As(err, &refused) {
					answers = append(answers, refused.In(itsm.Chinese))
				}
				if err != nil {
					answers = append(answers, err.Error())
				}
				answers = append(answers, v)
			}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				switch rapid.IntRange(0, 8).Draw(rt, "step") {
				case 0:
					take(f.Get(reader, p.ID))
				case 1:
					take(f.Do(reader, p.ID, move{To: "ward"}))
				case 2:
					for r, err := range f.Find(reader, itsm.Query{}) {
						take(r, err)
					}
				case 3:
					for e, err := range f.Events(reader, p.ID) {
						payload, _ := json.Marshal(e.Payload)
						take([]any{e, string(payload)}, err)
					}
				case 4:
					for e, err := range f.Timeline(reader, p.ID) {
						take(e, err)
					}
				case 5:
					_, err := f.Do(chief, p.ID, itsm.Note{Text: "tell " + secret, Public: true})
					_ = err
				case 6:
					take(f.Do(reader, p.ID, move{}))
				case 7:
					level := rapid.SampledFrom([]itsm.Confidentiality{itsm.Public, itsm.Internal, itsm.Sensitive, itsm.PatientRelated}).Draw(rt, "level")
					_, err := f.Do(chief, p.ID, itsm.Classify{Level: level}, itsm.Because("test"))
					_ = err
				case 8:
					take(f.Replay(reader, p.ID))
				}
			}
			for _, a := range answers {
				data, err := json.Marshal(a)
				require.NoError(rt, err)
				if strings.Contains(string(data), secret) {
					rt.Fatalf("%s leaks in %s", secret, data)
				}
			}
		})
	})
}

func TestErasure(t *testing.T) {
	t.Parallel()
	t.Run("personal data are erased from record and journal, and the journal still verifies", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		chief := as("ann", "chief")
		p, err := f.Do(chief, "", register{Sender: patientName, Label: patientText})
		require.NoError(t, err)
		_, err = f.Do(chief, p.ID, move{To: "ward 3"})
		require.NoError(t, err)
		_, err = f.Do(chief, p.ID, move{})
		require.Error(t, err)
		_, err = f.Do(as("cy", "clerk"), p.ID, itsm.ErasePersonal{}, itsm.Because("asked for"))
		require.ErrorIs(t, err, itsm.ErrDenied)
		p, err = f.Do(chief, p.ID, itsm.ErasePersonal{}, itsm.Because("retention is over"))
		require.NoError(t, err)
		assert.Empty(t, p.Sender)
		assert.Empty(t, p.Label)
		assert.Equal(t, []string{"ward 3"}, p.Places)
		assert.True(t, p.Erased)
		for _, ev := range journal(t, f.db, itsm.Filter{}) {
			assert.Empty(t, ev.Personal)
			assert.NotContains(t, string(ev.Data), patientPhone)
		}
		require.NoError(t, f.Verify(chief, p.ID))
		_, err = f.Do(chief, p.ID, move{To: "ward 4"})
		require.NoError(t, err)
		require.NoError(t, f.Verify(chief, p.ID))
	})
}

func TestTampering(t *testing.T) {
	t.Parallel()
	t.Run("a flipped byte in an entry is found and named", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		_, err := f.Do(as("ann", "chief"), p.ID, move{To: "ward 3"})
		require.NoError(t, err)
		events := f.events(t, p.ID)
		events[1].Data = []byte(strings.Replace(string(events[1].Data), "ward 3", "ward 4", 1))
		var v itsm.ChainVerifier
		require.NoError(t, v.Next(&events[0]))
		var tampered *itsm.TamperedError
		require.ErrorAs(t, v.Next(&events[1]), &tampered)
		assert.Equal(t, uint64(2), tampered.Seq)
	})
}
