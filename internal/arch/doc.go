// Package arch holds the tests of the architecture. It has no code of its own.
//
//   - Rooms: every package has its place, and imports point downward only. No process imports another.
//   - Purity: domain packages do no I/O, read no clock and no random source, and let no map order reach output.
//   - Words: IDs of requirements stand in tests only; a test that is skipped says why.
//
// The checks read types, not text, where that matters. Their limit: what reaches the clock or the random source through another
// module, or map order through a function value, is not seen.
package arch
