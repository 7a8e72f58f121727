package arch

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A room is a layer of the library: packages that stand side by side and know nothing of each other.
type room string

const (
	ground     room = "ground"     // what the kernel stands on: no word of the field
	kernel     room = "kernel"     // the vocabulary and the kernel, package itsm itself
	foundation room = "foundation" // what processes are made of
	levels     room = "levels"     // service levels
	process    room = "process"    // one practice each
	across     room = "across"     // what looks at all processes
	profile    room = "profile"    // the shipped hospital
	memory     room = "memory"     // the reference store; adapters of other kinds are modules of their own
	testkit    room = "testkit"    // for tests of users and our own
	proof      room = "proof"      // tests only
)

// below names the rooms that a room may import from. Within a room there are no imports but those of [siblings].
var below = map[room][]room{
	ground:     nil,
	kernel:     {ground},
	foundation: {ground, kernel},
	levels:     {ground, kernel, foundation},
	process:    {kernel, foundation, levels},
	across:     {kernel, foundation, levels, process},
	profile:    {kernel, foundation, levels, process, across},
	memory:     {kernel}, // and the contract it implements, see siblings
	testkit:    {kernel, foundation, levels, memory},
	proof:      nil,
}

// roomOf is the place of every package of the root module, by path below the module's.
var roomOf = map[string]room{
	".": kernel,

	"approval":      foundation,
	"calendar":      foundation,
	"calendar/cn":   foundation,
	"config/impact": foundation,
	"lifecycle":     foundation,
	"rule":          foundation,
	"store":         foundation,
	"tabular":       foundation,

	"store/internal/rows": foundation,

	"sla": levels,

	"access":      process,
	"asset":       process,
	"asset/stock": process,
	"catalog":     process,
	"change":      process,
	"config":      process,

	"config/audit":     process,
	"config/baseline":  process,
	"config/discovery": process,

	"desk":        process,
	"governance":  process,
	"incident":    process,
	"knowledge":   process,
	"maintenance": process,
	"problem":     process,
	"release":     process,
	"release/dsl": process,
	"supplier":    process,
	"team":        process,

	"report":    across,
	"scheduler": across,

	"hospital": profile,

	"store/memory":  memory,
	"itsmtest":      testkit,
	"internal/arch": proof,

	"internal/clone":      ground,
	"internal/jsonfast":   ground,
	"internal/fixedseed":  testkit,
	"internal/shareddata": testkit,
	"internal/smalldisk":  testkit,
	"internal/together":   proof,
	"internal/overlay":    foundation,
}

// siblings are the imports that [below] does not cover, each with its reason.
var siblings = map[string][]string{
	"config/audit":     {"config"}, // one process in four packages: audits, baselines and
	"config/baseline":  {"config"}, // discovery look at items
	"config/discovery": {"config"},

	"release/dsl":  {"release"},                      // the text form of a plan
	"calendar/cn":  {"calendar"},                     // days of China as data of a calendar
	"store":        {"store/internal/rows"},          // ordered rows, which units of work search
	"store/memory": {"store", "store/internal/rows"}, // the contract, and the same rows
}

// libraries says which packages may import which module, directly, outside tests. None of them does I/O.
var libraries = map[string][]string{
	"github.com/looplab/fsm":            {"lifecycle"},
	"github.com/emersion/go-ical":       {"change"},
	"github.com/expr-lang/expr":         {"rule"},
	"golang.org/x/mod/sumdb/tlog":       {"."},
	"golang.org/x/mod/sumdb/note":       {"."},
	"github.com/shopspring/decimal":     {"*"},
	"golang.org/x/exp/stats":            {"*"},
	"github.com/stretchr/testify":       {"itsmtest"},
	"pgregory.net/rapid":                {"itsmtest", "internal/fixedseed"},
	"github.com/anishathalye/porcupine": {"itsmtest"},
}

// testLibraries may be imported by any test.
var testLibraries = []string{"github.com/stretchr/testify", "pgregory.net/rapid", "github.com/anishathalye/porcupine", "golang.org/x/exp/ebnf"}

// effects are the standard packages through which a program reaches the world outside. With them go the packages below
// them, but for [harmless].
var (
	effects  = []string{"crypto/rand", "database/sql", "log", "math/rand", "net", "os", "plugin", "syscall", "testing", "unsafe"}
	harmless = []string{"log/slog", "net/netip", "net/url"}
)

// mayReach are the exceptions: effects that a package may import.
var mayReach = map[string][]string{
	".":        {"crypto/rand"}, // the default source of IDs; the clock test holds it to one file
	"itsmtest": {"testing", "os", "math/rand"},

	"internal/fixedseed":  {"os"},            // of tests under CI
	"internal/clone":      {"unsafe"},        // sees which fields are nil; writes nothing
	"internal/jsonfast":   {"unsafe"},        // reads fields where they lie; writes nothing
	"internal/shareddata": {"testing", "os"}, // real data for tests
	"internal/smalldisk":  {"testing", "os", "syscall"},
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		t.Run(p.rel, func(t *testing.T) {
			t.Parallel()
			for _, fault := range importFaults(p) {
				t.Error(fault)
			}
		})
	}
}

