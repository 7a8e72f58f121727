package itsmtest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// Histories is a folder into which [Store] writes a picture of a concurrent history that no order of its calls explains: a
// page for a browser. Without it the history is told in the log alone.
type Histories string

func (Histories) storeOption() {}

// The size of the histories: many short ones find more than a long one, and are checked in no time. There are more rounds
// until a good number of loads have met a commit, in reason: on one processor calls to a store in memory hardly ever meet.
const (
	linearRounds, linearClients, linearCalls = 12, 5, 14
	linearMet, linearMostRounds              = 60, 100
	linearTenants, linearKeys, linearIDs     = 2, 3, 6
	// linearPatience bounds the search for an order. It is NP-hard in general; histories of this size take milliseconds.
	linearPatience = time.Minute
)

// A linearCall is a load or a commit as the model sees it.
type linearCall struct {
	tenant   int
	load     []int // keys
	puts     []linearPut
	reads    []linearRead
	commands []int // of the few that clients share
}

type linearPut struct {
	key    int
	expect uint64
	mark   int // what is written; keep leaves what is there
	keep   bool
}

type linearRead struct {
	key int
	seq uint64
}

// A linearAnswer is what the store said.
type linearAnswer struct {
	outcome linearOutcome
	found   [linearKeys]linearRecord // of a load, in the order of its keys
}

type linearOutcome string

const (
	linearOK       linearOutcome = "ok"
	linearConflict linearOutcome = "conflict"
	linearExists   linearOutcome = "command ID used"
)

// A linearRecord is a record in the model: how far it is, and what was written last.
type linearRecord struct {
	seq  uint64
	mark int
}

// linearState is the model of a tenant: registers with expected versions, and the command IDs that were used.
type linearState struct {
	records [linearKeys]linearRecord
	used    [linearIDs]bool
}

func (c *linearCall) holds(s *linearState) bool {
	return !slices.ContainsFunc(c.puts, func(p linearPut) bool { return s.records[p.key].seq != p.expect }) &&
		!slices.ContainsFunc(c.reads, func(r linearRead) bool { return s.records[r.key].seq != r.seq }) && !c.isUsed(s)
}

func (c *linearCall) isUsed(s *linearState) bool {
	return slices.ContainsFunc(c.commands, func(i int) bool { return s.used[i] })
}

// step says whether the store could give the answer in a state, and what the state is then.
func (s linearState) step(c *linearCall, a *linearAnswer) (bool, linearState) {
	switch {
	case c.load != nil:
		for i, key := range c.load {
			if a.found[i] != s.records[key] {
				return false, s
			}
		}
		return true, s
	case a.outcome == linearConflict: // also without a cause: a database may give up a transaction, and the caller asks again
		return true, s
	case a.outcome == linearExists:
		return c.isUsed(&s), s
	case !c.holds(&s):
		return false, s
	}
	for _, p := range c.puts {
		r := &s.records[p.key]
		r.seq = p.expect + 1
		if !p.keep {
			r.mark = p.mark
		}
	}
	for _, i := range c.commands {
		s.used[i] = true
	}
	return true, s
}

var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, input, output any) (bool, any) {
		call, answer := input.(linearCall), output.(linearAnswer)
		return state.(linearState).step(&call, &answer)
	},
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, linearTenants)
		for _, op := range history {
			tenant := op.Input.(linearCall).tenant
			parts[tenant] = append(parts[tenant], op)
		}
		return parts
	},
	DescribeOperation: func(input, output any) string {
		call, answer := input.(linearCall), output.(linearAnswer)
		return call.show(&answer)
	},
	DescribeState: func(state any) string { return state.(linearState).show() },
}

func linearKey(tenant itsm.Tenant, i int) itsm.Key {
	return itsm.Key{Tenant: tenant, Kind: []itsm.Kind{"order", "visit"}[i%2], ID: itsm.ID("ABC"[i : i+1])}
}

func linearName(i int) string { return linearKey("", i).Ref().String() }

func (r linearRecord) show() string {
	if r.seq == 0 {
		return "not there"
	}
	return fmt.Sprintf("at %d with content %d", r.seq, r.mark)
}

func (s linearState) show() string {
	var all []string
	for i, r := range s.records {
		all = append(all, linearName(i)+" "+r.show())
	}
	for i, used := range s.used {
		if used {
			all = append(all, fmt.Sprintf("command ID %d used", i))
		}
	}
	return strings.Join(all, ", ")
}

