package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Page renders the results as Markdown. It depends on nothing but its arguments and has neither times nor durations.
func Page(spec Spec, results *Results) []byte {
	proofs := make(map[string][]Proof)
	for _, p := range results.Proofs {
		proofs[p.ID] = append(proofs[p.ID], p)
	}
	var b bytes.Buffer
	b.WriteString("# Proof\n\n" +
		"Every ID of the specification with the subtests that name it, written by `go run ./tools/proof` from the results of\n" +
		"`go test -json work`; do not edit. `go test work -run ID` runs the proof of one.\n\n" +
		"*Proven*: the subtests that name the ID passed. *Failing*: one did not. *Skipped*: none could run where this page was\n" +
		"written. *Missing*: no subtest names it.\n\n## Summary\n\n" +
		"| Section | Proven | Failing | Skipped | Missing | Total |\n|---|--:|--:|--:|--:|--:|\n")
	var total tally
	var body bytes.Buffer
	document := ""
	for _, section := range spec {
		if section.Document != document {
			document = section.Document
			fmt.Fprintf(&body, "\n## %s\n", escape(document))
		}
		fmt.Fprintf(&body, "\n### %s\n\n| ID | State | Subtests |\n|---|---|---|\n", escape(section.Title))
		var sum tally
		for _, id := range section.IDs {
			state := stateOf(proofs[id])
			sum.add(state)
			fmt.Fprintf(&body, "| %s | %s | %s |\n", id, state, cells(proofs[id]))
		}
		fmt.Fprintf(&b, "| %s, %s | %s |\n", escape(section.Document), escape(section.Title), sum)
		total.join(sum)
	}
	fmt.Fprintf(&b, "| **All** | %s |\n", total)
	b.Write(body.Bytes())

	writeList(&b, "Public fault threads", "Faults of other systems that were reported in public, with the subtests that show what happens here.",
		"Thread", proofs, threads(results))
	writeList(&b, "IDs that the specification does not have", "", "ID", proofs, Unknown(spec, results))
	return b.Bytes()
}

func writeList(b *bytes.Buffer, title, intro, column string, proofs map[string][]Proof, ids []string) {
	if len(ids) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if intro != "" {
		fmt.Fprintf(b, "%s\n\n", intro)
	}
	fmt.Fprintf(b, "| %s | State | Subtests |\n|---|---|---|\n", column)
	for _, id := range ids {
		fmt.Fprintf(b, "| %s | %s | %s |\n", id, stateOf(proofs[id]), cells(proofs[id]))
	}
}

// Unknown returns the IDs that subtests name and the specification does not have, sorted.
func Unknown(spec Spec, results *Results) []string {
	known := spec.has()
	return distinct(results, func(id string) bool { return oneID.MatchString(id) && !known[id] })
}

func threads(results *Results) []string {
	return distinct(results, func(id string) bool { return !oneID.MatchString(id) })
}

// distinct returns the chosen IDs of the proofs, which are sorted by ID.
func distinct(results *Results, chosen func(id string) bool) []string {
	var out []string
	for _, p := range results.Proofs {
		if chosen(p.ID) {
			out = append(out, p.ID)
		}
	}
	return slices.Compact(out)
}

// stateOf sums up the proofs of an ID.
func stateOf(proofs []Proof) State {
	state := Missing
	for _, p := range proofs {
		switch {
		case p.State == Failing:
			return Failing
		case p.State == Proven, state == Missing:
			state = p.State
		}
	}
	return state
}

type tally struct{ proven, failing, skipped, missing int }

func (t *tally) add(s State) {
	switch s {
	case Proven:
		t.proven++
	case Failing:
		t.failing++
	case Skipped:
		t.skipped++
	case Missing:
		t.missing++
	}
}

func (t *tally) join(u tally) {
	t.proven += u.proven
	t.failing += u.failing
	t.skipped += u.skipped
	t.missing += u.missing
}

func (t tally) String() string {
	return fmt.Sprintf("%d | %d | %d | %d | %d", t.proven, t.failing, t.skipped, t.missing, t.proven+t.failing+t.skipped+t.missing)
}

// cells lists subtests, one a line: `incident.TestX/<ID>_…`, with the state and reason of those that did not pass.
func cells(proofs []Proof) string {
	var out []string
	for _, p := range proofs {
		cell := "`" + escape(p.Test) + "`"
		switch {
		case p.State == Skipped && p.Why != "":
			cell += " (skipped: " + escape(p.Why) + ")"
		case p.State != Proven:
			cell += " (" + string(p.State) + ")"
		}
		out = append(out, cell)
	}
	return strings.Join(out, "<br>")
}

var escaper = strings.NewReplacer("|", "¦", "`", "'", "<", "‹")

// escape keeps a text inside one cell of a table. Code spans know no entities, so look-alikes take the place of what has a
// meaning there. Escaping twice changes nothing more.
func escape(s string) string { return escaper.Replace(s) }

var committedProof = regexp.MustCompile("`([^`]+)`( \\()?")

// Adopt takes over proofs from a committed page where the tests behind them were skipped in this run: directly, or because
// the test above them was. It returns how many it took.
func (r *Results) Adopt(page []byte) int {
	skipped := make(map[string]bool)
	for _, s := range r.Skipped {
		skipped[escape(s.Test)] = true
	}
	here := make(map[[2]string]int) // ID and test → index of the proof
	for i, p := range r.Proofs {
		here[[2]string{p.ID, escape(p.Test)}] = i
	}
	adopted := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		id, _, _ := strings.Cut(line[2:], " ")
		for _, m := range committedProof.FindAllStringSubmatch(line, -1) {
			test, passed := m[1], m[2] == ""
			if !passed {
				continue
			}
			i, ran := here[[2]string{id, test}]
			switch {
			case ran && r.Proofs[i].State == Skipped:
				r.Proofs[i].State, r.Proofs[i].Why = Proven, ""
			case !ran && underOneOf(test, skipped):
				r.Proofs = append(r.Proofs, Proof{ID: id, Test: test, State: Proven})
			default:
				continue
			}
			adopted++
		}
	}
	r.sort()
	return adopted
}

// underOneOf reports whether a test above this one is in the set.
func underOneOf(test string, set map[string]bool) bool {
	for {
		i := strings.LastIndexByte(test, '/')
		if i < 0 {
			return false
		}
		test = test[:i]
		if set[test] {
			return true
		}
	}
}
