package change_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
)

// adopt drafts a template, or the next version of one, and lets it be approved.
func adopt(t testing.TB, s *change.Service, id itsm.ID, content change.TemplateContent, by, approver context.Context) change.Template {
	t.Helper()
	var err error
	if _, known := s.Templates.Get(by, id); known != nil {
		_, err = s.Templates.Do(by, id, change.DraftTemplate{Name: "restart", Content: content})
	} else {
		_, err = s.Templates.Do(by, id, change.ReviseTemplate{Content: content})
	}
	require.NoError(t, err)
	rec, err := s.Templates.Do(by, id, change.AskTemplateApproval{})
	require.NoError(t, err)
	print := rec.Ballot.Content
	vote := change.VoteTemplate{Cast: approval.Cast{Verdict: approval.Approve, Content: print.Digest}}
	for _, item := range approval.FourItems() {
		vote.Findings = append(vote.Findings, approval.Finding{Item: item, OK: true})
	}
	rec, err = s.Templates.Do(approver, id, vote)
	require.NoError(t, err)
	require.Equal(t, change.TemplateActive, rec.State)
	return rec
}
