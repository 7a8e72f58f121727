package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hospital-itsm/itsm/examples/replay/sample"
)

// A logFile is a log that can be read more than once.
type logFile struct {
	name string
	open func() (io.ReadCloser, error)
}

// openLog returns the log of a file, .csv or .csv.gz, or with "" the sample.
func openLog(path string) (logFile, error) {
	if path == "" {
		var text bytes.Buffer
		if err := sample.Write(&text, sample.Incidents); err != nil {
			return logFile{}, err
		}
		return textLog("sample", text.Bytes()), nil
	}
	zipped := strings.HasSuffix(strings.ToLower(path), ".csv.gz")
	if !zipped && !strings.HasSuffix(strings.ToLower(path), ".csv") {
		return logFile{}, &fault{File: path, Want: "a file whose name ends in .csv or .csv.gz"}
	}
	return logFile{path, func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		text, err := unpack(path, f, zipped)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &readCloser{text, f}, nil
	}}, nil
}

func textLog(name string, text []byte) logFile {
	return logFile{name, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
}

type readCloser struct {
	io.Reader
	io.Closer
}

// unpack looks at the first bytes of a file and returns its text.
func unpack(name string, f io.Reader, zipped bool) (io.Reader, error) {
	in := bufio.NewReaderSize(f, 64<<10)
	start, err := in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	magic := bytes.Equal(start, []byte{0x1f, 0x8b})
	switch {
	case len(start) == 0:
		return nil, &fault{File: name, Found: "an empty file", Want: "a header and one row per write"}
	case magic && !zipped:
		return nil, &fault{File: name, Found: "gzip", Want: "plain text, or a name that ends in .csv.gz"}
	case !magic && zipped:
		return nil, &fault{File: name, Found: fmt.Sprintf("first bytes % x", start), Want: "gzip (1f 8b), or a name that ends in .csv"}
	case !zipped:
		return in, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, &fault{File: name, Found: "a damaged gzip file: " + ended(err), Want: "a whole one"}
	}
	return z, nil
}

// ended says what a read error means for whoever has the file.
func ended(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return err.Error()
}

// decode checks that a text is UTF-8 and passes over its byte-order mark.
func decode(name string, text io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(text, 64<<10)
	start, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &fault{File: name, Found: ended(err), Want: "a header and one row per write"}
	}
	utf16 := len(start) >= 2 && (bytes.Equal(start[:2], []byte{0xff, 0xfe}) || bytes.Equal(start[:2], []byte{0xfe, 0xff}))
	switch {
	case len(start) == 0:
		return nil, &fault{File: name, Found: "an empty file", Want: "a header and one row per write"}
	case utf16 || bytes.IndexByte(start, 0) >= 0:
		return nil, &fault{File: name, Row: 1, Found: fmt.Sprintf("UTF-16 or UTF-32 (first bytes % x)", start), Want: "UTF-8: save the file anew in that encoding"}
	case bytes.HasPrefix(start, []byte("\ufeff")):
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
	}
	return in, nil
}
