package itsm

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hospital-itsm/itsm/internal/jsonfast"
)

// A payloadCodec writes and reads the payloads of one event type.
type payloadCodec struct {
	typ      reflect.Type
	json     jsonfast.Encoder
	personal []personalField // in the order of their JSON names
	desks    sync.Pool       // of *payloadDesk
}

// A payloadDesk is where a payload is taken apart.
type payloadDesk struct {
	payload reflect.Value // to write to
	buf     []byte
}

// personalField is a personal field of a payload, or of a struct inside it.
type personalField struct {
	index []int
	names []string // in JSON, from the outside in; embedded structs have none
	keys  []string // the names as JSON writes them
	json  jsonfast.Encoder
}

// maxDesk bounds what a desk keeps for the next payload, in bytes.
const maxDesk = 16 << 10

// saltName is the key of the salt in a personal part. It comes behind all names of fields.
const saltName = "~"

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
	c := &payloadCodec{typ: t, json: jsonfast.EncoderOf(t)}
	if err := c.collect(t, nil, nil); err != nil {
		return nil, err
	}
	slices.SortFunc(c.personal, func(a, b personalField) int { return slices.Compare(a.names, b.names) })
	for i := range c.personal {
		f := &c.personal[i]
		for _, name := range f.names {
			if name >= saltName {
				return nil, fmt.Errorf("itsm: %s: the name %q of a personal field must come before %q", t, name, saltName)
			}
			key, err := json.Marshal(name)
			if err != nil {
				return nil, err
			}
			f.keys = append(f.keys, string(key))
		}
	}
	return c, nil
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
			c.personal = append(c.personal, personalField{index: at, names: path, json: jsonfast.EncoderOf(f.Type)})
		case f.Type.Kind() == reflect.Struct && (f.IsExported() || f.Anonymous):
			if err := c.collect(f.Type, at, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// A salter gives the salt of a command. It keeps the digest of a personal part from being guessed once the part is erased.
type salter struct {
	random io.Reader
	text   string
}

func (s *salter) salt() (string, error) {
	if s.text == "" {
		var err error
		if s.text, err = randomText(s.random); err != nil {
			return "", fmt.Errorf("itsm: salt: %w", err)
		}
	}
	return s.text, nil
}

// encode returns the payload as JSON and its personal part, nil when it has none.
func (c *payloadCodec) encode(p Payload, salts *salter) (data, personal []byte, err error) {
	v := reflect.ValueOf(p)
	if v.Type() != c.typ {
		return nil, nil, fmt.Errorf("itsm: event %s: got %s, want %s", p.EventType(), v.Type(), c.typ)
	}
	desk, _ := c.desks.Get().(*payloadDesk)
	if desk == nil {
		desk = &payloadDesk{payload: reflect.New(c.typ).Elem()}
	}
	desk.payload.Set(v)
	b := desk.buf[:0]
	var path []string // of the objects that are open
	for i := range c.personal {
		f := &c.personal[i]
		field := desk.payload.FieldByIndex(f.index)
		if field.IsZero() {
			continue
		}
		if len(b) == 0 {
			b = append(b, '{')
		}
		b, path = f.open(b, path)
		if b, err = f.json.Append(b, field); err != nil {
			return nil, nil, err
		}
		field.SetZero()
	}
	if len(b) > 0 {
		for range path {
			b = append(b, '}')
		}
		salt, err := salts.salt()
		if err != nil {
			return nil, nil, err
		}
		b = append(b, `,"`+saltName+`":"`...)
		b = append(append(b, salt...), '"', '}')
	}
	whole := len(b)
	if b, err = c.json.Append(b, desk.payload); err != nil {
		return nil, nil, err
	}
	if whole > 0 { // apart from the data: the one can be erased, the others not
		personal = bytes.Clone(b[:whole])
	}
	data = bytes.Clone(b[whole:])
	if cap(b) <= maxDesk { // nothing personal stays behind
		clear(b)
		desk.payload.SetZero()
		desk.buf = b
		c.desks.Put(desk)
	}
	return data, personal, nil
}

// open writes what comes between a value and the value of the field, given which objects are open, and returns which are
// open then.
func (f *personalField) open(b []byte, path []string) ([]byte, []string) {
	outer := f.keys[:len(f.keys)-1]
	same := 0
	for same < len(path) && same < len(outer) && path[same] == outer[same] {
		same++
	}
	for range path[same:] {
		b = append(b, '}')
	}
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	for _, key := range outer[same:] {
		b = append(append(b, key...), ':', '{')
	}
	return append(append(b, f.keys[len(f.keys)-1]...), ':'), outer
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
func (s payloadSet) encode(e *Event, salts *salter) (err error) {
	e.Type = e.Payload.EventType()
	c := s[e.Type]
	if c == nil {
		return fmt.Errorf("itsm: the process does not declare the event type %s", e.Type)
	}
	if e.Data, e.Personal, err = c.encode(e.Payload, salts); err != nil {
		return fmt.Errorf("%w: event %s: %w", ErrInvalid, e.Type, err) // of values that have no JSON, as a year after 9999
	}
	if e.Type != (Refused{}).EventType() && (replaced(e.Data) || replaced(e.Personal)) {
		return fmt.Errorf("%w: event %s: a text is not UTF-8", ErrInvalid, e.Type)
	}
	if e.Personal != nil {
		e.PersonalDigest = sha256.Sum256(e.Personal)
	}
	return nil
}

// replaced reports whether encoding/json has put replacement characters for bytes that are no text: only those it writes as an
// escape. Such a payload would come back as another one.
func replaced(data []byte) bool {
	const escape = `\ufffd`
	for {
		at := bytes.Index(data, []byte(escape))
		if at < 0 {
			return false
		}
		before := data[:at]
		if slashes := len(before) - len(bytes.TrimRight(before, `\`)); slashes%2 == 0 {
			return true
		}
		data = data[at+len(escape):]
	}
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
