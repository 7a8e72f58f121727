package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// readAll reads a text as a log and returns the numbers of the incidents without faults, all faults, and how many rows there were.
func readAll(t testing.TB, text string) (good []string, faults []string, rows int) {
	r := reader{log: textLog("x.csv", []byte(text)), zone: zone(t), states: logStates()}
	for e, err := range r.entries() {
		if err != nil {
			return good, append(faults, err.Error()), rows
		}
		rows += e.count
		for _, f := range e.faults {
			faults = append(faults, f.Error())
		}
		if len(e.faults) == 0 {
			assert.Len(t, e.rows, e.count)
			good = append(good, e.number)
		}
	}
	return good, faults, rows
}

func utf16Text(text string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	good := logOf(line{})
	whole := zipped(t, logOf(line{}, line{"number": "INC2"}))
	for name, c := range map[string]struct{ file, text, want string }{
		"another extension":     {"x.txt", good, "x.txt: want a file whose name ends in .csv or .csv.gz"},
		"empty":                 {"x.csv", "", "x.csv: found an empty file; want a header and one row per write"},
		"an empty gzip file":    {"x.csv.gz", "", "x.csv.gz: found an empty file; want a header and one row per write"},
		"gzip of nothing":       {"x.csv.gz", zipped(t, ""), "x.csv.gz: found an empty file; want a header and one row per write"},
		"text called gzip":      {"x.csv.gz", good, "x.csv.gz: found first bytes 6e 75; want gzip (1f 8b), or a name that ends in .csv"},
		"gzip called text":      {"x.csv", whole, "x.csv: found gzip; want plain text, or a name that ends in .csv.gz"},
		"gzip cut in its head":  {"x.csv.gz", whole[:6], "x.csv.gz: found a damaged gzip file: it ends too early; want a whole one"},
		"gzip cut in its text":  {"x.csv.gz", whole[:len(whole)-30], "the end of what can be read: it ends too early; want the rest of the file"},
		"gzip without its end":  {"x.csv.gz", whole[:len(whole)-4], "x.csv.gz, row 4: found the end of what can be read: it ends too early; want the rest of the file"},
		"only a header":         {"x.csv", strings.Join(columns[:], ",") + "\n", "x.csv, row 2: found no rows; want one row per write behind the header"},
		"UTF-16":                {"x.csv", utf16Text(good), "x.csv, row 1: found UTF-16 or UTF-32 (first bytes ff fe 6e 00); want UTF-8: save the file anew in that encoding"},
		"UTF-16 without a mark": {"x.csv", utf16Text(good)[2:], "x.csv, row 1: found UTF-16 or UTF-32 (first bytes 6e 00 75 00)"},
		"semicolons":            {"x.csv", strings.ReplaceAll(good, ",", ";"), "found one column, \"number;incident_state"},
		"missing columns": {"x.csv", strings.NewReplacer("incident_state,", "", "sys_updated_at", "when").Replace(good),
			"x.csv, row 1: found no column incident_state, sys_updated_at; want the columns number, incident_state, active,"},
		"a column twice": {"x.csv", strings.Replace(good, "caused_by", "number", 1), "x.csv, row 1, column number: found it as column 1 and as column 32; want each column once"},
		"a broken quote": {"x.csv", good + "INC2,\"a\"b\n", "x.csv, row 3: found extraneous or missing \" in quoted-field; want cells separated by commas, quotes doubled within quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, c.file, c.text)
			_, err := runCommand(t, "-log", path)
			require.Error(t, err)
			assert.Contains(t, strings.ReplaceAll(err.Error(), path, c.file), c.want)
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		_, err := runCommand(t, "-log", "nowhere.csv")
		assert.ErrorContains(t, err, "open nowhere.csv: no such file")
	})
}

