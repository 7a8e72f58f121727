package itsm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Field is a typed field of a host's own on the records of one kind, declared as data.
type Field struct {
	Name     string          `json:"name"`               // lower_snake, unique within the kind
	Type     ValueType       `json:"type"`               // text, number, bool or time
	English  string          `json:"en,omitempty"`       // label
	Chinese  string          `json:"zh,omitempty"`       // label
	Unit     string          `json:"unit,omitempty"`     // of a number, for people
	Choices  []string        `json:"choices,omitempty"`  // a text must be one of them
	Required string          `json:"required,omitempty"` // from which phase of the lifecycle on
	Search   bool            `json:"search,omitempty"`   // records can be found by it
	Level    Confidentiality `json:"level,omitempty"`    // clearance needed to read it; zero for that of the record
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// maxDeclarations bounds the declarations of fields as JSON, in bytes.
const maxDeclarations = 1 << 20

// ParseFields reads declarations from a JSON array of [Field], of at most 1 MiB. Unknown keys are errors, and all faults are told at once.
func ParseFields(data []byte) ([]Field, error) {
	var fields []Field
	if err := decodeStrict(data, '[', maxDeclarations, &fields); err != nil {
		return nil, fmt.Errorf("%w: fields: %w", ErrInvalid, err)
	}
	if _, err := fieldSet(fields, nil); err != nil {
		return nil, err
	}
	return fields, nil
}

// MarshalText writes the name of the type.
func (t ValueType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the name of a type.
func (t *ValueType) UnmarshalText(text []byte) error {
	i := slices.Index(valueTypeNames[:], string(text))
	if i <= 0 {
		return fmt.Errorf("%w: type %.60q: want one of %q", ErrInvalid, text, valueTypeNames[1:])
	}
	*t = ValueType(i)
	return nil
}

// fieldSet checks declarations; phases may be nil when they are not known yet.
func fieldSet(fields []Field, phases []string) (map[string]Field, error) {
	set := make(map[string]Field, len(fields))
	var faults []string
	fault := func(f Field, format string, args ...any) {
		faults = append(faults, fmt.Sprintf("field %q: ", f.Name)+fmt.Sprintf(format, args...))
	}
	for _, f := range fields {
		if !fieldName.MatchString(f.Name) {
			fault(f, "a name is lower_snake, at most 40 characters")
		}
		if _, twice := set[f.Name]; twice {
			fault(f, "declared twice")
		}
		if f.Type < BoolValue || f.Type > TextValue {
			fault(f, "the type is missing: want one of %q", valueTypeNames[1:])
		}
		if len(f.Choices) > 0 && f.Type != TextValue {
			fault(f, "choices are for text only")
		}
		if f.Required != "" && phases != nil && !slices.Contains(phases, f.Required) {
			fault(f, "required from the phase %q, which is not one of %q", f.Required, phases)
		}
		if f.Level > PatientRelated {
			fault(f, "level %d is not a level", f.Level)
		}
		set[f.Name] = f
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, strings.Join(faults, "; "))
	}
	return set, nil
}

// checkFields gives every reason against setting the values, in the order of the names.
func checkFields(declared map[string]Field, values map[string]Value) (rs Reasons) {
	for _, name := range sortedKeys(values) {
		v := values[name]
		f, ok := declared[name]
		switch {
		case !ok:
			rs.Add(true, ruleFieldUnknown.With("field", name, "declared", strings.Join(sortedKeys(declared), ", ")))
		case v.IsZero():
		case v.Type() != f.Type:
			rs.Add(true, ruleFieldType.With("field", name, "want", f.Type, "got", v.Type()))
		case len(f.Choices) > 0 && !slices.Contains(f.Choices, v.Text()):
			rs.Add(true, ruleFieldChoice.With("field", name, "choices", strings.Join(f.Choices, ", "), "got", v.Text()))
		case len(v.Text()) > maxText:
			rs.Add(true, ruleTooLong.With("field", name, "length", len(v.Text()), "most", maxText))
		}
	}
	return rs
}

// requiredFields gives a reason for every field that the phase asks for and the record lacks.
func requiredFields(declared map[string]Field, values map[string]Value, phases []string, phase string) (rs Reasons) {
	now := slices.Index(phases, phase)
	for _, name := range sortedKeys(declared) {
		f := declared[name]
		if f.Required == "" {
			continue
		}
		if from := slices.Index(phases, f.Required); from >= 0 && now >= from && values[name].IsZero() {
			rs.Add(true, ruleFieldRequired.With("field", name, "phase", f.Required))
		}
	}
	return rs
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
