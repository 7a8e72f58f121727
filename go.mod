module github.com/hospital-itsm/itsm

go 1.26.0

require (
	github.com/expr-lang/expr v1.17.8 // indirect
	github.com/looplab/fsm v1.0.3 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	golang.org/x/mod v0.42.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)
