package change

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// A Risk is a level of risk, from low to high. "" is not assessed.
type Risk string

// The levels of risk.
const (
	RiskLow    Risk = "low"
	RiskMedium Risk = "medium"
	RiskHigh   Risk = "high"
)

// Risks returns all levels, rising.
func Risks() []Risk { return []Risk{RiskLow, RiskMedium, RiskHigh} }

// Rank orders levels: 0 for none, 1 for low, and so on.
func (r Risk) Rank() int { return slices.Index(Risks(), r) + 1 }

// A RiskFactor is one question of a risk model with its possible answers, from harmless to severe. Points never fall from
// an answer to the next.
type RiskFactor struct {
	Key     string       `json:"key"` // lower_snake
	English string       `json:"en"`
	Chinese string       `json:"zh"`
	Answers []RiskAnswer `json:"answers"`
}

// A RiskAnswer is one answer with its points.
type RiskAnswer struct {
	Key    string `json:"key"`
	Points int    `json:"points"`
}

// A RiskBand is a level of risk and the score from which it begins. It ends where the next begins, so that bands have neither gaps nor overlaps.
type RiskBand struct {
	Risk Risk `json:"risk"`
	From int  `json:"from"`
}

// RiskData is a risk model as data.
type RiskData struct {
	Factors []RiskFactor `json:"factors"`
	// History gives points for the share of changes like this one that failed: from so many percent on.
	History []HistoryPoints `json:"history,omitempty"`
	// Bands rise from 0.
	Bands []RiskBand `json:"bands"`
}

// HistoryPoints are the points from a share of failures on.
type HistoryPoints struct {
	FromPercent int `json:"from_percent"`
	Points      int `json:"points"`
}

// A RiskModel turns answers into a score and a level. It is immutable and safe for concurrent use.
type RiskModel struct {
	data  RiskData
	index map[string]int // of the factors
}

// NewRisk checks the data of a model. The error names every fault.
func NewRisk(data RiskData) (*RiskModel, error) {
	m := &RiskModel{data: data, index: make(map[string]int, len(data.Factors))}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for i, f := range data.Factors {
		if _, twice := m.index[f.Key]; twice || f.Key == "" {
			fault("factor %d: the key %q is empty or there twice", i+1, f.Key)
		}
		m.index[f.Key] = i
		if len(f.Answers) == 0 {
			fault("factor %s has no answers", f.Key)
		}
		seen := map[string]bool{}
		for j, a := range f.Answers {
			if a.Key == "" || seen[a.Key] {
				fault("factor %s, answer %d: the key %q is empty or there twice", f.Key, j+1, a.Key)
			}
			seen[a.Key] = true
			if a.Points < 0 || a.Points > 1000 || j > 0 && a.Points < f.Answers[j-1].Points {
				fault("factor %s, answer %s has %d points: want 0 to 1000, and not fewer than the answer before", f.Key, a.Key, a.Points)
			}
		}
	}
	if len(data.Factors) == 0 {
		fault("there are no factors")
	}
	for i, h := range data.History {
		if h.FromPercent < 0 || h.FromPercent > 100 || h.Points < 0 || i > 0 && (h.FromPercent <= data.History[i-1].FromPercent || h.Points < data.History[i-1].Points) {
			fault("history %d: want percentages that rise from 0 to 100 with points that do not fall", i+1)
		}
	}
	if len(data.Bands) == 0 || data.Bands[0].From != 0 {
		fault("bands begin at 0, so that every score is in one")
	}
	for i, b := range data.Bands {
		if b.Risk.Rank() == 0 {
			fault("band %d: %q is no level of risk", i+1, b.Risk)
		}
		if i > 0 && (b.From <= data.Bands[i-1].From || b.Risk.Rank() <= data.Bands[i-1].Risk.Rank()) {
			fault("band %d (%s from %d): score and level rise from band to band", i+1, b.Risk, b.From)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("%w: risk model: %w", itsm.ErrInvalid, err)
	}
	return m, nil
}

// ParseRisk reads a model from JSON. Unknown keys are errors.
func ParseRisk(text []byte) (*RiskModel, error) {
	var data RiskData
	if err := decodeStrict(text, &data); err != nil {
		return nil, fmt.Errorf("%w: risk model: %w", itsm.ErrInvalid, err)
	}
	return NewRisk(data)
}

// Data returns the data of the model. The copy belongs to the caller.
func (m *RiskModel) Data() RiskData {
	var d RiskData
	text, err := json.Marshal(m.data)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		panic(err) // the data were read before
	}
	return d
}