func (c *linearCall) show(a *linearAnswer) string {
	var all []string
	if c.load != nil {
		for i, key := range c.load {
			all = append(all, linearName(key)+" "+a.found[i].show())
		}
		return "load: " + strings.Join(all, ", ")
	}
	for _, p := range c.puts {
		what := fmt.Sprintf("content %d", p.mark)
		if p.keep {
			what = "its content kept"
		}
		all = append(all, fmt.Sprintf("%s from %d to %d, %s", linearName(p.key), p.expect, p.expect+1, what))
	}
	for _, r := range c.reads {
		all = append(all, fmt.Sprintf("if %s is at %d", linearName(r.key), r.seq))
	}
	for _, i := range c.commands {
		all = append(all, fmt.Sprintf("with command ID %d", i))
	}
	return "commit " + strings.Join(all, ", ") + ": " + string(a.outcome)
}

// A linearClient makes random calls, some with what it has seen before and some without, and writes down what it got.
type linearClient struct {
	s       *storeSuite
	id      int
	random  *rand.Rand
	tenants []itsm.Tenant
	shared  []itsm.CommandID
	ticks   *atomic.Int64 // orders the beginnings and ends of calls
	marks   *atomic.Int64
	commits *[linearTenants]atomic.Int64 // that were acknowledged
	met     *atomic.Int64                // loads during which there was a commit
	known   [linearTenants][linearKeys]store.Snapshot
	history []porcupine.Operation
}

func (c *linearClient) run() error {
	for n := range linearCalls {
		tenant := c.random.IntN(linearTenants)
		var err error
		if n == 0 || c.random.IntN(5) < 2 {
			err = c.load(tenant)
		} else {
			err = c.commit(tenant)
		}
		if err != nil {
			return err
		}
		if c.random.IntN(3) == 0 {
			runtime.Gosched()
		}
	}
	return nil
}

// note writes down a call that began at a tick and ends now.
func (c *linearClient) note(begin int64, call linearCall, answer linearAnswer) {
	c.history = append(c.history, porcupine.Operation{ClientId: c.id, Input: call, Call: begin, Output: answer, Return: c.ticks.Add(1)})
}

func (c *linearClient) load(tenant int) error {
	call := linearCall{tenant: tenant, load: c.random.Perm(linearKeys)[:1+c.random.IntN(linearKeys)]}
	if c.s.except[NoSnapshotLoad] {
		call.load = call.load[:1]
	}
	var keys []itsm.Key
	for _, i := range call.load {
		keys = append(keys, linearKey(c.tenants[tenant], i))
	}
	commits := c.commits[tenant].Load()
	begin := c.ticks.Add(1)
	found, err := c.s.db.Load(c.s.ctx, keys...)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if len(found) != len(keys) {
		return fmt.Errorf("load of %d keys gave %d records", len(keys), len(found))
	}
	answer := linearAnswer{outcome: linearOK}
	for i := range found {
		r := linearRecord{seq: found[i].Seq}
		if r.seq > 0 {
			if r.mark, err = strconv.Atoi(string(found[i].Data)); err != nil {
				return fmt.Errorf("load of %s gave content that nobody wrote: %q", keys[i], found[i].Data)
			}
		}
		answer.found[i] = r
		c.known[tenant][call.load[i]] = found[i]
	}
	c.note(begin, call, answer)
	if c.commits[tenant].Load() != commits {
		c.met.Add(1)
	}
	return nil
}

func (c *linearClient) commit(tenant int) error {
	call := linearCall{tenant: tenant}
	keys := c.random.Perm(linearKeys)
	puts := 1 + c.random.IntN(2)
	var batches []store.Batch
	mark := int(c.marks.Add(1))
	for _, i := range keys[:puts] {
		known := c.known[tenant][i]
		known.Key = linearKey(c.tenants[tenant], i)
		p := linearPut{key: i, expect: known.Seq, mark: mark, keep: known.Seq > 0 && c.random.IntN(4) == 0}
		call.puts = append(call.puts, p)
		b := next(known, content(strconv.AppendInt(nil, int64(mark), 10), nil, time.Time{}))
		b.Puts[0].Keep = p.keep
		batches = append(batches, b)
	}
	b := join(batches...)
	if c.random.IntN(2) == 0 {
		i := keys[puts]
		call.reads = []linearRead{{i, c.known[tenant][i].Seq}}
		b.Reads = []store.Read{{Key: linearKey(c.tenants[tenant], i), Seq: c.known[tenant][i].Seq}}
	}
	if c.random.IntN(3) == 0 {
		i := c.random.IntN(linearIDs)
		call.commands = []int{i}
		b.Commands[0] = c.shared[i]
	}
	begin := c.ticks.Add(1)
	err := c.s.db.Commit(c.s.ctx, b)
	answer := linearAnswer{outcome: linearOK}
	switch {
	case errors.Is(err, itsm.ErrExists):
		answer.outcome = linearExists
	case errors.Is(err, itsm.ErrConflict):
		answer.outcome = linearConflict
	case err != nil:
		return fmt.Errorf("commit: %w", err)
	}
	c.note(begin, call, answer)
	if err == nil {
		c.commits[tenant].Add(1)
	}
	for n, i := range keys[:puts] {
		if err == nil {
			known := b.Puts[n].Snapshot
			if b.Puts[n].Keep {
				known.Data = nil
			}
			c.known[tenant][i] = known
		}
	}
	return nil
}

