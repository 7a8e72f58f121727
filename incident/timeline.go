package incident

import "github.com/hospital-itsm/itsm"

// What the user of a service may know of a ticket.
var (
	toldRecorded  = itsm.Telling("incident.told_recorded", "recorded", "已受理登记")
	toldTriaged   = itsm.Telling("incident.told_triaged", "assessed", "已判断")
	toldGiven     = itsm.Telling("incident.told_given", "passed on to those who will work on it", "已分派处理")
	toldStarted   = itsm.Telling("incident.told_started", "work has begun", "已开始处理")
	toldArrived   = itsm.Telling("incident.told_arrived", "an engineer has taken a look", "工程师已到场查看")
	toldWaiting   = itsm.Telling("incident.told_waiting", "waiting", "等待中")
	toldGoesOn    = itsm.Telling("incident.told_goes_on", "work goes on", "继续处理")
	toldRestored  = itsm.Telling("incident.told_restored", "the service can be used again", "服务已恢复可用")
	toldSolved    = itsm.Telling("incident.told_solved", "a solution was found; the service desk will ask whether it works for you", "已有解决方案，服务台将与您确认")
	toldAnswered  = itsm.Telling("incident.told_answered", "answered", "已答复")
	toldConfirmed = itsm.Telling("incident.told_confirmed", "confirmed by the service desk", "服务台已确认")
	toldClosed    = itsm.Telling("incident.told_closed", "closed", "已关闭")
	toldCancelled = itsm.Telling("incident.told_cancelled", "cancelled", "已取消")
	toldMerged    = itsm.Telling("incident.told_merged", "others reported the same; it goes on under {id}", "与他人报告相同，并入 {id} 处理")
	toldMajor     = itsm.Telling("incident.told_major", "state of the major incident", "重大事件进展")
)

// Tell implements [itsm.Teller]: what the user may know, and nothing internal.
func (p *Process) Tell(ev itsm.Event) (itsm.TimelineEntry, bool) {
	told := func(m itsm.Message, text string) (itsm.TimelineEntry, bool) {
		return itsm.TimelineEntry{Told: m, Text: text}, true
	}
	switch e := ev.Payload.(type) {
	case Recorded:
		return told(toldRecorded.With(), e.Summary)
	case Triaged:
		if !e.Again {
			return told(toldTriaged.With(), "")
		}
	case Dispatched:
		if !e.Again {
			return told(toldGiven.With(), "")
		}
	case Started:
		return told(toldStarted.With(), "")
	case ArrivedOnSite:
		return told(toldArrived.With(), "")
	case PutOnHold:
		if reason, ok := p.policy.holdReason(e.Hold.Reason); ok {
			return told(itsm.Telling(toldWaiting.Code(), reason.English, reason.Chinese).With(), "")
		}
		return told(toldWaiting.With(), "")
	case Resumed, Rejected, Reopened:
		return told(toldGoesOn.With(), "")
	case WorkedAround:
		return told(toldRestored.With(), e.Workaround)
	case Proposed:
		return told(toldSolved.With(), e.Proposal.Solution)
	case Moved:
		if e.Step == DoAnswer || e.Step == DoReply || e.Step == DoFulfil {
			return told(toldAnswered.With(), e.Text)
		}
	case Confirmed:
		return told(toldConfirmed.With(), "")
	case Closed:
		return told(toldClosed.With(), "")
	case CancelledEvent:
		return told(toldCancelled.With(), "")
	case Merged:
		return told(toldMerged.With("id", e.Into), "")
	case MajorDeclared:
		return told(toldMajor.With(), e.Message)
	case MajorUpdated:
		return told(toldMajor.With(), e.Message)
	case MajorStabilised:
		return told(toldMajor.With(), e.Message)
	case MajorStoodDown:
		return told(toldMajor.With(), e.Message)
	}
	return itsm.TimelineEntry{}, false
}
