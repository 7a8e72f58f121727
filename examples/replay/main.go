// Command replay carries the incidents of another system's audit log through the incident process, or asks a lifecycle what it
// thinks of them.
//
//	go run ./examples/replay [-log FILE] [-lifecycle FILE] [-db FILE] [-json] [-keep-going] [-zone ZONE]
//
// The log is a ServiceNow-style export, .csv or .csv.gz: one row per write, the rows of an incident together, in the order
// of the writes. Without -log a sample is made.
//
// Without -lifecycle every incident is replayed into a SQLite database, which is removed afterwards unless -db names it: each row becomes
// the commands that it stands for, given by who wrote it and dated when it was written; one incident is one unit of work. Then
// the journals are read back, and what they lead to is held against the log: how often an incident was reopened and reassigned,
// and its priority, after every row. A log that is replayed again into the same database adds nothing.
//
// What the log lacks is not made up: phone numbers, solutions and the user's word are "not in the log", who has no group lies with the
// desk, and where the log has one person solve and close, another confirms. An incident that the log opens again after it was closed
// becomes a new record with a link to the old one, since what is closed stays closed.
//
// With -lifecycle the states of every incident are followed through a machine, and the steps that it does not have are counted.
//
// The log is read twice, first to check it: a log with faults changes nothing unless -keep-going is given; then the
// incidents with faults are left out as a whole, and counted. It is never held in memory. What is found in a log is no failure of the
// program; the exit status is 1 when something cannot be read or written, or a journal is not as it was written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
	_ "time/tzdata" // the zone of the log is wanted also where the machine has no zones
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := command(ctx, os.Args[1:], os.Stdout, os.Stderr, terminal(os.Stderr)); {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "replay: stopped; what was replayed into a database of yours is whole, and the same command goes on with it")
		os.Exit(1)
	case err != nil:
		fmt.Fprintf(os.Stderr, "replay: %v\n", err)
		os.Exit(1)
	}
}

// errUsage says that the arguments are wrong; how, was told already.
var errUsage = errors.New("wrong arguments")

// defaultZone is where the published log was probably written: its days without work are the public holidays of Brazil.
const defaultZone = "America/Sao_Paulo"

type options struct {
	log, lifecycle, db, zone string
	json, keepGoing          bool
}

// command is the program. What it finds in the log is no error; what it cannot read or write is.
func command(ctx context.Context, args []string, out, messages, terminal io.Writer) error {
	var o options
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.StringVar(&o.log, "log", "", "the log to replay, `FILE`.csv or .csv.gz; without it a sample is made")
	flags.StringVar(&o.lifecycle, "lifecycle", "", "ask the lifecycle in `FILE`.json instead of replaying")
	flags.StringVar(&o.db, "db", "", "keep the SQLite database in `FILE`; without it the database is removed afterwards")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.BoolVar(&o.keepGoing, "keep-going", false, "leave out incidents whose rows have faults")
	flags.StringVar(&o.zone, "zone", defaultZone, "the `zone` of the times of the log, which have no offset")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(messages, "replay: what is %q? The log is named by -log FILE.\n", flags.Arg(0))
		return errUsage
	}
	found, err := perform(ctx, o, terminal)
	if err != nil {
		return err
	}
	if o.json {
		err = found.writeJSON(out)
	} else {
		err = found.write(out)
	}
	if err == nil && found.Journal != nil && *found.Journal != intact {
		err = fmt.Errorf("the journal is not as it was written: %s", *found.Journal)
	}
	return err
}

// perform does what the options ask for.
func perform(ctx context.Context, o options, terminal io.Writer) (*report, error) {
	began := time.Now()
	zone, err := time.LoadLocation(o.zone)
	if err != nil {
		return nil, fmt.Errorf("-zone: %w; want a name such as %s", err, defaultZone)
	}
	log, err := openLog(o.log)
	if err != nil {
		return nil, err
	}
	r := newRun(log, zone, o.lifecycle != "", o.keepGoing, terminal)
	defer r.progress.end()
	if o.lifecycle != "" {
		err = r.judge(ctx, o.lifecycle)
	} else {
		err = r.replay(ctx, o.db)
	}
	r.report.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return &r.report, err
}

// replay replays the log into a database.
func (r *run) replay(ctx context.Context, path string) (err error) {
	if err := r.check(ctx); err != nil {
		return err
	}
	db, err := openStore(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := newReplay(r, db)
	if err != nil {
		return err
	}
	return p.all(ctx)
}
