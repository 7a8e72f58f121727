package rule

import "strings"

// nearest says which of the names was probably meant, or names them all when none is close.
func nearest(name string, names []string) string {
	const listed = 12
	best, at := "", max(1, len([]rune(name))/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d < at {
			best, at = n, d
		}
	}
	switch {
	case len(names) == 0:
		return "there are none"
	case best != "" && len(names) > listed:
		return "did you mean " + best + "?"
	case best != "":
		return "did you mean " + best + "? There are " + strings.Join(names, ", ")
	case len(names) > listed:
		return "there are " + strings.Join(names[:listed], ", ") + " and others"
	}
	return "there are " + strings.Join(names, ", ")
}

// distance is the least number of insertions, deletions, substitutions and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
