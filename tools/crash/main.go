// Command crash kills processes in the middle of their work, again and again, and looks afterwards whether anything was lost.
//
//	go run ./tools/crash [-store sqlite|postgres] [-kills 100] [-server-kills] [-seed 1] [-json]
//
// A child process works as a host would: several goroutines record, triage, dispatch, hold, merge and close incidents, alone
// and in units of work, some of them against the rules; a scheduler wakes what is due, with a clock that runs a thousand times as
// fast, and carries events to a reaction that opens another incident; a sealer signs the journal. Before it gives a command the
// child says so through a pipe, and when the command was answered it says what the answer was.
//
// The parent kills the child with SIGKILL at random points: while it opens or makes the store, while it recovers from the kill
// before, between two commands, inside one. Then it opens the store itself and checks what is there against what it was told.
// The next child gives the commands whose answer was lost once more, under the same IDs. Every hundred kills the work is brought
// to an end, everything is checked anew, and a new database is begun.
//
// Counted are, beside the kills:
//
//   - acknowledged: commands that the child was answered, with an effect or a refusal
//   - lost: acknowledged commands that are not in the journal, wakes and reactions that did not happen in the end
//   - doubled: commands, wakes and reactions that have had their effect twice
//   - torn: effects of which there is a part: records that are not what their journal leads to, units of work of which only
//     some commands are there, two sides of a merge that do not agree, indexes and wakes that do not fit their record
//   - chain: "ok", or the first fault of the hash chains or of the sealed journal
//
// With -server-kills the processes of the PostgreSQL server are killed too, every other time, while the child works on; it goes on when the
// server is there again. The server is a private one, made from the Debian package. The stores sqlite-relaxed and postgres-async do not wait
// for the disk: the first loses nothing by kills, the second loses what was acknowledged last when its server is killed, and shows so
// that losses are found.
//
// The exit status is 1 when anything was lost, doubled or torn.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
	_ "time/tzdata" // calendars need their zones also where the machine has none
)

func main() {
	if isChild() {
		if err := child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "crash: child:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errNoServer):
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(2)
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// errUsage says that the arguments are wrong; how, was told already.
var errUsage = errors.New("wrong arguments")

// options are what a run can be told.
type options struct {
	store       string
	kills       int
	serverKills bool
	seed        uint64
	json        bool
	dir         string
	each        int // kills a database lives through
	workers     int
}

// command is the program.
func command(ctx context.Context, args []string, out, messages io.Writer) error {
	o := options{}
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.StringVar(&o.store, "store", "sqlite", "the `STORE`: "+storeNames())
	flags.IntVar(&o.kills, "kills", 100, "how often the process is killed")
	flags.BoolVar(&o.serverKills, "server-kills", false, "kill the server of the store too, every other time")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of what is done and when it is killed; the machine's timing still differs")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.StringVar(&o.dir, "dir", "", "`FOLDER` for the databases, which are then kept; without it they are removed")
	flags.IntVar(&o.each, "each", 100, "how many kills a database lives through before a new one is begun")
	flags.IntVar(&o.workers, "workers", 4, "how many goroutines give commands")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return errUsage
	}
	if flags.NArg() > 0 || o.kills < 1 || o.each < 1 || o.workers < 1 || o.workers > 64 {
		fmt.Fprintln(messages, "crash: want no arguments beside the flags, at least one kill, and 1 to 64 workers")
		return errUsage
	}
	report, err := crash(ctx, o)
	if report != nil {
		if o.json {
			e := json.NewEncoder(out)
			e.SetIndent("", "  ")
			err = errors.Join(err, e.Encode(report))
		} else {
			report.write(out)
		}
	}
	if err == nil && !report.clean() {
		err = errors.New("the store has not kept what it promises")
	}
	return err
}