// Score is what a model says about a change.
type Score struct {
	Points int         `json:"points"`
	Risk   Risk        `json:"risk"`
	Parts  []ScorePart `json:"parts"` // in the order of the factors; history last
}

// A ScorePart tells what one factor gave.
type ScorePart struct {
	Factor string `json:"factor"`
	Answer string `json:"answer"`
	Points int    `json:"points"`
}

// Band returns the level of a score; a negative one counts as 0.
func (m *RiskModel) Band(points int) Risk {
	i, found := slices.BinarySearchFunc(m.data.Bands, points, func(b RiskBand, p int) int { return b.From - p })
	if !found {
		i--
	}
	return m.data.Bands[max(i, 0)].Risk
}

// Score computes the score of answers, one for each factor. failedPercent is the share of changes like this one that
// failed, negative when there were none. A worse answer or history never lowers the score.
func (m *RiskModel) Score(answers map[string]string, failedPercent int) (Score, itsm.Reasons) {
	var s Score
	var rs itsm.Reasons
	for _, f := range m.data.Factors {
		got, ok := answers[f.Key]
		i := slices.IndexFunc(f.Answers, func(a RiskAnswer) bool { return a.Key == got })
		switch {
		case !ok:
			rs = append(rs, ruleUnanswered.With("factor", f.Key, "want", f.choices()))
		case i < 0:
			rs = append(rs, ruleAnswer.With("factor", f.Key, "got", got, "want", f.choices()))
		default:
			s.Parts = append(s.Parts, ScorePart{f.Key, got, f.Answers[i].Points})
			s.Points += f.Answers[i].Points
		}
	}
	for _, key := range sortedKeys(answers) {
		if _, known := m.index[key]; !known {
			rs = append(rs, ruleFactor.With("factor", key))
		}
	}
	for i := len(m.data.History) - 1; i >= 0; i-- {
		if h := m.data.History[i]; failedPercent >= h.FromPercent {
			s.Parts = append(s.Parts, ScorePart{"history", fmt.Sprintf("%d%%", failedPercent), h.Points})
			s.Points += h.Points
			break
		}
	}
	s.Risk = m.Band(s.Points)
	return s, rs
}

func (f *RiskFactor) choices() string {
	keys := make([]string, len(f.Answers))
	for i, a := range f.Answers {
		keys[i] = a.Key
	}
	return strings.Join(keys, ", ")
}

// DefaultRisk returns the shipped model: impact, complexity, reversibility, window, and the history of changes like this one.
func DefaultRisk() *RiskModel {
	m, err := NewRisk(RiskData{
		Factors: []RiskFactor{
			{"impact", "who is hit if it goes wrong", "失败影响范围", []RiskAnswer{{"one_place", 0}, {"department", 3}, {"several_departments", 6}, {"hospital", 10}}},
			{"complexity", "how much has to go right", "复杂程度", []RiskAnswer{{"routine", 0}, {"some_steps", 2}, {"several_systems", 5}, {"never_done", 8}}},
			{"reversibility", "how it can be taken back", "可回退性", []RiskAnswer{{"at_once", 0}, {"within_window", 3}, {"with_data_repair", 7}, {"not_fully", 10}}},
			{"window", "when it is made", "实施时段", []RiskAnswer{{"no_service_hours", 0}, {"quiet_hours", 2}, {"office_hours", 5}, {"clinical_peak", 9}}},
		},
		History: []HistoryPoints{{1, 1}, {5, 3}, {15, 6}, {30, 9}},
		Bands:   []RiskBand{{RiskLow, 0}, {RiskMedium, 8}, {RiskHigh, 17}},
	})
	if err != nil {
		panic(err)
	}
	return m
}