func TestBadCells(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		line line
		want string
	}{
		"day and month swapped": {line{"sys_updated_at": "2/29/2016 08:00"}, `column sys_updated_at: found "2/29/2016 08:00"; want D/M/YYYY HH:MM, day first (there is no month 29: are day and month swapped?)`},
		"month 13":              {line{"opened_at": "31/13/2016 08:00"}, `column opened_at: found "31/13/2016 08:00"; want D/M/YYYY HH:MM, day first (there is no month 13)`},
		"29 February":           {line{"resolved_at": "29/2/2015 08:00"}, `column resolved_at: found "29/2/2015 08:00"; want D/M/YYYY HH:MM, day first (month 2 has no day 29)`},
		"31 April":              {line{"closed_at": "31/4/2016 08:00"}, "month 4 has no day 31"},
		"another form":          {line{"sys_created_at": "2016-02-29 08:00"}, `column sys_created_at: found "2016-02-29 08:00"; want D/M/YYYY HH:MM, day first`},
		"hour 24":               {line{"sys_updated_at": "29/2/2016 24:00"}, "want D/M/YYYY HH:MM"},
		"seconds":               {line{"sys_updated_at": "29/2/2016 08:00:01"}, "want D/M/YYYY HH:MM"},
		"no time":               {line{"sys_updated_at": "?"}, `column sys_updated_at: found "?"; want D/M/YYYY HH:MM`},
		"an unknown state":      {line{"incident_state": "-100"}, `column incident_state: found "-100"; want New, Active, Awaiting User Info, Awaiting Problem, Awaiting Vendor, Awaiting Evidence, Resolved, Closed`},
		"no state":              {line{"incident_state": "?"}, `column incident_state: found "?"; want a value`},
		"an unknown impact":     {line{"impact": "Huge"}, `column impact: found "Huge"; want 1 - High, 2 - Medium or 3 - Low`},
		"urgency 4":             {line{"urgency": "4 - Never"}, `column urgency: found "4 - Never"; want 1 - High`},
		"no priority":           {line{"priority": "?"}, `column priority: found "?"; want 1 - Critical`},
		"a negative count":      {line{"reopen_count": "-1"}, `column reopen_count: found "-1"; want a whole number, 0 or more`},
		"no count":              {line{"reassignment_count": ""}, `column reassignment_count: found ""; want a whole number`},
		"Latin-1":               {line{"caller_id": "Jos\xe9"}, `column caller_id: found "Jos\xe9"; want UTF-8: save the file anew in that encoding`},
		"a control character":   {line{"location": "a\x01b"}, `column location: found "a\x01b"; want text without control characters`},
		"a very long name":      {line{"assignment_group": strings.Repeat("é", 80)}, "ééé…\"; want at most 150 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := logOf(line{"number": "INC0"}, line{"number": "INC1"}, c.line, line{"number": "INC2", "incident_state": "New", "impact": "2 - Medium", "urgency": "2 - Medium", "priority": "3 - Moderate",
				"reopen_count": "0", "reassignment_count": "0", "caller_id": "x", "location": "x", "assignment_group": "x", "sys_updated_at": "1/3/2016 08:00",
				"opened_at": "?", "resolved_at": "?", "closed_at": "?", "sys_created_at": "?"})
			good, faults, rows := readAll(t, text)
			assert.Equal(t, []string{"INC0", "INC2"}, good, "the others are not concerned")
			require.Len(t, faults, 1)
			assert.True(t, strings.HasPrefix(faults[0], "x.csv, row 4, column "), faults[0])
			assert.Contains(t, faults[0], c.want)
			assert.Equal(t, 4, rows)
		})
	}
	t.Run("all faults of a row", func(t *testing.T) {
		t.Parallel()
		_, faults, _ := readAll(t, logOf(line{"impact": "0", "urgency": "0", "sys_updated_at": "x", "incident_state": "Odd", "reopen_count": "x"}))
		assert.Len(t, faults, 5)
	})
}