// checkLinear lets clients load and commit at the same time, and looks for an order of all calls, each between its beginning and
// its end, in which a plain store would have given the same answers.
func checkLinear(s *storeSuite) {
	var met atomic.Int64
	for round := 0; round < linearRounds || round < linearMostRounds && met.Load() < linearMet; round++ {
		tenants := []itsm.Tenant{newTenant(), newTenant()}
		shared := make([]itsm.CommandID, linearIDs)
		for i := range shared {
			shared[i] = newCommand()
		}
		var ticks, marks atomic.Int64
		var commits [linearTenants]atomic.Int64
		var mu sync.Mutex
		var history []porcupine.Operation
		errs := together(s.runner, linearClients, func(i int) error {
			c := &linearClient{s: s, id: i, random: rand.New(rand.NewPCG(uint64(round), uint64(i))), tenants: tenants, shared: shared, ticks: &ticks, marks: &marks, commits: &commits, met: &met}
			err := c.run()
			mu.Lock()
			defer mu.Unlock()
			history = append(history, c.history...)
			return err
		})
		if err := errors.Join(errs...); err != nil {
			s.Fatalf("concurrent calls on valid keys and batches: %v", err)
		}
		result, info := porcupine.CheckOperationsVerbose(linearModel, history, linearPatience)
		switch result {
		case porcupine.Illegal:
			s.Fatalf("%s%s", explainHistory(history, &info), s.picturedHistory(&info))
		case porcupine.Unknown:
			s.Logf("history %d is too tangled to find an order for its calls in %v", round+1, linearPatience)
		}
	}
}

// explainHistory tells how far an order of the calls explains what the store said, and where it ends.
func explainHistory(history []porcupine.Operation, info *porcupine.LinearizationInfo) string {
	var text strings.Builder
	text.WriteString("the answers are not those of one store: no order of the calls, each between its beginning and its end, explains them.")
	partial := info.PartialLinearizationsOperations()
	for tenant, all := range linearModel.Partition(history) {
		var longest []porcupine.Operation
		for _, some := range partial[tenant] {
			if len(some) > len(longest) {
				longest = some
			}
		}
		if len(longest) == len(all) {
			continue
		}
		state := any(linearState{})
		placed := make(map[int64]bool)
		for _, op := range longest {
			_, state = linearModel.Step(state, op.Input, op.Output)
			placed[op.Call] = true
		}
		var left []porcupine.Operation
		for _, op := range all {
			if !placed[op.Call] {
				left = append(left, op)
			}
		}
		first := slices.MinFunc(left, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) }).Return
		slices.SortFunc(left, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		fmt.Fprintf(&text, "\nAn order of %d of %d calls leads to: %s.\nNone of those that must come next fits:\n", len(longest), len(all), state.(linearState).show())
		for _, op := range left {
			if op.Call <= first {
				fmt.Fprintf(&text, "  client %d, from %d to %d: %s\n", op.ClientId, op.Call, op.Return, linearModel.DescribeOperation(op.Input, op.Output))
			}
		}
		if n := len(longest); n > 0 {
			text.WriteString("The last that came before:\n")
			for _, op := range longest[max(0, n-6):] {
				fmt.Fprintf(&text, "  client %d, from %d to %d: %s\n", op.ClientId, op.Call, op.Return, linearModel.DescribeOperation(op.Input, op.Output))
			}
		}
	}
	return text.String()
}

var historyCount atomic.Int64

// picturedHistory writes a picture of a history where the caller wants one, and says where it lies.
func (s *storeSuite) picturedHistory(info *porcupine.LinearizationInfo) string {
	s.Helper()
	if s.histories == "" {
		return "With the option itsmtest.Histories there is a picture of it."
	}
	path := filepath.Join(string(s.histories), fmt.Sprintf("history-%d.html", historyCount.Add(1)))
	err := os.MkdirAll(string(s.histories), 0o755)
	if err == nil {
		err = porcupine.VisualizePath(linearModel, *info, path)
	}
	if err != nil {
		return fmt.Sprintf("A picture of it could not be written: %v", err)
	}
	return "A picture of it lies in " + path
}
