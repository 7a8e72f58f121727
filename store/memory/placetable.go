package memory

// A placeTable finds places by a hash that they are entered under. In hash maps of the language a command among millions costs a walk through
// memory that no cache holds, three steps each time; here it is one step, and there is nothing in it for the garbage collector.
//
// It is cut into parts, so that a command never waits until all of it has grown.
type placeTable struct{ parts [64]part }

// A part holds for each place its number plus 1 and half of its hash, in the first free slot from where the hash points on. Zero is free.
type part struct {
	slots []uint64 // a power of two of them, at most three quarters in use
	used  int
}

const (
	firstSlots = 8
	placeBits  = 32
	maxPlaces  = 1<<placeBits - 1 // and entries, which would take a terabyte
)

// find returns the place under the hash for which is is true, and whether there is one.
func (p *placeTable) find(hash uint64, is func(place int) bool) (int, bool) {
	part := &p.parts[hash>>58]
	if part.used == 0 {
		return 0, false
	}
	half, mask := hash&(1<<32-1), len(part.slots)-1
	for at := int(half) & mask; part.slots[at] != 0; at = (at + 1) & mask {
		if s := part.slots[at]; s>>placeBits == half && is(int(s&maxPlaces)-1) {
			return int(s&maxPlaces) - 1, true
		}
	}
	return 0, false
}

// add enters a place under a hash, beside those that have it already.
func (p *placeTable) add(hash uint64, place int) {
	part := &p.parts[hash>>58]
	if part.used >= len(part.slots)/4*3 {
		old := part.slots
		part.slots = make([]uint64, max(firstSlots, 2*len(old)))
		for _, s := range old {
			if s != 0 {
				part.put(s)
			}
		}
	}
	part.put(hash&(1<<32-1)<<placeBits | uint64(place+1))
	part.used++
}

func (p *part) put(slot uint64) {
	mask := len(p.slots) - 1
	at := int(slot>>placeBits) & mask
	for p.slots[at] != 0 {
		at = (at + 1) & mask
	}
	p.slots[at] = slot
}
