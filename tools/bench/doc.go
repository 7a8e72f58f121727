// Package bench measures the library beside its peers, in one run, where the peer must not become a dependency of the library.
//
//	go test ./tools/bench -bench .
package bench
