package approval

import (
	"fmt"
	"strconv"
	"strings"
)

// A Share is a part of a group, exactly: "50%" and "66.7%" of it, "2/3" of it, or more than that: ">50%", ">1/2". Counts are
// rounded up: "50%" of five people are three.
type Share string

// ratio is a share in numbers.
type ratio struct {
	num, den int64
	over     bool // more than num/den
}

const maxShareText = 20 // bytes

// parse reads a share above 0 and up to 1.
func (s Share) parse() (ratio, error) {
	fault := fmt.Errorf(`share %q: want a part of the group above 0 and up to all of it, such as "50%%", ">50%%" or "2/3"`, s)
	if len(s) > maxShareText {
		return ratio{}, fault
	}
	text, over := strings.CutPrefix(string(s), ">")
	r := ratio{den: 1, over: over}
	var err error
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		whole, decimals, dot := strings.Cut(percent, ".")
		if dot && decimals == "" || whole == "" || len(decimals) > 6 {
			return ratio{}, fault
		}
		r.den = 100
		for range decimals {
			r.den *= 10
		}
		r.num, err = parseDigits(whole + decimals)
	} else {
		num, den, ok := strings.Cut(text, "/")
		if !ok {
			return ratio{}, fault
		}
		if r.num, err = parseDigits(num); err == nil {
			r.den, err = parseDigits(den)
		}
	}
	if err != nil || r.num < 1 || r.den < 1 || r.num > r.den || over && r.num == r.den {
		return ratio{}, fault
	}
	return r, nil
}

// parseDigits reads up to nine digits without a sign.
func parseDigits(s string) (int64, error) {
	const most = 9
	if s == "" || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// of returns how many of n that are, at least one.
func (r ratio) of(n int) int {
	product := r.num * int64(n)
	need := (product + r.den - 1) / r.den
	if r.over {
		need = product/r.den + 1
	}
	return max(1, int(need))
}
