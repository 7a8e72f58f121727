package approval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const maxTreeDepth = 64 // of JSON that is read

// decodeTree reads one JSON value: objects as map[string]any, numbers as [json.Number]. Other than encoding/json it refuses what two readers
// could understand differently: keys that stand twice in an object, bytes that are no UTF-8, and anything behind the value.
func decodeTree(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	tree, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("offset %d: something follows the value", d.InputOffset())
	}
	return tree, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("offset %d: %w", d.InputOffset(), err)
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxTreeDepth {
		return nil, fmt.Errorf("offset %d: nested deeper than %d", d.InputOffset(), maxTreeDepth)
	}
	if delim == '[' {
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	object := make(map[string]any)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("offset %d: %w", d.InputOffset(), err)
		}
		key, _ := token.(string)
		if _, ok := object[key]; ok {
			return nil, fmt.Errorf("offset %d: key %q stands twice", d.InputOffset(), key)
		}
		if object[key], err = decodeValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return object, err
}
