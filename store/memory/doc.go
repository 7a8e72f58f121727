// Package memory keeps records in the memory of the process. It is the reference for what a store must do, and what tests
// and first steps use: nothing is left when the process ends.
//
// A [DB] does everything that [store.DB] promises. Queries answer from ordered indexes, built when a field is first asked
// for; wakes lie in an index of their own. Writers take turns; readers run side by side and hold no lock while their
// results are being used.
package memory
