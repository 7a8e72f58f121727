package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/hospital-itsm/itsm"
)

// A ledger is what the parent was told, for one database. The child that tells is killed before the ledger is read.
type ledger struct {
	mu      sync.Mutex
	report  *report
	ops     map[itsm.CommandID]*told
	begun   []*told // without an answer, in their order
	answers []*told // since the last check
	seals   map[itsm.Tenant][]byte
}

// told is an op and what is known of it.
type told struct {
	op
	answer *answer
	doubt  bool // its answer was cut off
}

func newLedger(r *report) *ledger {
	return &ledger{report: r, ops: make(map[itsm.CommandID]*told), seals: make(map[itsm.Tenant][]byte)}
}

// listen takes in what a child says until it says no more. It calls heard for each line.
func (l *ledger) listen(in io.Reader, heard func(line)) error {
	text := bufio.NewReader(in)
	for {
		row, err := text.ReadBytes('\n')
		if err != nil {
			if len(row) > 0 {
				return fmt.Errorf("half a line came through the pipe: %q", row)
			}
			return nil
		}
		var said line
		if err := json.Unmarshal(row, &said); err != nil {
			return fmt.Errorf("%w: %q", err, row)
		}
		if err := l.take(&said); err != nil {
			return err
		}
		heard(said)
	}
}

func (l *ledger) take(said *line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case said.Begin != nil:
		if l.ops[said.Begin.ID] == nil { // else it is done again
			t := &told{op: *said.Begin}
			l.ops[t.ID] = t
			l.begun = append(l.begun, t)
			l.report.Commands++
		}
	case said.End != nil:
		t := l.ops[said.End.ID]
		if t == nil || t.answer != nil {
			return fmt.Errorf("an answer to %s, which was not asked", said.End.ID)
		}
		t.answer = said.End
		l.begun = slices.DeleteFunc(l.begun, func(b *told) bool { return b == t })
		switch {
		case t.answer.Failed != "" && t.Do == doSeal:
			l.report.broken(errors.New(t.answer.Failed)) // it seals nothing that is visibly wrong
			return nil
		case t.answer.Failed != "":
			l.report.fault(&l.report.Unanswered, "%s %s on %s: %s", t.Do, t.ID, t.On, t.answer.Failed)
			return nil
		case t.Do == doSeal:
			l.report.Seals++
			l.seals[t.Tenant] = t.answer.Seal
		case t.answer.Refused:
			l.report.Refused++
		}
		l.report.Acknowledged++
		l.answers = append(l.answers, t)
	case said.Trouble != "":
		l.report.trouble(said.Trouble)
	}
	return nil
}

// pending returns the ops that have no answer.
func (l *ledger) pending() []op {
	l.mu.Lock()
	defer l.mu.Unlock()
	ops := make([]op, len(l.begun))
	for i, t := range l.begun {
		ops[i] = t.op
	}
	return ops
}
