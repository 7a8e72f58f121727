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
	long    bool    // left out by -quick
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
	{pkg: "store/sqlite", bench: "Do|Command|Bulk", slow: true, rows: []row{
		{name: "SQLite: Do of an incident, synchronous FULL", library: "Do/FULL ns/store", peer: "the bare statements", against: "Do/FULL ns/by-hand", limit: 1.25},
		{name: "SQLite: Do of an incident, synchronous NORMAL", library: "Do/NORMAL ns/store", peer: "the bare statements", against: "Do/NORMAL ns/by-hand", limit: 1.25},
		{name: "SQLite: load and commit, synchronous FULL", library: "Command/FULL ns/store", peer: "the same rows by hand", against: "Command/FULL ns/by-hand", limit: 1.25},
		{name: "SQLite: load and commit, synchronous NORMAL", library: "Command/NORMAL ns/store", peer: "the same rows by hand", against: "Command/NORMAL ns/by-hand", limit: 1.25},
		{name: "SQLite: bulk in one batch", library: "Bulk ns/store", peer: "the same rows by hand", against: "Bulk ns/by-hand", limit: 2},
	}},
	{pkg: "store/postgres", bench: "Do|Command", slow: true, rows: []row{
		{name: "PostgreSQL: Do of an incident, 1 connection", library: "Do/connections=1 ns/store", peer: "the bare statements", against: "Do/connections=1 ns/by-hand", limit: 1.43},
		{name: "PostgreSQL: Do of an incident, 8 connections", library: "Do/connections=8 ns/store", peer: "the bare statements", against: "Do/connections=8 ns/by-hand", limit: 1.43},
		{name: "PostgreSQL: Do of an incident, 32 connections", library: "Do/connections=32 ns/store", peer: "the bare statements", against: "Do/connections=32 ns/by-hand", limit: 1.43},
		{name: "PostgreSQL: load and commit, 1 connection", library: "Command/synchronous_commit=on/connections=1 ns/store", peer: "the same rows by hand", against: "Command/synchronous_commit=on/connections=1 ns/by-hand", limit: 1.43},
		{name: "PostgreSQL: load and commit, 8 connections", library: "Command/synchronous_commit=on/connections=8 ns/store", peer: "the same rows by hand", against: "Command/synchronous_commit=on/connections=8 ns/by-hand", limit: 1.43},
		{name: "PostgreSQL: load and commit, 32 connections", library: "Command/synchronous_commit=on/connections=32 ns/store", peer: "the same rows by hand", against: "Command/synchronous_commit=on/connections=32 ns/by-hand", limit: 1.43},
	}},
	{pkg: "scheduler", bench: "Tick", slow: true, rows: []row{
		{name: "scheduler: a pass with 100 due", library: "Tick/among_10000/100_due", peer: "their commands alone", against: "Tick/among_10000/peer_100_commands", limit: 1.5},
		{name: "scheduler: 100 due among 100,000", library: "Tick/among_100000/100_due", peer: "among 10,000", against: "Tick/among_10000/100_due", limit: 2},
		{name: "scheduler: 100 due among 1,000,000", library: "Tick/among_1000000/100_due", peer: "among 100,000", against: "Tick/among_100000/100_due", limit: 2},
	}},
	{pkg: "tools/bench", bench: "Growth", slow: true, rows: []row{
		{name: "memory: a command among 10,000 incidents", library: "Growth/incidents=10000/do", peer: "among 1,000", against: "Growth/incidents=1000/do", limit: 2},
		{name: "memory: a command among 100,000 incidents", library: "Growth/incidents=100000/do", peer: "among 10,000", against: "Growth/incidents=10000/do", limit: 2, long: true},
		{name: "memory: a command among 1,000,000 incidents", library: "Growth/incidents=1000000/do", peer: "among 100,000", against: "Growth/incidents=100000/do", limit: 2, long: true},
		{name: "memory: a search among 10,000 incidents", library: "Growth/incidents=10000/find", peer: "among 1,000", against: "Growth/incidents=1000/find", limit: 2},
		{name: "memory: a search among 100,000 incidents", library: "Growth/incidents=100000/find", peer: "among 10,000", against: "Growth/incidents=10000/find", limit: 2, long: true},
		{name: "memory: a search among 1,000,000 incidents", library: "Growth/incidents=1000000/find", peer: "among 100,000", against: "Growth/incidents=100000/find", limit: 2, long: true},
	}},
	{pkg: "config/impact", bench: "Reach/debian|Change", slow: true, rows: []row{
		{name: "impact: all dependents of libc6, Debian", library: "Reach/debian/count", peer: "bare breadth-first search over CSR", against: "Reach/debian/bare", limit: 3},
		{name: "impact: one more relation among 10,000 items", library: "Change/10000/one", peer: "among 1,000", against: "Change/1000/one", limit: 2},
		{name: "impact: one more relation among 100,000 items", library: "Change/100000/one", peer: "among 10,000", against: "Change/10000/one", limit: 2},
		{name: "impact: one more relation among 1,000,000 items", library: "Change/1000000/one", peer: "among 100,000", against: "Change/100000/one", limit: 2},
	}},
	{pkg: "tools/bench", bench: "Reachable", slow: true, rows: []row{
		{name: "impact: all dependents of libc6, beside gonum", library: "Reachable/debian/impact", peer: "gonum", against: "Reachable/debian/gonum", limit: 0.1},
	}},
	{pkg: "change", bench: "Conflicts", slow: true, rows: []row{
		{name: "change: conflicts with 10,000 changes", library: "Conflicts/agenda/10000", peer: "with 1,000", against: "Conflicts/agenda/1000", limit: 2},
		{name: "change: conflicts with 100,000 changes", library: "Conflicts/agenda/100000", peer: "looking at each", against: "Conflicts/plain/100000", limit: 0.01},
	}},
	{pkg: "approval", bench: "Decide|History", slow: true, rows: []row{
		{name: "approval: a vote, 50 voters, 10 overlapping rules", library: "Decide/50_voters,_10_overlapping_rules", peer: "a vote, 5 voters", against: "Decide/5_voters,_manager_and_board"},
		{name: "approval: a vote after 10,000 votes", library: "History/after_10000_votes", peer: "after 10", against: "History/after_10_votes", limit: 1.5},
		{name: "approval: a vote after 10,000 rounds", library: "History/after_10000_rounds", peer: "after 10", against: "History/after_10_rounds", limit: 1.5},
	}},
}
