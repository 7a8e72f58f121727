package change_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
)

func TestRisk(t *testing.T) {
	t.Parallel()
	t.Run("R-221 raising any factor never lowers the level, and every score is in exactly one band", func(t *testing.T) {
		t.Parallel()
		m := change.DefaultRisk()
		data := m.Data()
		rapid.Check(t, func(t *rapid.T) {
			answers, at := map[string]string{}, map[string]int{}
			for _, f := range data.Factors {
				at[f.Key] = rapid.IntRange(0, len(f.Answers)-1).Draw(t, f.Key)
				answers[f.Key] = f.Answers[at[f.Key]].Key
			}
			failed := rapid.IntRange(-1, 100).Draw(t, "failed")
			score, reasons := m.Score(answers, failed)
			require.Empty(t, reasons)
			in := 0
			for i, b := range data.Bands {
				if score.Points >= b.From && (i+1 == len(data.Bands) || score.Points < data.Bands[i+1].From) {
					in++
					require.Equal(t, b.Risk, score.Risk)
				}
			}
			require.Equal(t, 1, in, "the bands have neither gaps nor overlaps")
			f := rapid.SampledFrom(data.Factors).Draw(t, "raised")
			answers[f.Key] = f.Answers[rapid.IntRange(at[f.Key], len(f.Answers)-1).Draw(t, "to")].Key
			worse, _ := m.Score(answers, rapid.IntRange(failed, 100).Draw(t, "worse"))
			require.GreaterOrEqual(t, worse.Points, score.Points)
			require.GreaterOrEqual(t, worse.Risk.Rank(), score.Risk.Rank())
			// The level decides who approves: never fewer conditions at a higher one.
			plan := func(r change.Risk) int {
				p, err := approval.DefaultPolicy().Plan("normal", string(r))
				require.NoError(t, err)
				return len(p.Rule.Steps()) + len(p.Rule.String())
			}
			require.GreaterOrEqual(t, plan(worse.Risk), plan(score.Risk))
		})
	})
	t.Run("all that is missing or wrong in the answers is named", func(t *testing.T) {
		t.Parallel()
		_, reasons := change.DefaultRisk().Score(map[string]string{"impact": "planet", "mood": "good", "window": "quiet_hours"}, -1)
		var got []string
		for _, r := range reasons {
			got = append(got, string(r.Code())+":"+r.Arg("factor"))
		}
		assert.Equal(t, []string{"change.risk_answer:impact", "change.risk_unanswered:complexity", "change.risk_unanswered:reversibility", "change.risk_factor:mood"}, got)
	})
	t.Run("a model with a gap, or a falling factor, is not taken", func(t *testing.T) {
		t.Parallel()
		data := change.DefaultRisk().Data()
		data.Bands = []change.RiskBand{{Risk: change.RiskLow, From: 2}, {Risk: change.RiskHigh, From: 2}}
		data.Factors[0].Answers[1].Points = 50
		_, err := change.NewRisk(data)
		require.ErrorIs(t, err, itsm.ErrInvalid)
		assert.ErrorContains(t, err, "bands begin at 0")
		assert.ErrorContains(t, err, "score and level rise")
		assert.ErrorContains(t, err, "not fewer than the answer before")
	})
	t.Run("the history of the same items counts", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		o.failed(change.StateBackedOut)
		id := o.raise()
		c := o.do(engineer, id, change.ScoreRisk{Answers: lowRisk})
		require.NotEmpty(t, c.Score.Parts)
		last := c.Score.Parts[len(c.Score.Parts)-1]
		assert.Equal(t, change.ScorePart{Factor: "history", Answer: "100%", Points: 9}, last)
		assert.Equal(t, change.RiskMedium, c.Risk())
	})
}

func FuzzParseRisk(f *testing.F) {
	text, err := json.Marshal(change.DefaultRisk().Data())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"factors": [], "bands": []}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := change.ParseRisk(text)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		m.Score(map[string]string{}, 50)
		m.Band(1000)
	})
}
