package release

import "github.com/hospital-itsm/itsm"

// What the users of a service may know of a release.
var (
	toldPlanned   = itsm.Telling("release.told_planned", "the release is planned and signed", "发布计划已签字确认")
	toldTested    = itsm.Telling("release.told_tested", "the test was passed", "测试已通过")
	toldGoingLive = itsm.Telling("release.told_going_live", "going live has begun", "开始上线")
	toldHalted    = itsm.Telling("release.told_halted", "going live is interrupted", "上线暂停")
	toldGoesOn    = itsm.Telling("release.told_goes_on", "going live goes on", "继续上线")
	toldLive      = itsm.Telling("release.told_live", "live", "已上线")
	toldPartly    = itsm.Telling("release.told_partly", "live in part", "已部分上线")
	toldGoingBack = itsm.Telling("release.told_going_back", "going back to the former version has begun", "开始回滚")
	toldBack      = itsm.Telling("release.told_back", "the former version is in use again", "已恢复原版本")
	toldAccepted  = itsm.Telling("release.told_accepted", "accepted", "已通过验收")
	toldCancelled = itsm.Telling("release.told_cancelled", "cancelled", "已取消")
)

func tellings() []*itsm.Rule {
	return []*itsm.Rule{toldPlanned, toldTested, toldGoingLive, toldHalted, toldGoesOn, toldLive, toldPartly, toldGoingBack, toldBack, toldAccepted, toldCancelled}
}

// Tell implements [itsm.Teller]: what users may know, and nothing internal.
func (p *Process) Tell(ev itsm.Event) (itsm.TimelineEntry, bool) {
	told := func(r *itsm.Rule) (itsm.TimelineEntry, bool) { return itsm.TimelineEntry{Told: r.With()}, true }
	switch e := ev.Payload.(type) {
	case SignedOff:
		return told(toldPlanned)
	case Tested:
		if e.Passed {
			return told(toldTested)
		}
	case DeploymentStarted:
		return told(toldGoingLive)
	case DeploymentHalted:
		return told(toldHalted)
	case DeploymentContinued:
		return told(toldGoesOn)
	case DeploymentCompleted:
		if e.Partly != "" {
			return told(toldPartly)
		}
		return told(toldLive)
	case RollbackStarted:
		return told(toldGoingBack)
	case RolledBack:
		return told(toldBack)
	case Accepted:
		return told(toldAccepted)
	case Cancelled:
		return told(toldCancelled)
	}
	return itsm.TimelineEntry{}, false
}
