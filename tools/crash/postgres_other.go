//go:build !unix

package main

// Private servers need a Unix system.
func postgresKinds() []kind { return nil }
