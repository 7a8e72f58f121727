package approval

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// A Form says what of some content is approved: the items on which a voter gives a verdict, and the material fields behind them. It is data. Only
// material fields are in the fingerprint: an edit of one voids the approval, an edit of anything else does not.
type Form struct {
	Items  []string   `json:"items"` // "impact", "plan", "implementer", "backout"
	Fields []Material `json:"fields"`
}

// FourItems are what an approval of a change gives a verdict on.
var fourItems = []string{"impact", "plan", "implementer", "backout"}

// FourItems returns what the approval of a change gives a verdict on: impact, plan, implementer, backout.
func FourItems() []string { return slices.Clone(fourItems) }

// A Material field is a place in the content, as JSON: "window.start"; through a list it is the place in each element: "steps.title".
type Material struct {
	Path string `json:"path"`
	Item string `json:"item"`          // of the form
	Set  bool   `json:"set,omitempty"` // the order of the list at the path does not matter
}

// Check returns every fault of the form, joined, or nil. An item without a material field is one: a verdict on it would bind to nothing.
func (f *Form) Check() error {
	var fs faults
	for i, item := range f.Items {
		if item == "" || slices.Contains(f.Items[:i], item) {
			fs.add(fmt.Sprintf("items[%d]", i), "%q: want a name of its own", item)
		}
		if !slices.ContainsFunc(f.Fields, func(m Material) bool { return m.Item == item }) {
			fs.add(fmt.Sprintf("items[%d]", i), "no field belongs to %q: a verdict on it would bind to nothing", item)
		}
	}
	if len(f.Fields) == 0 {
		fs.add("fields", "is empty: nothing would be material")
	}
	for i, m := range f.Fields {
		at := fmt.Sprintf("fields[%d]", i)
		if m.Path == "" || slices.Contains(strings.Split(m.Path, "."), "") {
			fs.add(at+".path", "%q: want keys joined by dots, such as window.start", m.Path)
		}
		if slices.ContainsFunc(f.Fields[:i], func(o Material) bool { return o.Path == m.Path }) {
			fs.add(at+".path", "%q stands twice", m.Path)
		}
		if !slices.Contains(f.Items, m.Item) {
			fs.add(at+".item", "%q is not on the form, want one of %q", m.Item, f.Items)
		}
	}
	return fs.err()
}

// CheckType returns an error that names every path which does not lead to a field of the type of sample, a struct with JSON tags. A path that leads
// nowhere would protect nothing; a process checks its form with it when it is made.
func (f *Form) CheckType(sample any) error {
	var fs faults
	for i, m := range f.Fields {
		if t := reflect.TypeOf(sample); !leads(t, strings.Split(m.Path, ".")) {
			fs.add(fmt.Sprintf("fields[%d].path", i), "%q leads to no field of %v", m.Path, t)
		}
	}
	return fs.err()
}

// leads reports whether a path of JSON keys leads to something in a type.
func leads(t reflect.Type, path []string) bool {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return false
	case len(path) == 0 || t.Kind() == reflect.Interface:
		return true
	case t.Kind() == reflect.Map:
		return leads(t.Elem(), path[1:])
	case t.Kind() != reflect.Struct:
		return false
	}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		if field.IsExported() && name == path[0] && field.Tag.Get("json") != "-" {
			return leads(field.Type, path[1:])
		}
	}
	return false
}

// A Fingerprint stands for content: contents with equal material fields have equal fingerprints, and no others do.
type Fingerprint struct {
	Digest itsm.Digest `json:"digest"` // of form and fields
	Items  []string    `json:"items,omitempty"`
	Fields []Mark      `json:"fields,omitempty"` // by path
}

// A Mark is the digest of one material field.
type Mark struct {
	Path   string      `json:"path"`
	Digest itsm.Digest `json:"digest"`
}

// Fingerprint takes the fingerprint of content: JSON as []byte or [json.RawMessage], or a value that is marshalled. Missing, null and empty (text, list
// or object) are the same; so are numbers of one value, 1 and 1.0.
func (f *Form) Fingerprint(content any) (Fingerprint, error) {
	if err := f.Check(); err != nil {
		return Fingerprint{}, fmt.Errorf("approval: form: %w", err)
	}
	var data []byte
	switch c := content.(type) {
	case []byte:
		data = c
	case json.RawMessage:
		data = c
	default:
		var err error
		if data, err = json.Marshal(content); err != nil {
			return Fingerprint{}, fmt.Errorf("%w: content: %w", itsm.ErrInvalid, err)
		}
	}
	tree, err := decodeTree(data)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("%w: content: %w", itsm.ErrInvalid, err)
	}
	print := Fingerprint{Items: slices.Clone(f.Items)}
	fields := slices.SortedFunc(slices.Values(f.Fields), func(a, b Material) int { return cmp.Compare(a.Path, b.Path) })
	whole := []byte("approval-content-1\n")
	frame := func(s string) {
		whole = binary.AppendUvarint(whole, uint64(len(s)))
		whole = append(whole, s...)
	}
	for _, item := range f.Items {
		frame(item)
	}
	for _, m := range fields {
		mark := Mark{m.Path, sha256.Sum256(canonical(nil, pick(tree, strings.Split(m.Path, ".")), m.Set))}
		print.Fields = append(print.Fields, mark)
		frame(m.Path)
		frame(m.Item)
		if m.Set {
			frame("set")
		}
		whole = append(whole, mark.Digest[:]...)
	}
	print.Digest = sha256.Sum256(whole)
	return print, nil
}

// Changed returns the paths of the fields in which the other fingerprint differs, sorted; those that only one of them has included.
func (p Fingerprint) Changed(other Fingerprint) []string {
	missing := func(a, b Fingerprint) (paths []string) {
		for _, m := range a.Fields {
			if !slices.Contains(b.Fields, m) {
				paths = append(paths, m.Path)
			}
		}
		return paths
	}
	paths := append(missing(p, other), missing(other, p)...)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// pick returns what is at a path; through lists a list.
func pick(tree any, path []string) any {
	if len(path) == 0 {
		return tree
	}
	switch v := tree.(type) {
	case map[string]any:
		return pick(v[path[0]], path[1:])
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = pick(e, path)
		}
		return out
	}
	return nil
}
