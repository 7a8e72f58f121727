package scheduler

import "time"

// systemClock is the default of [Config.Clock]: the only place where the package reads the clock of the machine.
func systemClock() time.Time { return time.Now() }
