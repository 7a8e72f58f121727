package itsm

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A payloadCodec writes and reads the payloads of one event type.
type payloadCodec struct {
	typ      reflect.Type
	personal []personalField
}

// personalField is a personal field of a payload, or of a struct inside it.
type personalField struct {
	index []int
	names []string // in JSON, from the outside in; embedded structs have none
}

// tagged reports whether a struct field has the word in its itsm tag.
func tagged(f reflect.StructField, word string) bool {
	return slices.Contains(strings.Split(f.Tag.Get("itsm"), ","), word)
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

func newPayloadCodec(p Payload) (*payloadCodec, error) {
	t := reflect.TypeOf(p)
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("itsm: event type %T is not a struct", p)
	}
	c := &payloadCodec{typ: t}
	return c, c.collect(t, nil, nil)
}

// collect finds the personal fields of a struct type and of the structs inside it.
func (c *payloadCodec) collect(t reflect.Type, index []int, names []string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		at, path := append(slices.Clip(index), i), names
		if !f.Anonymous {
			path = append(slices.Clip(names), jsonName(f))
		}
		switch {
		case tagged(f, "personal"):
			if !f.IsExported() || f.Anonymous {
				return fmt.Errorf("itsm: %s.%s: only exported, named fields can be personal", t, f.Name)
			}
			c.personal = append(c.personal, personalField{at, path})
		case f.Type.Kind() == reflect.Struct && (f.IsExported() || f.Anonymous):
			if err := c.collect(f.Type, at, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// encode returns the payload as JSON and its personal part, nil when it has none. The salt keeps the digest of the
// personal part from being guessed once the part is erased; it must be random.
func (c *payloadCodec) encode(p Payload, salt string) (data, personal []byte, err error) {
	v := reflect.ValueOf(p)
	if v.Type() != c.typ {
		return nil, nil, fmt.Errorf("itsm: event %s: got %s, want %s", p.EventType(), v.Type(), c.typ)
	}
	if len(c.personal) == 0 {
		data, err = json.Marshal(p)
		return data, nil, err
	}
	plain := reflect.New(c.typ).Elem()
	plain.Set(v)
	var tree map[string]any
	for _, f := range c.personal {
		field := plain.FieldByIndex(f.index)
		if field.IsZero() {
			continue
		}
		if tree == nil {
			tree = map[string]any{"~": salt}
		}
		at := tree
		for _, name := range f.names[:len(f.names)-1] {
			inner, _ := at[name].(map[string]any)
			if inner == nil {
				inner = make(map[string]any)
				at[name] = inner
			}
			at = inner
		}
		at[f.names[len(f.names)-1]] = v.FieldByIndex(f.index).Interface()
		field.SetZero()
	}
	if tree != nil {
		if personal, err = json.Marshal(tree); err != nil {
			return nil, nil, err
		}
	}
	data, err = json.Marshal(plain.Interface())
	return data, personal, err
}

func (c *payloadCodec) decode(data, personal []byte) (Payload, error) {
	v := reflect.New(c.typ)
	if err := json.Unmarshal(data, v.Interface()); err != nil {
		return nil, err
	}
	if personal != nil {
		if err := json.Unmarshal(personal, v.Interface()); err != nil {
			return nil, fmt.Errorf("personal part: %w", err)
		}
	}
	return v.Elem().Interface().(Payload), nil
}

// A payloadSet knows the event types of a process.
type payloadSet map[string]*payloadCodec

func newPayloadSet(payloads ...Payload) (payloadSet, error) {
	set := make(payloadSet, len(payloads))
	for _, p := range payloads {
		c, err := newPayloadCodec(p)
		if err != nil {
			return nil, err
		}
		if set[p.EventType()] != nil {
			return nil, fmt.Errorf("itsm: two event types are called %s", p.EventType())
		}
		set[p.EventType()] = c
	}
	return set, nil
}

// encode fills in Type, Data, Personal and PersonalDigest from the payload.
func (s payloadSet) encode(e *Event, salt string) (err error) {
	e.Type = e.Payload.EventType()
	c := s[e.Type]
	if c == nil {
		return fmt.Errorf("itsm: the process does not declare the event type %s", e.Type)
	}
	if e.Data, e.Personal, err = c.encode(e.Payload, salt); err != nil {
		return fmt.Errorf("itsm: event %s: %w", e.Type, err)
	}
	if e.Personal != nil {
		e.PersonalDigest = sha256.Sum256(e.Personal)
	}
	return nil
}

// decode fills in the payload from Data and Personal.
func (s payloadSet) decode(e *Event) (err error) {
	c := s[e.Type]
	if c == nil {
		return fmt.Errorf("%w: event %s %d has the type %s, which this process does not know", ErrInvalid, e.Key, e.Seq, e.Type)
	}
	if e.Payload, err = c.decode(e.Data, e.Personal); err != nil {
		return fmt.Errorf("%w: event %s %d (%s): %w", ErrInvalid, e.Key, e.Seq, e.Type, err)
	}
	return nil
}
