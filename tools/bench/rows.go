package main

// A group is what one process measures.
type group struct {
	pkg   string // its folder
	bench string // the regular expression for -bench
	slow  bool   // fewer runs
	rows  []row
}

// A row compares two figures of a group: benchmarks without "Benchmark", with a unit if it is not ns/op.
type row struct {
	name    string
	library string
	peer    string  // what it is, in words
	against string  // the figure of the peer
	fixed   float64 // or a fixed number of nanoseconds
	per     float64 // operations that one measured operation stands for
	limit   float64 // of library/peer
}

const commandTime = 1e9 / 150_000 // nanoseconds that a command on the store in memory may take

var groups = []group{
	{pkg: "lifecycle", bench: "Fire|Next", rows: []row{
		{name: "lifecycle: transition", library: "Fire/lifecycle", peer: "looplab/fsm from a pool, the same guard", against: "Fire/peer=looplab_pooled", limit: 1.3},
		{name: "lifecycle: where an event leads", library: "Next/lifecycle", peer: "array behind map-indexed names", against: "Next/peer=array_of_names", limit: 3},
	}},
	{pkg: "tools/bench", bench: "Transition", rows: []row{
		{name: "lifecycle: transition beside stateless", library: "Transition/lifecycle", peer: "qmuntal/stateless, external storage, one machine", against: "Transition/stateless"},
		{name: "lifecycle: transition beside a new looplab/fsm", library: "Transition/lifecycle", peer: "looplab/fsm, a new machine each time", against: "Transition/looplab_new", limit: 0.2},
	}},
	{pkg: "calendar", bench: "Between|Add", rows: []row{
		{name: "calendar: between, a day", library: "Between/calendar/1_day", peer: "binary search with prefix sums", against: "Between/plain_search/1_day", limit: 1.3},
		{name: "calendar: between, ten years", library: "Between/calendar/10_years", peer: "the same, a day", against: "Between/calendar/1_day", limit: 1.25},
		{name: "calendar: add, a day", library: "Add/calendar/1_day", peer: "binary search with prefix sums", against: "Add/plain_search/1_day", limit: 1.3},
	}},
	{pkg: "tools/bench", bench: "Year", rows: []row{
		{name: "calendar: working time of a year", library: "Year/between/calendar", peer: "rickar/cal", against: "Year/between/rickar", limit: 0.001},
		{name: "calendar: instant after 1,900 working hours", library: "Year/add/calendar", peer: "rickar/cal", against: "Year/add/rickar", limit: 0.001},
	}},
	{pkg: "incident", bench: "Do", rows: []row{
		{name: "command on memory, without free text", library: "Do/plain", peer: "150,000 a second", fixed: commandTime, limit: 1},
		{name: "command on memory, free text scanned and masked", library: "Do/without_clocks", peer: "the same without free text", against: "Do/plain"},
		{name: "command on memory, seven clocks", library: "Do/with_clocks", peer: "the same without clocks", against: "Do/without_clocks"},
	}},
}