// importFaults checks the imports of a package and of its tests.
func importFaults(p *pkg) []string {
	home, ok := roomOf[p.rel]
	if !ok {
		return []string{p.rel + " is new: say in which room it belongs (roomOf in internal/arch/rooms_test.go)"}
	}
	var faults []string
	for _, imp := range p.Imports {
		if fault := importFault(p, home, imp); fault != "" {
			faults = append(faults, p.rel+" imports "+imp+": "+fault)
		}
	}
	for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
		if fault := testImportFault(p, home, imp); fault != "" {
			faults = append(faults, "a test of "+p.rel+" imports "+imp+": "+fault)
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

func importFault(p *pkg, home room, imp string) string {
	if rel, ours := p.inModule(imp); ours {
		there, ok := roomOf[rel]
		switch {
		case !ok:
			return "it is in no room"
		case slices.Contains(below[home], there), slices.Contains(siblings[p.rel], rel):
			return ""
		case home == process && there == process:
			return "a process knows no other; declare a port of one or two methods, or react to its events"
		case there == testkit:
			return "the test kit is for tests"
		case home == there:
			return "packages of one room know nothing of each other"
		}
		return "imports point downward, and " + string(there) + " is not below " + string(home)
	}
	if standard(imp) {
		if under(imp, effects) && !under(imp, harmless) && !under(imp, mayReach[p.rel]) {
			return "the domain does no I/O, reads no clock and no random source; take it as a parameter"
		}
		return ""
	}
	if strings.HasPrefix(imp, p.module+"/") {
		return "no package of the library imports another module of the repository"
	}
	for library, users := range libraries {
		if under(imp, []string{library}) {
			if slices.Contains(users, p.rel) || slices.Contains(users, "*") {
				return ""
			}
			return "only " + strings.Join(users, ", ") + " may"
		}
	}
	return "the module is not among the libraries that were agreed on"
}

// testImportFault checks an import of a test. Tests may besides use what is beside them: the test kit, the storage contract and the reference store,
// testing libraries, packages in and below their own folder. The tests of the foundations and of the test kit try
// themselves on processes.
func testImportFault(p *pkg, home room, imp string) string {
	if standard(imp) || under(imp, testLibraries) || imp == "golang.org/x/mod/sumdb/note" { // keys for sealers
		return ""
	}
	if rel, ours := p.inModule(imp); ours {
		there := roomOf[rel]
		switch {
		case there == testkit, there == memory, rel == "store", rel == p.rel, home == proof:
			return ""
		case strings.HasPrefix(rel, p.rel+"/"), strings.HasPrefix(p.rel, rel+"/"):
			return ""
		case home == testkit && there == process, home == ground && there == kernel:
			return ""
		case home == across && there == across:
			return ""
		}
	}
	return importFault(p, home, imp)
}

// under reports whether an import path is one of the roots or below one.
func under(imp string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return imp == root || strings.HasPrefix(imp, root+"/") })
}

// TestWeight holds what a program that imports a package links: no test library, no driver, no effect that is hidden below.
func TestWeight(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if roomOf[p.rel] == testkit || roomOf[p.rel] == proof {
			continue
		}
		t.Run(p.rel, func(t *testing.T) {
			t.Parallel()
			for _, dep := range p.Deps {
				assert.Falsef(t, under(dep, testLibraries), "links %s", dep)
				assert.Falsef(t, under(dep, []string{"testing", "database/sql", "net/http"}), "links %s", dep)
			}
		})
	}
}

// TestAdapters holds the modules of adapters to the contract: they know the kernel and the store, and no process. Only their benchmarks
// measure one, as a user would have it.
func TestAdapters(t *testing.T) {
	t.Parallel()
	w := loaded(t)
	module := w.pkgs[0].module
	for _, dir := range w.others {
		rel, err := filepath.Rel(w.root, dir)
		require.NoError(t, err)
		if rel = filepath.ToSlash(rel); rel == "examples" || rel == "tools" {
			continue
		}
		t.Run(rel, func(t *testing.T) {
			t.Parallel()
			all, err := list(dir)
			require.NoError(t, err)
			for _, l := range all {
				for _, fault := range adapterFaults(&pkg{listed: l, module: module, rel: rel}) {
					t.Error(fault)
				}
			}
		})
	}
}

func adapterFaults(p *pkg) []string {
	var faults []string
	see := func(imports []string, allowed ...string) {
		for _, imp := range imports {
			rel, ours := p.inModule(imp)
			if beside := strings.HasPrefix(imp, p.module+"/") && !ours; beside || ours && !under(rel, append(allowed, p.rel)) {
				faults = append(faults, p.ImportPath+" imports "+imp+": an adapter knows the kernel and the contract that it implements")
			}
		}
	}
	see(p.Imports, ".", "store")
	forTests := []string{".", "store", "itsmtest", "internal/fixedseed", "internal/smalldisk"}
	see(p.TestImports, forTests...)
	see(p.XTestImports, append(forTests, "incident")...)
	return faults
}

