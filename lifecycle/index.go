package lifecycle

// An index finds the position of a name in a fixed list, as a map does, in half the time: two bytes and the length tell
// the names of most tables apart, and a multiplier found when the index is built sends each to a slot of its own.
// Lists for which there is no such choice use a map. The arrays have a size at which no access needs a check.
type index[K ~string] struct {
	names []K
	slots [256]uint8 // position in short, 255 where there is none
	short [256]K     // the names, then "", which is not looked for
	probe uint       // sixteenths of the length at which the first byte is taken; the second is the last
	mul   uint32
	slow  map[K]int // nil when the slots are used
}

// newIndex takes distinct, non-empty names.
func newIndex[K ~string](names []K) index[K] {
	x := index[K]{names: names}
	if x.perfect() {
		return x
	}
	x.slow = make(map[K]int, len(names))
	for i, name := range names {
		x.slow[name] = i
	}
	return x
}

// find returns the position of the name, or -1.
func (x *index[K]) find(name K) int {
	if len(name) == 0 {
		return -1
	}
	if x.slow != nil {
		return x.findSlow(name)
	}
	i := x.slots[x.slot(name)]
	if x.short[i] == name {
		return int(i)
	}
	return -1
}

func (x *index[K]) findSlow(name K) int {
	if i, ok := x.slow[name]; ok {
		return i
	}
	return -1
}

// slot takes a name that is not empty.
func (x *index[K]) slot(name K) uint8 {
	n := uint(len(name))
	mark := uint32(n) | uint32(name[n*x.probe>>4])<<8 | uint32(name[n-1])<<16
	return uint8(mark * x.mul >> 24)
}

// perfect searches for the byte and the multiplier that give each name its own slot, and reports whether there are any.
func (x *index[K]) perfect() bool {
	if len(x.names) > 64 { // the chance to find any falls off long before
		return false
	}
	copy(x.short[:], x.names)
	x.mul = 0x9e3779b1
	for range 500 {
		for x.probe = range uint(16) {
			if x.place() {
				return true
			}
		}
		x.mul = x.mul*0x2c9277b5 | 1
	}
	return false
}

// place fills the slots and reports whether each name got its own.
func (x *index[K]) place() bool {
	const none = 255
	for i := range x.slots {
		x.slots[i] = none
	}
	for i, name := range x.names {
		at := x.slot(name)
		if x.slots[at] != none {
			return false
		}
		x.slots[at] = uint8(i)
	}
	return true
}
