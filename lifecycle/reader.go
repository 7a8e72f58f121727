package lifecycle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A node is a JSON value that knows where it stands, which encoding/json does not tell.
type node struct {
	offset  int
	value   any // string, json.Number, bool or nil; json.Delim '{' or '[' for the composed ones
	items   []node
	members []member
}

type member struct {
	key    string
	offset int
	node
}

// parseJSON reads one JSON value.
func parseJSON(data []byte) (node, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return node{}, err
	}
	d := &decoder{data: data, Decoder: json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	return d.node()
}

type decoder struct {
	*json.Decoder
	data []byte
}

// ahead returns the offset at which the next token starts.
func (d *decoder) ahead() int {
	offset := int(d.InputOffset())
	for offset < len(d.data) && bytes.IndexByte([]byte(" \t\r\n,:"), d.data[offset]) >= 0 {
		offset++
	}
	return offset
}

func (d *decoder) node() (node, error) {
	n := node{offset: d.ahead()}
	token, err := d.Token()
	if err != nil {
		return n, err
	}
	n.value = token
	switch token {
	case json.Delim('['):
		for d.More() {
			item, err := d.node()
			if err != nil {
				return n, err
			}
			n.items = append(n.items, item)
		}
		_, err = d.Token()
	case json.Delim('{'):
		for d.More() {
			m := member{offset: d.ahead()}
			key, err := d.Token()
			if err != nil {
				return n, err
			}
			m.key = key.(string)
			if m.node, err = d.node(); err != nil {
				return n, err
			}
			n.members = append(n.members, m)
		}
		_, err = d.Token()
	}
	return n, err
}

// kind returns what the value is, for people.
func (n node) kind() string {
	switch v := n.value.(type) {
	case json.Delim:
		if v == '{' {
			return "an object"
		}
		return "a list"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case nil:
		return "null"
	}
	return "a number"
}

// A reader turns nodes into values, collects what is wrong with them and remembers where they stood.
type reader struct {
	faults  []Fault
	places  map[string]int
	partial bool // a value was missing or of the wrong type
}

type fields map[string]func(at string, n node)

func (r *reader) add(kind FaultKind, at, fix, format string, args ...any) {
	r.faults = append(r.faults, Fault{Kind: kind, Where: at, Fix: fix, What: fmt.Sprintf(format, args...)})
}

func (r *reader) want(at string, n node, ok bool, kind, example string) bool {
	r.places[at] = n.offset
	if !ok {
		r.partial = true
		r.add(FaultSyntax, at, "write it like "+example, "%s is wanted, not %s", kind, n.kind())
	}
	return ok
}

func (r *reader) text(at string, n node, to *string) {
	s, ok := n.value.(string)
	if r.want(at, n, ok, "a string", `"new"`) {
		*to = s
	}
}

func (r *reader) truth(at string, n node, to *bool) {
	b, ok := n.value.(bool)
	if r.want(at, n, ok, "true or false", "true") {
		*to = b
	}
}

func (r *reader) list(at string, n node, read func(at string, n node)) {
	if !r.want(at, n, n.value == json.Delim('['), "a list", `["new"]`) {
		return
	}
	for i, item := range n.items {
		read(fmt.Sprintf("%s[%d]", at, i), item)
	}
}

// members reads an object with keys of the author's choice.
func (r *reader) members(at string, n node, read func(at, key string, n node)) {
	if !r.want(at, n, n.value == json.Delim('{'), "an object", `{"name": "new"}`) {
		return
	}
	seen := make(map[string]bool)
	for _, m := range n.members {
		place := fmt.Sprintf("%s[%q]", at, m.key)
		if seen[m.key] {
			r.places[place] = m.offset
			r.add(FaultKey, place, "remove one of them", "key %q is there twice", m.key)
			continue
		}
		seen[m.key] = true
		read(place, m.key, m.node)
	}
}

// object reads an object with the keys of known.
func (r *reader) object(at string, n node, known fields, required ...string) {
	if !r.want(at, n, n.value == json.Delim('{'), "an object", `{"name": "new"}`) {
		return
	}
	prefix := at
	if at != "" {
		prefix += "."
	}
	seen := make(map[string]bool)
	for _, m := range n.members {
		read, ok := known[m.key]
		place := prefix + m.key
		switch {
		case !ok:
			r.places[place] = m.offset
			r.add(FaultKey, place, hint(m.key, slices.Sorted(maps.Keys(known))), "unknown key %q", m.key)
		case seen[m.key]:
			r.places[place] = m.offset
			r.add(FaultKey, place, "remove one of them", "key %q is there twice", m.key)
		default:
			seen[m.key] = true
			read(place, m.node)
		}
	}
	for _, key := range required {
		if !seen[key] {
			r.partial = true
			r.add(FaultKey, at, "add it", "key %q is missing", key)
		}
	}
}
