module github.com/hospital-itsm/itsm

go 1.26.0

require (
	github.com/expr-lang/expr v1.17.8
	github.com/looplab/fsm v1.0.3
	github.com/stretchr/testify v1.12.1
	golang.org/x/mod v0.42.0
	pgregory.net/rapid v1.3.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