func TestRoomsAreInOrder(t *testing.T) {
	t.Parallel()
	for home := range below {
		assert.NotContains(t, reach(home), home, "a room is not below itself")
	}
	for _, p := range packages(t) {
		assert.Equal(t, path.Clean(p.rel), p.rel)
	}
	for from, list := range siblings {
		require.Contains(t, roomOf, from)
		for _, to := range list {
			assert.NotContains(t, siblings[to], from, "siblings point one way")
		}
	}
}

// reach returns all rooms below a room, at any distance.
func reach(home room) []room {
	var out []room
	for _, r := range below[home] {
		out = append(out, r)
		out = append(out, reach(r)...)
	}
	return out
}

func TestImportFaults(t *testing.T) {
	t.Parallel()
	const m = "example.com/m"
	for name, c := range map[string]struct {
		rel, imp string
		test     bool
		want     string
	}{
		"downward":                        {"incident", m + "/sla", false, ""},
		"down to the kernel":              {"lifecycle", m, false, ""},
		"upward":                          {"calendar", m + "/sla", false, "imports point downward, and levels is not below foundation"},
		"from the kernel":                 {".", m + "/rule", false, "imports point downward, and foundation is not below kernel"},
		"a process from another":          {"incident", m + "/problem", false, "a process knows no other"},
		"a process from another in tests": {"incident", m + "/problem", true, "a process knows no other"},
		"a store from a process":          {"incident", m + "/store/memory", false, "memory is not below process"},
		"a store from a process's test":   {"incident", m + "/store/memory", true, ""},
		"the contract from the store":     {"store/memory", m + "/store", false, ""},
		"beside":                          {"rule", m + "/calendar", false, "packages of one room"},
		"beside, with a reason":           {"calendar/cn", m + "/calendar", false, ""},
		"the test kit":                    {"incident", m + "/itsmtest", false, "the test kit is for tests"},
		"the test kit from a test":        {"incident", m + "/itsmtest", true, ""},
		"the test kit tries a process":    {"itsmtest", m + "/incident", true, ""},
		"the test kit has no process":     {"itsmtest", m + "/incident", false, "process is not below testkit"},
		"a package without a room":        {"incident", m + "/util", false, "it is in no room"},
		"an example":                      {"hospital", m + "/examples/x", false, "another module of the repository"},
		"the file system":                 {"incident", "os", false, "does no I/O"},
		"below the file system":           {"incident", "os/exec", false, "does no I/O"},
		"the network":                     {"sla", "net/http", false, "does no I/O"},
		"addresses":                       {"config", "net/netip", false, ""},
		"randomness":                      {"sla", "math/rand/v2", false, "does no I/O"},
		"math":                            {"sla", "math", false, ""},
		"SQL in the reference store":      {"store/memory", "database/sql", false, "does no I/O"},
		"anything standard in a test":     {"incident", "os", true, ""},
		"fsm in its place":                {"lifecycle", "github.com/looplab/fsm", false, ""},
		"fsm elsewhere":                   {"incident", "github.com/looplab/fsm", false, "only lifecycle may"},
		"expr below its root":             {"rule", "github.com/expr-lang/expr/vm", false, ""},
		"expr elsewhere":                  {"sla", "github.com/expr-lang/expr", false, "only rule may"},
		"a name that begins alike":        {"rule", "github.com/expr-lang/expression", false, "not among the libraries"},
		"a test library":                  {"incident", "github.com/stretchr/testify/assert", false, "only itsmtest may"},
		"a test library in a test":        {"incident", "github.com/stretchr/testify/assert", true, ""},
		"an unknown library in a test":    {"incident", "github.com/x/y", true, "not among the libraries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pkg{rel: c.rel, module: m, listed: listed{Imports: []string{c.imp}}}
			if c.test {
				p.listed = listed{XTestImports: []string{c.imp}}
			}
			faults := strings.Join(importFaults(p), "\n")
			if c.want == "" {
				assert.Empty(t, faults)
			} else {
				assert.Contains(t, faults, c.want)
			}
		})
	}
	t.Run("an adapter", func(t *testing.T) {
		t.Parallel()
		adapter := func(l listed) []string { return adapterFaults(&pkg{rel: "store/sqlite", module: m, listed: l}) }
		assert.Empty(t, adapter(listed{
			Imports:      []string{m, m + "/store", m + "/store/sqlite/internal/x", "database/sql", "modernc.org/sqlite"},
			XTestImports: []string{m + "/itsmtest", m + "/store/memory"},
		}))
		assert.Len(t, adapter(listed{Imports: []string{m + "/incident", m + "/itsmtest", m + "/tools/x"}, TestImports: []string{m + "/incident"}}), 4)
	})
	t.Run("a new package", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, importFaults(&pkg{rel: "util", module: m})[0], "say in which room it belongs")
	})
}
