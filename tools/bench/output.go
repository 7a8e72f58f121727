package main

import (
	"bufio"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// output is what benchmarks printed: by benchmark and unit, one value a run.
type output map[string]map[string][]float64

// parse reads the lines of go test -bench. Processor counts at the ends of names are cut off.
func parse(text string) output {
	out := output{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		if _, err := strconv.ParseInt(words[1], 10, 64); err != nil {
			continue
		}
		name := strings.TrimPrefix(words[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		if out[name] == nil {
			out[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(words); i += 2 {
			if v, err := strconv.ParseFloat(words[i], 64); err == nil {
				out[name][words[i+1]] = append(out[name][words[i+1]], v)
			}
		}
	}
	return out
}

// skipped returns why benchmarks were skipped, "" when none was.
func skipped(text string) string {
	_, rest, ok := strings.Cut(text, "--- SKIP: Benchmark")
	if !ok {
		return ""
	}
	lines := strings.SplitN(rest, "\n", 3)
	if len(lines) < 2 {
		return "skipped"
	}
	return strings.TrimSpace(lines[1])
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// value returns the median of a figure: "Fire/lifecycle" is ns/op, "Command/FULL ns/store" another unit.
func (o output) value(what string) (float64, []float64, error) {
	name, unit, ok := strings.Cut(what, " ")
	if !ok {
		unit = "ns/op"
	}
	values := o[name][unit]
	if len(values) == 0 {
		return 0, nil, fmt.Errorf("no benchmark printed %s %s", name, unit)
	}
	return median(values), values, nil
}

func (r *row) compare(o output, skipped string) (Result, error) {
	result := Result{Name: r.name, Peer: r.peer, Limit: r.limit, Skipped: skipped}
	if skipped != "" {
		return result, nil
	}
	library, runs, err := o.value(r.library)
	if err != nil {
		return result, err
	}
	peer := r.fixed
	if peer == 0 {
		if peer, _, err = o.value(r.against); err != nil {
			return result, err
		}
	}
	per := max(r.per, 1)
	result.Library, result.PeerNS, result.Ratio = library/per, peer/per, library/peer
	if r.fixed > 0 {
		result.PeerNS, result.Ratio = peer, library/per/peer
	}
	result.Spread = (slices.Max(runs) - slices.Min(runs)) / library
	name, _, _ := strings.Cut(r.library, " ")
	if !strings.Contains(r.library, " ") { // where library and peer share a benchmark, so do the allocations
		result.Allocs, result.Bytes = median(o[name]["allocs/op"])/per, median(o[name]["B/op"])/per
	}
	return result, nil
}

// table writes the results as Markdown.
func table(results []Result) string {
	var b strings.Builder
	b.WriteString("| | library | peer | | ratio | aim | allocs |\n|---|--:|--:|---|--:|--:|--:|\n")
	for _, r := range results {
		if r.Skipped != "" {
			fmt.Fprintf(&b, "| %s | | | %s | | | skipped: %s |\n", r.Name, r.Peer, r.Skipped)
			continue
		}
		aim := ""
		if r.Limit > 0 {
			aim = "≤ " + figure(r.Limit)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", r.Name, duration(r.Library), duration(r.PeerNS), r.Peer, figure(r.Ratio), aim, figure(r.Allocs))
	}
	return b.String()
}

func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return figure(ns) + " ns"
	case ns < 1e6:
		return figure(ns/1e3) + " µs"
	case ns < 1e9:
		return figure(ns/1e6) + " ms"
	}
	return figure(ns/1e9) + " s"
}

// figure writes a number with three digits that count.
func figure(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', max(0, min(digits, 7)), 64)
}
