// Package fixedseed makes generated tests repeat themselves under CI=true: a gate says the same of the same code. Everywhere
// else they begin at random and look for what nobody has seen. Test packages import it for its effect.
package fixedseed

import (
	"flag"
	"os"

	_ "pgregory.net/rapid" // which declares the flag
)

func init() {
	if os.Getenv("CI") != "true" {
		return
	}
	if err := flag.Set("rapid.seed", "20260214"); err != nil {
		panic(err)
	}
}