func TestOrder(t *testing.T) {
	t.Parallel()
	text := slices.Collect(strings.Lines(logOf(line{"number": "A"}, line{"incident_state": "Active", "sys_updated_at": "29/2/2016 09:00"}, line{"number": "B"}, line{"incident_state": "Resolved"}, line{"number": "C"})))

	t.Run("time goes back", func(t *testing.T) {
		t.Parallel()
		good, faults, _ := readAll(t, logOf(line{"sys_updated_at": "1/3/2016 08:00"}, line{"sys_updated_at": "29/2/2016 23:59"}))
		assert.Empty(t, good)
		assert.Equal(t, []string{`x.csv, row 3, column sys_updated_at: found "29/2/2016 23:59"; want a time not before that of the row above, 1/3/2016 08:00: rows stand in the order of the writes, and times are D/M/YYYY HH:MM, day first`}, faults)
	})
	t.Run("the hour that comes twice", func(t *testing.T) {
		t.Parallel()
		// The clocks of São Paulo went back from midnight to 23:00 on 18 February 2017.
		text := logOf(line{"sys_updated_at": "18/2/2017 23:50"}, line{"sys_updated_at": "18/2/2017 23:10"}, line{"sys_updated_at": "19/2/2017 00:05"})
		r := reader{log: textLog("x.csv", []byte(text)), zone: zone(t)}
		for e, err := range r.entries() {
			require.NoError(t, err)
			require.Empty(t, e.faults)
			assert.Equal(t, 20*time.Minute, e.rows[1].Updated.Sub(e.rows[0].Updated))
			assert.Equal(t, 55*time.Minute, e.rows[2].Updated.Sub(e.rows[1].Updated))
		}
		good, _, _ := readAll(t, logOf(line{"sys_updated_at": "18/2/2017 22:50"}, line{"sys_updated_at": "18/2/2017 22:10"}))
		assert.Empty(t, good)
	})
	t.Run("an incident that turns up again", func(t *testing.T) {
		t.Parallel()
		good, faults, n := readAll(t, strings.Join(text, "")+text[2])
		assert.Equal(t, []string{"A", "B", "C"}, good)
		assert.Equal(t, []string{`x.csv, row 7, column number: found "A", whose rows began in row 2; want the rows of an incident to stand together`}, faults)
		assert.Equal(t, 6, n)
	})
	t.Run("a row that cannot be read spoils what it may belong to", func(t *testing.T) {
		t.Parallel()
		const a, b, c = "A", "B", "C"
		for name, test := range map[string]struct {
			at, row string // before which row, and what
			good    []string
		}{
			"within an incident":            {text[2], "rubbish\n", []string{b, c}},
			"of its number":                 {text[2], a + ",x\n", []string{b, c}},
			"between two":                   {text[3], "rubbish\n", []string{c}},
			"between two, of the first":     {text[3], a + ",x\n", []string{b, c}},
			"between two, of the second":    {text[3], b + ",x\n", []string{a, c}},
			"at the beginning":              {text[1], "rubbish\n", []string{b, c}},
			"without a number, between two": {text[5], strings.Replace(text[5], "C,", "?,", 1), []string{a}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				whole := strings.Join(text, "")
				at := strings.Index(whole, test.at)
				good, faults, n := readAll(t, whole[:at]+strings.TrimSuffix(test.row, "\n")+"\n"+whole[at:])
				assert.Equal(t, test.good, good)
				assert.NotEmpty(t, faults)
				assert.Equal(t, 6, n)
			})
		}
		good, faults, n := readAll(t, text[0]+"rubbish\n")
		assert.Empty(t, good)
		assert.Equal(t, []string{"x.csv, row 2: found 1 cell; want 36, as in the header"}, faults)
		assert.Equal(t, 1, n)
	})
}

