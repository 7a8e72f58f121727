// Command proof writes docs/proof.md: every ID of the specification with the subtests that prove it.
//
//	go run ./tools/proof                              runs go test -json work and writes the page
//	go test -json work | go run ./tools/proof -in -   takes the results from elsewhere
//	go run ./tools/proof -check                       compares with the committed page instead of writing it
//
// A subtest proves the IDs that its name begins with: t.Run("<ID> dispatch before triage is refused", …). A name that
// begins with a public fault thread ("glpi-6902 …") is listed as an answer to it.
//
// The IDs come from the specification documents (-spec). Where these are not at hand, the list that is kept beside the
// page (docs/requirements.txt) takes their place; where they are, the list is kept equal to them.
//
// Some tests are skipped where their data or servers are absent. With -check a committed proof by such a test stands;
// how many there were is printed. The program reports test results like go test does, with the output of what failed.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "proof:", err)
		}
		os.Exit(1)
	}
}

type config struct {
	root, spec, list, page, in string
	check                      bool
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c config
	flags := flag.NewFlagSet("proof", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.root, "root", ".", "root of the repository")
	flags.StringVar(&c.spec, "spec", "", "folder of the specification (default ROOT/../shared/spec)")
	flags.StringVar(&c.list, "list", "", "committed list of IDs (default ROOT/docs/requirements.txt)")
	flags.StringVar(&c.page, "page", "", "the page (default ROOT/docs/proof.md)")
	flags.StringVar(&c.in, "in", "", "output of go test -json: a file, or - for standard input (default: run the tests)")
	flags.BoolVar(&c.check, "check", false, "compare with the committed page and list, write nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	c.spec = orDefault(c.spec, filepath.Join(c.root, "..", "shared", "spec"))
	c.list = orDefault(c.list, filepath.Join(c.root, "docs", "requirements.txt"))
	c.page = orDefault(c.page, filepath.Join(c.root, "docs", "proof.md"))

	spec, err := c.requirements(stdout)
	if err != nil {
		return err
	}
	results, err := c.results(stdin, stdout, stderr)
	if err != nil {
		return err
	}
	for _, s := range results.Skipped {
		fmt.Fprintf(stdout, "skipped: %s: %s\n", s.Test, s.Why)
	}
	for _, hint := range results.Misplaced {
		fmt.Fprintf(stdout, "hint: %s names an ID, but not at the start of a subtest's name: it proves nothing\n", hint)
	}

	var faults []error
	if n := len(results.Failed); n > 0 {
		faults = append(faults, fmt.Errorf("%d tests or packages failed: %s", n, strings.Join(results.Failed, ", ")))
	}
	if unknown := Unknown(spec, results); len(unknown) > 0 {
		faults = append(faults, fmt.Errorf("subtests name IDs that the specification does not have: %s", strings.Join(unknown, ", ")))
	}
	if c.check {
		faults = append(faults, c.compare(spec, results, stdout))
	} else {
		faults = append(faults, os.WriteFile(c.page, Page(spec, results), 0o644))
	}
	return errors.Join(faults...)
}

// requirements reads the specification, keeping the committed list equal to it, or else the list.
func (c config) requirements(stdout io.Writer) (Spec, error) {
	spec, err := ReadSpec(os.DirFS(c.spec))
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(stdout, "proof: no specification at %s, taking the IDs of %s\n", c.spec, c.list)
		text, err := os.ReadFile(c.list)
		if err != nil {
			return nil, err
		}
		return ParseList(string(text))
	}
	if err != nil {
		return nil, err
	}
	if !c.check {
		return spec, os.WriteFile(c.list, []byte(spec.List()), 0o644)
	}
	committed, err := os.ReadFile(c.list)
	if err != nil {
		return nil, err
	}
	if lines := diff(string(committed), spec.List()); len(lines) > 0 {
		return nil, fmt.Errorf("%s differs from the specification (go run ./tools/proof writes it):\n%s", c.list, strings.Join(lines, "\n"))
	}
	return spec, nil
}

// results reads the named test output, or runs the tests.
func (c config) results(stdin io.Reader, stdout, stderr io.Writer) (*Results, error) {
	switch c.in {
	case "-":
		return ReadResults(stdin, stdout)
	case "":
	default:
		f, err := os.Open(c.in)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return ReadResults(f, stdout)
	}
	cmd := exec.Command("go", "test", "-json", "work")
	cmd.Dir = c.root
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, err := ReadResults(out, stdout)
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, err
	}
	// The exit code says again what the results say, but for a run that broke off before it had any.
	if err := cmd.Wait(); err != nil && len(results.Failed) == 0 {
		return nil, fmt.Errorf("go test -json work: %w", err)
	}
	return results, nil
}

// compare holds the committed page to the results.
func (c config) compare(spec Spec, results *Results, stdout io.Writer) error {
	committed, err := os.ReadFile(c.page)
	if err != nil {
		return err
	}
	if adopted := results.Adopt(committed); adopted > 0 {
		fmt.Fprintf(stdout, "proof: %d committed proofs are by tests that were skipped here; they stand unchecked\n", adopted)
	}
	page := Page(spec, results)
	if bytes.Equal(page, committed) {
		return nil
	}
	return fmt.Errorf("%s is out of date (go run ./tools/proof writes it):\n%s", c.page, strings.Join(diff(string(committed), string(page)), "\n"))
}

func orDefault(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}

// diff lists the lines that only one of two texts has, in their order. It is no minimal edit script: the texts are
// lists whose lines are all different, so that a line that both have needs no mention.
func diff(old, new string) []string {
	var out []string
	out = append(out, only(old, new, "- ")...)
	return append(out, only(new, old, "+ ")...)
}

func only(in, notIn, mark string) []string {
	other := make(map[string]bool)
	for line := range strings.Lines(notIn) {
		other[line] = true
	}
	var out []string
	for line := range strings.Lines(in) {
		if !other[line] {
			out = append(out, mark+strings.TrimRight(line, "\n"))
		}
	}
	return out
}
