package release

import (
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// A Command is a command of the process; it stands with its rule.
type Command interface {
	itsm.Command
	decide(d *decision)
}

// The commands of planning.
type (
	// Draft makes a release. Its plan may be incomplete, but must not contradict itself.
	Draft struct {
		Plan Plan `json:"plan"`
	}
	// Revise takes another plan, until the deployment begins. Signatures fall; so does evidence about another manifest.
	Revise struct {
		Plan Plan `json:"plan"`
	}
	// OpenConsultation shows the complete plan to those whom it concerns.
	OpenConsultation struct{}
	// NoteConsultation writes down what a party said. The last word of a party counts.
	NoteConsultation struct {
		Party  Party         `json:"party"`
		Person itsm.PersonID `json:"person"`
		Said   string        `json:"said"`
		Agrees bool          `json:"agrees"`
		Answer string        `json:"answer,omitempty"` // to a party that does not agree
	}
	// Submit asks for the signatures, when everybody was consulted.
	Submit struct{}
	// Sign is a signature, or a refusal of one. Content is the digest of what the signer has seen ([Release.SignOff]).
	Sign struct {
		For     itsm.PersonID    `json:"for,omitempty"` // whom the signer stands in for
		Verdict approval.Verdict `json:"verdict"`
		Content itsm.Digest      `json:"content"`
		Comment string           `json:"comment,omitempty"`
		Oral    *approval.Told   `json:"oral,omitempty"` // the actor writes down what For said; in emergencies
	}
	// ConfirmSignature is the word of a signer on a signature that somebody else wrote down.
	ConfirmSignature struct {
		OK      bool        `json:"ok"`
		Content itsm.Digest `json:"content"`
		Comment string      `json:"comment,omitempty"`
	}
	// Cancel ends a release before its deployment.
	Cancel struct {
		Why string `json:"why"`
	}
)

// The commands of building, testing and preparing.
type (
	// Build begins the stage of building.
	Build struct{}
	// InspectTest compares the test environment with production. Without an [Estate] the environments are told by the command.
	InspectTest struct {
		Test       *Environment `json:"test,omitempty"`
		Production *Environment `json:"production,omitempty"`
	}
	// Waive accepts a difference of the test environment for a time. It is signed by somebody else than who inspected.
	Waive struct {
		Difference Difference `json:"difference"`
		Why        string     `json:"why"`
		Until      time.Time  `json:"until"`
	}
	// CheckSecurity says how safe the test environment is.
	CheckSecurity struct {
		Access   []itsm.PersonID `json:"access"`
		LiveData bool            `json:"live_data,omitempty"`
		Masked   bool            `json:"masked,omitempty"`
		Isolated bool            `json:"isolated"`
	}
	// StartTest begins the test.
	StartTest struct{}
	// ReportTest ends the test: passed when cases were run and none failed.
	ReportTest struct {
		Manifest    itsm.Digest `json:"manifest"`    // what was tested
		Environment itsm.Digest `json:"environment"` // and where
		Cases       int         `json:"cases"`
		Failed      int         `json:"failed,omitempty"`
		Evidence    string      `json:"evidence"`
		Security    string      `json:"security,omitempty"`
	}
	// Prepare ticks off an item of the readiness list.
	Prepare struct {
		Key      string `json:"key"`
		Evidence string `json:"evidence"`
	}
	// AcceptNoReturn accepts, for the present plan, that a unit cannot be undone.
	AcceptNoReturn struct {
		Unit string `json:"unit"`
	}
	// JudgeGate answers a gate: by readings where it has limits, else by word.
	JudgeGate struct {
		Gate        string      `json:"gate"`
		Answer      Answer      `json:"answer,omitempty"`
		Readings    []Reading   `json:"readings,omitempty"`
		Evidence    string      `json:"evidence,omitempty"`
		Manifest    itsm.Digest `json:"manifest"`
		Environment itsm.Digest `json:"environment"`
	}
	// TakeBaseline refers to a snapshot of the items of the release. With a [Baselines] port, [Service.Do] takes it.
	TakeBaseline struct {
		After    bool      `json:"after,omitempty"` // the deployment
		Baseline *Baseline `json:"baseline,omitempty"`
	}
	// MakeReady says that the release could go live.
	MakeReady struct{}
)

// The commands of the deployment.
type (
	// Deploy begins the deployment. What happens when another release works on a target is decided by the policy.
	Deploy struct{}
	// StartWave begins a wave within its window.
	StartWave struct {
		Wave string `json:"wave"`
	}
	// SkipWave leaves out a wave that may be left out.
	SkipWave struct {
		Wave string `json:"wave"`
		Why  string `json:"why"`
	}
	// Distribute says that a step was taken on a target, and what the files were found to be. When they are not those of the
	// manifest the target is stopped instead.
	Distribute struct {
		CI    string       `json:"ci"`
		Step  Distribution `json:"step"`
		Unit  string       `json:"unit,omitempty"` // that was installed
		Files []Measured   `json:"files"`
	}
	// FailTarget stops a target for another reason.
	FailTarget struct {
		CI  string `json:"ci"`
		Why string `json:"why"`
	}
	// RetryTarget begins a stopped target anew, from packaging.
	RetryTarget struct {
		CI  string `json:"ci"`
		Why string `json:"why"`
	}
	// Stop halts the deployment.
	Stop struct {
		Why string `json:"why"`
	}
	// Continue goes on after a halt; failures so far do not count any more.
	Continue struct {
		Why string `json:"why"`
	}
	// Complete ends the deployment and writes the CMDB, as one. Only some targets are live when it is told why.
	Complete struct {
		Partly string `json:"partly,omitempty"`
	}
	// RollBack goes back. What cannot be undone stays, which must be accepted by Partly.
	RollBack struct {
		Why    string `json:"why"`
		Partly bool   `json:"partly,omitempty"`
	}
	// UndoStep says that the next step back was taken.
	UndoStep struct {
		Undo
		Evidence string `json:"evidence"`
	}
	// FinishRollback ends the way back, with the CMDB, as one.
	FinishRollback struct{}
	// yieldTo is the other side of a Deploy that takes over.
	yieldTo struct {
		Heir itsm.ID `json:"heir"`
	}
)

// The commands after the deployment.
type (
	// Compare says where the configuration is not what the plan says.
	Compare struct {
		Deviations []Deviation `json:"deviations,omitempty"`
	}
	// Explain gives the reason of a deviation.
	Explain struct {
		Nth     int    `json:"nth"` // from 1
		Because string `json:"because"`
	}
	// Present asks business and operations for acceptance.
	Present struct{}
	// JudgeBusiness is the word of the business owner, JudgeOperations that of operations.
	JudgeBusiness struct {
		Judgement
	}
	JudgeOperations struct {
		Judgement
	}
	// MeetCondition says that a condition of the acceptance was met.
	MeetCondition struct {
		Side     Side   `json:"side"`
		Nth      int    `json:"nth"` // from 1
		Evidence string `json:"evidence"`
	}
	// FixForward decides that something else repairs what was rejected.
	FixForward struct {
		By  itsm.Ref `json:"by"`
		Why string   `json:"why"`
	}
	// FileReport closes the release.
	FileReport struct {
		Incidents []itsm.ID `json:"incidents,omitempty"` // after it; the port's, where there is one
		Analysis  string    `json:"analysis"`            // of success or failure
		Lessons   string    `json:"lessons"`
		Shared    []string  `json:"shared"`         // with whom
		Exit      []string  `json:"exit,omitempty"` // evidence for each exit criterion, in the order of the plan
	}
	// Tick lets everything happen whose time has come. The scheduler gives it; nobody has to.
	Tick struct{}
)

func (Draft) CommandName() string            { return "release.draft" }
func (Revise) CommandName() string           { return "release.revise" }
func (OpenConsultation) CommandName() string { return "release.open_consultation" }
func (NoteConsultation) CommandName() string { return "release.note_consultation" }
func (Submit) CommandName() string           { return "release.submit" }
func (Sign) CommandName() string             { return "release.sign" }
func (ConfirmSignature) CommandName() string { return "release.confirm_signature" }
func (Cancel) CommandName() string           { return "release.cancel" }
func (Build) CommandName() string            { return "release.build" }
func (InspectTest) CommandName() string      { return "release.inspect_test" }
func (Waive) CommandName() string            { return "release.waive" }
func (CheckSecurity) CommandName() string    { return "release.check_security" }
func (StartTest) CommandName() string        { return "release.start_test" }
func (ReportTest) CommandName() string       { return "release.report_test" }
func (Prepare) CommandName() string          { return "release.prepare" }
func (AcceptNoReturn) CommandName() string   { return "release.accept_no_return" }
func (JudgeGate) CommandName() string        { return "release.judge_gate" }
func (TakeBaseline) CommandName() string     { return "release.take_baseline" }
func (MakeReady) CommandName() string        { return "release.make_ready" }
func (Deploy) CommandName() string           { return "release.deploy" }
func (StartWave) CommandName() string        { return "release.start_wave" }
func (SkipWave) CommandName() string         { return "release.skip_wave" }
func (Distribute) CommandName() string       { return "release.distribute" }
func (FailTarget) CommandName() string       { return "release.fail_target" }
func (RetryTarget) CommandName() string      { return "release.retry_target" }
func (Stop) CommandName() string             { return "release.stop" }
func (Continue) CommandName() string         { return "release.continue" }
func (Complete) CommandName() string         { return "release.complete" }
func (RollBack) CommandName() string         { return "release.roll_back" }
func (UndoStep) CommandName() string         { return "release.undo_step" }
func (FinishRollback) CommandName() string   { return "release.finish_rollback" }
func (yieldTo) CommandName() string          { return "release.yield_to" }
func (Compare) CommandName() string          { return "release.compare" }
func (Explain) CommandName() string          { return "release.explain" }
func (Present) CommandName() string          { return "release.present" }
func (JudgeBusiness) CommandName() string    { return "release.judge_business" }
func (JudgeOperations) CommandName() string  { return "release.judge_operations" }
func (MeetCondition) CommandName() string    { return "release.meet_condition" }
func (FixForward) CommandName() string       { return "release.fix_forward" }
func (FileReport) CommandName() string       { return "release.file_report" }
func (Tick) CommandName() string             { return "release.tick" }

// Creates marks the command that makes a release.
func (Draft) Creates() {}

func commands() []itsm.Command {
	return []itsm.Command{
		Draft{}, Revise{}, OpenConsultation{}, NoteConsultation{}, Submit{}, Sign{}, ConfirmSignature{}, Cancel{}, Build{}, InspectTest{}, Waive{},
		CheckSecurity{}, StartTest{}, ReportTest{}, Prepare{}, AcceptNoReturn{}, JudgeGate{}, TakeBaseline{}, MakeReady{}, Deploy{}, StartWave{}, SkipWave{},
		Distribute{}, FailTarget{}, RetryTarget{}, Stop{}, Continue{}, Complete{}, RollBack{}, UndoStep{}, FinishRollback{}, yieldTo{}, Compare{}, Explain{},
		Present{}, JudgeBusiness{}, JudgeOperations{}, MeetCondition{}, FixForward{}, FileReport{}, Tick{},
	}
}
