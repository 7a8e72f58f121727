package approval

import (
	"math/bits"
	"slices"
)

// A seating is a set of conditions with the people who approve by the conditions they can fill. Those who can fill the same
// are one class.
type seating struct {
	class  []uint64 // conditions that the people of a class can fill
	people []int    // of a class
	filled [][]int  // seats of a condition filled from a class
	free   []int    // people of a class who have no seat
}

// place seats people in the conditions, so many in each as it needs and nobody twice, or returns nil when there is no way to do so.
// It looks for augmenting paths: a person may move to another seat to make room.
func (c *chamber) place(seats uint64, t *tally) *seating {
	s := newSeating(seats, t.heads)
	for m := seats; m != 0; m &= m - 1 {
		j := bits.TrailingZeros64(m)
		for range c.leaves[j].need(t, j) {
			if visited := uint64(0); !s.fill(j, &visited) {
				return nil
			}
		}
	}
	return s
}

func newSeating(seats uint64, heads []uint64) *seating {
	s := &seating{filled: make([][]int, bits.Len64(seats))}
	for _, h := range heads {
		h &= seats
		if h == 0 {
			continue
		}
		i := slices.Index(s.class, h)
		if i < 0 {
			i = len(s.class)
			s.class, s.people = append(s.class, h), append(s.people, 0)
		}
		s.people[i]++
	}
	// Those who fit in few places sit down first, so that less has to be moved.
	order := make([]int, len(s.class))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bits.OnesCount64(s.class[a]) - bits.OnesCount64(s.class[b]) })
	class, people := make([]uint64, len(order)), make([]int, len(order))
	for i, k := range order {
		class[i], people[i] = s.class[k], s.people[k]
	}
	s.class, s.people, s.free = class, people, slices.Clone(people)
	store := make([]int, bits.OnesCount64(seats)*len(class))
	for m := seats; m != 0; m &= m - 1 {
		s.filled[bits.TrailingZeros64(m)], store = store[:len(class):len(class)], store[len(class):]
	}
	return s
}

// fill finds one more person for a condition.
func (s *seating) fill(j int, visited *uint64) bool {
	*visited |= 1 << j
	for i, can := range s.class {
		if can>>j&1 == 1 && s.free[i] > 0 {
			s.free[i]--
			s.filled[j][i]++
			return true
		}
	}
	for i, can := range s.class {
		if can>>j&1 == 0 {
			continue
		}
		for m := can &^ *visited; m != 0; m &= m - 1 {
			k := bits.TrailingZeros64(m)
			if *visited>>k&1 == 1 || s.filled[k][i] == 0 || !s.fill(k, visited) {
				continue
			}
			s.filled[k][i]--
			s.filled[j][i]++
			return true
		}
	}
	return false
}
