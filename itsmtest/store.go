package itsmtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A StoreOption tells [Store] more about a store: an [Exception], a [Reopen] or [Histories].
type StoreOption interface{ storeOption() }

// An Exception is a part of the contract that a store declares not to keep. What depends on it is skipped, and said so. It is tried
// all the same: when the store keeps the part, the log says that the exception can go.
type Exception string

// The exceptions that a store may declare.
const (
	// NoErase: entries once written cannot be changed, as on write-once media. Personal data then cannot be erased.
	NoErase Exception = "personal data cannot be erased"
	// NoDueAcrossTenants: Due is not answered, because tenants lie apart.
	NoDueAcrossTenants Exception = "wakes cannot be listed across tenants"
	// NoJournalAcrossTenants: Events needs a tenant, because tenants lie apart.
	NoJournalAcrossTenants Exception = "the journal cannot be listed across tenants"
	// NoLargeValues: records and payloads of a mebibyte are too large.
	NoLargeValues Exception = "values of 1 MiB are too large"
	// NoSnapshotLoad: Load of several keys may see one batch in part.
	NoSnapshotLoad Exception = "loading several records is not of one instant"
)

var exceptions = []Exception{NoErase, NoDueAcrossTenants, NoJournalAcrossTenants, NoLargeValues, NoSnapshotLoad}

func (Exception) storeOption() {}

// Reopen closes a store and opens it again over the same data. With it the suite also proves durability.
type Reopen func(t testing.TB, old store.DB) store.DB

func (Reopen) storeOption() {}

// Store checks that a store keeps the contract of [store.DB], each part in a subtest of its own. open must return an empty
// store; the suite closes it.
//
//	func TestConformance(t *testing.T) {
//		itsmtest.Store(t, func(t testing.TB) store.DB { return memory.New() })
//	}
func Store(t *testing.T, open func(t testing.TB) store.DB, options ...StoreOption) {
	t.Helper()
	runStore(testRunner{t}, storeChecks(), open, options...)
}

// storeSuite is one subtest of the suite.
type storeSuite struct {
	runner
	ctx    context.Context
	db     store.DB
	reopen Reopen
	except map[Exception]bool

	histories Histories
}

// A storeCheck is one part of the contract.
type storeCheck struct {
	name   string
	except Exception // with which it is skipped
	run    func(s *storeSuite)
}

func storeChecks() []storeCheck {
	return []storeCheck{
		{"load gives the records in the order of the keys and missing ones with sequence number 0", "", checkLoad},
		{"a record comes back bit by bit", "", checkRoundTrip},
		{"an entry comes back bit by bit and its chain verifies", "", checkEventRoundTrip},
		{"large values come back", NoLargeValues, checkLarge},
		{"any printable name is a key of its own", "", checkNames},
		{"hostile texts come back as they went in or are refused, and touch nothing else", "", checkHostile},
		{"keep leaves the content alone", "", checkKeep},
		{"a record that is not encoded is for a lender", "", checkUnencoded},
		{"a put at the wrong sequence number is a conflict", "", checkExpect},
		{"a read at the wrong sequence number is a conflict", "", checkReads},
		{"a command ID counts once in its tenant", "", checkCommands},
		{"a batch is written whole or not at all", "", checkAtomic},
		{"a counter is a record without a journal", "", checkCounter},
		{"a batch that contradicts itself is invalid", "", checkInvalid},
		{"any history of batches leads where the plain store gets", "", checkHistory},
		{"what goes in is not kept and what comes out belongs to the caller", "", checkOwnership},
		{"find agrees with the definition of a query", "", checkFind},
		{"find keeps up with changing values", "", checkFindChanges},
		{"find pages through everything once", "", checkFindPages},
		{"find can be stopped, nested and repeated", "", checkFindSequence},
		{"fields of different kinds do not meet", "", checkFindKinds},
		{"the journal goes on behind every position", "", checkCursor},
		{"the journal agrees with the definition of a filter", "", checkFilter},
		{"the journal can be stopped, nested and repeated", "", checkEventSequence},
		{"the journal of all tenants can be followed", NoJournalAcrossTenants, checkJournalAcross},
		{"erasing takes the personal part and leaves the chain", NoErase, checkErase},
		{"due lists wakes in order across tenants", NoDueAcrossTenants, checkDue},
		{"due forgets what no longer wants to be woken", NoDueAcrossTenants, checkDueCleared},
		{"no call crosses tenants, for every pair of kinds", "", checkTenants},
		{"concurrent increments all count", "", checkIncrements},
		{"concurrent creates have one winner", "", checkCreates},
		{"concurrent uses of a command ID have one winner", "", checkCommandRace},
		{"reads hold at the moment of commit", "", checkWriteSkew},
		{"load of several records is of one instant", NoSnapshotLoad, checkSnapshotLoad},
		{"concurrent loads and commits are those of one store", "", checkLinear},
		{"a reader that follows the journal misses nothing", "", checkFollow},
		{"a scan during changes gives every record once", "", checkScanDuringWrites},
		{"a cancelled context changes nothing", "", checkCancelled},
		{"a closed store gives errors", "", checkClosed},
		{"what was committed is there after reopening", "", checkReopen},
	}
}

