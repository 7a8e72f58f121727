// Package overlay reads JSON over values that there are already: what the text does not name stays as it is.
package overlay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// most bounds a text, in bytes.
const most = 1 << 20

// Decode returns base with what a JSON object of at most 1 MiB names in the place of what stood there: objects are laid over
// structs and maps, everything else takes the place of what it names as a whole. Unknown keys are errors. Unlike decoding into a
// copy of base, nothing that base leads to is written to, and nothing of an old list shows through a new one.
func Decode[T any](data []byte, base T) (out T, err error) {
	var none T
	if len(data) > most {
		return none, fmt.Errorf("%d bytes, at most %d are allowed", len(data), most)
	}
	if err := strict(data, &out); err != nil {
		return none, err
	}
	var named any
	if err := json.Unmarshal(data, &named); err != nil {
		return none, err
	}
	lay(reflect.ValueOf(&out).Elem(), reflect.ValueOf(&base).Elem(), named)
	return out, nil
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// lay fills in from base what the decoded JSON value did not name.
func lay(out, base reflect.Value, named any) {
	object, ok := named.(map[string]any)
	if !ok || reflect.PointerTo(out.Type()).Implements(unmarshaler) {
		return
	}
	switch out.Kind() {
	case reflect.Struct:
		for i := range out.NumField() {
			f := out.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch v, ok := find(object, cmp.Or(name, f.Name)); {
			case f.Anonymous && name == "":
				lay(out.Field(i), base.Field(i), named)
			case !f.IsExported():
			case ok:
				lay(out.Field(i), base.Field(i), v)
			default:
				out.Field(i).Set(base.Field(i))
			}
		}
	case reflect.Map:
		if out.IsNil() { // named again as null
			return
		}
		for _, key := range base.MapKeys() { //maporder: writes into a map
			if !out.MapIndex(key).IsValid() {
				out.SetMapIndex(key, base.MapIndex(key))
			}
		}
	}
}

// find looks for a key as encoding/json does.
func find(object map[string]any, name string) (any, bool) {
	if v, ok := object[name]; ok {
		return v, true
	}
	for k, v := range object { //maporder: if there are several, encoding/json has taken one of them, and none comes from base
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

// strict decodes one JSON object without unknown keys.
func strict(data []byte, v any) error {
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && start[0] != '{' {
		return errors.New("want a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}
