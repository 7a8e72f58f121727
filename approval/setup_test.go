package approval_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// start is a Monday, 09:00 in Shanghai.
var start = time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)

const topic = "change/normal"

// print is the fingerprint of content without a form to fill in.
func plainPrint(content string) approval.Fingerprint {
	return approval.Fingerprint{Digest: sha256.Sum256([]byte(content))}
}

func env(p itsm.PersonID, at time.Time) itsm.Env {
	return itsm.Env{Now: at, At: at, Actor: itsm.Actor{ID: p, Tenant: "h1"}}
}

func member(p itsm.PersonID, roles ...itsm.Role) approval.Member {
	return approval.Member{Person: p, Roles: roles}
}

// people makes members with one role each: people("cab", "a", "b").
func people(role itsm.Role, ids ...itsm.PersonID) []approval.Member {
	out := make([]approval.Member, len(ids))
	for i, id := range ids {
		out[i] = member(id, role)
	}
	return out
}

// A desk keeps a ballot and its events, as a process would.
type desk struct {
	t      require.TestingT
	ballot approval.Ballot
	events []approval.Event
	facts  approval.Facts
	now    time.Time
}

func request(rule approval.Rule, members ...approval.Member) approval.Request {
	return approval.Request{Plan: approval.Plan{Rule: rule, Within: 8 * itsm.Hour}, Topic: topic, Content: plainPrint("v1"), Members: members}
}

func open(t require.TestingT, r approval.Request) *desk {
	d := &desk{t: t, now: start}
	require.NoError(t, d.open(r))
	return d
}

func (d *desk) open(r approval.Request) error {
	return d.take(d.ballot.Open(r, env("requester", d.now)))
}

func (d *desk) take(events []approval.Event, err error) error {
	if err != nil {
		require.Empty(d.t, events)
		return err
	}
	d.ballot = d.ballot.Apply(events...)
	d.events = append(d.events, events...)
	d.now = d.now.Add(time.Second)
	return nil
}

// cast votes without words, as far as the ballot lets one.
func (d *desk) cast(by itsm.PersonID, v approval.Verdict) error { return d.castFor(by, "", v) }

func (d *desk) castFor(by, member itsm.PersonID, v approval.Verdict) error {
	c := approval.Cast{For: member, Verdict: v, Content: d.ballot.Content.Digest}
	if v == approval.Reject {
		c.Comment = "no"
	}
	return d.take(d.ballot.Cast(c, d.facts, env(by, d.now)))
}

func (d *desk) must(by itsm.PersonID, v approval.Verdict) { require.NoError(d.t, d.cast(by, v)) }

// codes are the codes of the reasons of an error, in order.
func codes(t testing.TB, err error) []itsm.Code {
	t.Helper()
	if err == nil {
		return nil
	}
	var rs itsm.Reasons
	require.True(t, errors.As(err, &rs), "%v", err)
	out := make([]itsm.Code, len(rs))
	for i, r := range rs {
		out[i] = r.Code()
	}
	return out
}