func runStore(t runner, checks []storeCheck, open func(t testing.TB) store.DB, options ...StoreOption) {
	t.Helper()
	except := make(map[Exception]bool)
	var reopen Reopen
	var histories Histories
	for _, o := range options {
		switch o := o.(type) {
		case Exception:
			declare(t, o)
			except[o] = true
		case Reopen:
			reopen = o
		case Histories:
			histories = o
		}
	}
	for _, c := range checks {
		t.run(c.name, func(t runner) {
			check := func(t runner, except map[Exception]bool) {
				s := &storeSuite{runner: t, ctx: t.Context(), db: open(t), reopen: reopen, except: except, histories: histories}
				t.Cleanup(func() { s.db.Close() })
				c.run(s)
			}
			if c.except == "" || !except[c.except] {
				check(t, except)
				return
			}
			needed := !keeps(t, func(t runner) { check(t, without(except, c.except)) })
			t.Skip(c.except.declared(needed))
		})
	}
}

// declare checks and tells an exception.
func declare(t runner, e Exception) {
	t.Helper()
	if !slices.Contains(exceptions, e) {
		t.Fatalf("there is no exception %q; there are %q", e, exceptions)
	}
	t.Logf("declared exception: %s", e)
}

// declared tells why a part of the contract is skipped.
func (e Exception) declared(needed bool) string {
	if needed {
		return "declared exception: " + string(e)
	}
	return "declared exception: " + string(e) + "; but the store keeps this part of the contract, so the exception can go"
}

func without(except map[Exception]bool, e Exception) map[Exception]bool {
	rest := maps.Clone(except)
	delete(rest, e)
	return rest
}

const (
	// exceptionTries is how often a part of the contract is tried that a store declares not to keep: races do not show each time.
	exceptionTries = 3
	// exceptionPatience is how long a try may take.
	exceptionPatience = time.Minute
)

// keeps reports whether a part of the contract that was declared away is kept all the same.
func keeps(t runner, check func(t runner)) bool {
	for range exceptionTries {
		kept := make(chan bool, 1)
		go func() { kept <- len(tryOut(t, exceptionPatience, check).names) == 0 }()
		select {
		case ok := <-kept:
			if !ok {
				return false
			}
		case <-time.After(2 * exceptionPatience):
			return false
		}
	}
	return true
}

var tenantCount atomic.Int64

// newTenant returns one that no other part of the test has used. Properties run over many of them in one store.
func newTenant() itsm.Tenant { return itsm.Tenant(fmt.Sprintf("hospital-%d", tenantCount.Add(1))) }