func TestForms(t *testing.T) {
	t.Parallel()
	plain := logOf(line{}, line{"incident_state": "Active"})
	for name, text := range map[string]string{
		"byte-order mark":  "\ufeff" + plain,
		"CRLF":             strings.ReplaceAll(plain, "\n", "\r\n"),
		"no last line end": strings.TrimSuffix(plain, "\n"),
		"quoted":           strings.ReplaceAll(plain, "Caller 1", `"Caller 1"`),
		"blanks":           strings.ReplaceAll(plain, ",Phone,", ", Phone ,"),
		"leading zeros":    strings.ReplaceAll(plain, "29/2/2016", "29/02/2016"),
		"more columns":     strings.NewReplacer("closed_at\n", "closed_at,extra\n", "?\n", "?,9\n").Replace(plain),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good, faults, _ := readAll(t, text)
			assert.Empty(t, faults)
			assert.Equal(t, []string{"INC1"}, good)
		})
	}
	t.Run("zipped", func(t *testing.T) {
		t.Parallel()
		found, err := runCommand(t, "-log", file(t, "x.csv.gz", zipped(t, plain)))
		require.NoError(t, err)
		assert.Equal(t, 1., found["accepted"])
	})
	t.Run("any order of columns", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		for l := range strings.Lines(plain) {
			cells := strings.Split(strings.TrimSpace(l), ",")
			for i := range cells {
				b.WriteString(cells[len(cells)-1-i] + map[bool]string{true: "\n", false: ","}[i == len(cells)-1])
			}
		}
		good, faults, _ := readAll(t, b.String())
		assert.Empty(t, faults)
		assert.Equal(t, []string{"INC1"}, good)
	})
}

func TestSeen(t *testing.T) {
	t.Parallel()
	s, wrong := newSeen(), 0
	const n = 100_000
	for i := range n {
		if s.add(fmt.Sprintf("INC%07d", i)) {
			wrong++
		}
	}
	assert.Less(t, wrong, n/1000)
	for i := range n {
		require.True(t, s.add(fmt.Sprintf("INC%07d", i)))
	}
}

// Dates are read as the standard library reads them, and refused where it refuses them.
func TestDates(t *testing.T) {
	t.Parallel()
	z := zone(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-3]?[0-9]/[01]?[0-9]/(19|20)[0-9]{2} [0-2]?[0-9]:[0-6][0-9]`).Draw(t, "date")
		record := make([]string, colCount)
		record[colUpdatedAt] = text
		p := parser{zone: z}
		for i := range p.place {
			p.place[i] = i
		}
		c := cells{parser: &p, record: record}
		got := c.time(colUpdatedAt, true)
		want, err := time.ParseInLocation("2/1/2006 15:04", text, z)
		if err != nil {
			if len(c.faults) == 0 {
				t.Fatalf("%q was read as %v: %v", text, got, err)
			}
			return
		}
		if len(c.faults) > 0 || !got.Equal(want) {
			t.Fatalf("%q: %v, %v; want %v", text, got, c.faults, want)
		}
	})
}

// Whatever the bytes are, reading ends, every row is counted once, and an incident either has its rows or a fault.
func FuzzRead(f *testing.F) {
	f.Add([]byte(logOf(line{}, line{"incident_state": "Active"}, line{"number": "INC2"}, line{"number": "INC1"})))
	f.Add([]byte(logOf(line{}, line{"sys_updated_at": "2/29/2016 08:00"}) + "rubbish\n\"\n"))
	f.Add([]byte(strings.Join(columns[:], ",") + "\r\n,,,\r\n"))
	f.Add([]byte("\ufeff" + logOf(line{"number": "?"}, line{"number": ""})))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := reader{log: textLog("x.csv", text), zone: time.UTC, states: logStates()}
		replay := newRun(r.log, r.zone, false, true, nil)
		for e, err := range r.entries() {
			if err != nil {
				return
			}
			if len(e.faults) == 0 && (len(e.rows) != e.count || e.count == 0 || e.number == "") {
				t.Fatalf("incident %q has %d rows, %d were read", e.number, e.count, len(e.rows))
			}
			for i := range e.rows {
				if i > 0 && len(e.faults) == 0 && e.rows[i].Updated.Before(e.rows[i-1].Updated) {
					t.Fatalf("row %d is before row %d", e.rows[i].Line, e.rows[i-1].Line)
				}
			}
			if len(e.faults) == 0 {
				planOf(e.number, e.rows)
			}
		}
		if err := replay.check(context.Background()); err != nil {
			t.Fatalf("the check fails where reading does not: %v", err)
		}
	})
}
