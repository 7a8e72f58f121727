// Command bench runs the benchmarks of the library beside their peers and says how they compare.
//
//	go run ./tools/bench           all, medians of several runs; the table goes to docs/performance.md
//	go run ./tools/bench -quick    a look: short runs, nothing is written
//	go run ./tools/bench -json     a list of objects instead of a table
//	go run ./tools/bench -only RE  only rows whose names match
//
// A row and its peer are measured by one process, one after the other, so that the machine meets both alike.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A Result is one row.
type Result struct {
	Name    string  `json:"name"`
	Library float64 `json:"library_ns"` // for one operation, the median
	Peer    string  `json:"peer"`
	PeerNS  float64 `json:"peer_ns"`
	Ratio   float64 `json:"ratio"`             // library / peer
	Limit   float64 `json:"limit,omitempty"`   // the ratio aimed for; 0 when the row is there to be looked at
	Allocs  float64 `json:"allocs"`            // of the library, for one operation
	Bytes   float64 `json:"bytes"`             // allocated, likewise
	Spread  float64 `json:"spread"`            // of the library's runs: (most-least)/median
	Skipped string  `json:"skipped,omitempty"` // why there are no figures
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "short runs; nothing is written")
	asJSON := flags.Bool("json", false, "print a list of objects instead of a table")
	only := flags.String("only", "", "only rows whose names match this regular expression; nothing is written")
	root := flags.String("root", ".", "the root of the project")
	if err := flags.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if _, err := os.Stat(filepath.Join(*root, "go.work")); err != nil {
		return fmt.Errorf("%s is not the root of the project: %w", *root, err)
	}
	var results []Result
	for _, g := range groups {
		rows := slices.DeleteFunc(slices.Clone(g.rows), func(r row) bool { return !match.MatchString(r.name) || *quick && r.long })
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(stderr, "%s %s …\n", g.pkg, g.bench)
		measured, skipped, err := g.measure(*root, *quick)
		if err != nil {
			return err
		}
		for _, r := range rows {
			result, err := r.compare(measured, skipped)
			if err != nil {
				return fmt.Errorf("%s: %w", g.pkg, err)
			}
			results = append(results, result)
		}
	}
	if len(results) == 0 {
		return fmt.Errorf("no row is called %q", *only)
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(results)
	}
	text := table(results)
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if *quick || *only != "" {
		return nil
	}
	return insert(filepath.Join(*root, "docs", "performance.md"), text)
}

// measure runs the benchmarks of a group and returns what they printed.
func (g *group) measure(root string, quick bool) (output, string, error) {
	args := []string{"test", "-run", "^$", "-bench", g.bench, "-benchmem", "-timeout", "60m", "-cpu", "1"}
	count, benchtime := 5, "500ms"
	if g.slow {
		count = 3
	}
	if quick {
		count, benchtime = 1, "50ms"
		args = append(args, "-short")
	}
	args = append(args, "-count", fmt.Sprint(count), "-benchtime", benchtime, ".")
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join(root, filepath.FromSlash(g.pkg))
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w\n%s%s", g.pkg, err, errs.String(), out)
	}
	if strings.Contains("\n"+string(out), "\n--- FAIL") { // go test says so in its text only, when it was not the first time
		return nil, "", fmt.Errorf("%s: a benchmark failed:\n%s", g.pkg, out)
	}
	measured := parse(string(out))
	if skip := skipped(string(out)); len(measured) == 0 && skip != "" {
		return nil, skip, nil
	}
	return measured, "", nil
}

const (
	begin = "<!-- bench: written by go run ./tools/bench -->"
	end   = "<!-- bench: end -->"
)

// insert puts the table between its marks.
func insert(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s: want the lines %s and %s, between which the table stands", path, begin, end)
	}
	return os.WriteFile(path, []byte(before+begin+"\n\n"+text+"\n"+end+after), 0o644)
}
