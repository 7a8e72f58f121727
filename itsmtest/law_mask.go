package itsmtest

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// Identifiers that a masker finds in free text. They are published samples and belong to nobody.
var identifiers = []string{"13800138000", "11010519491231002X", "10.23.45.67"}

// token is something that no masker can know: only the level of the record protects it.
const token = "ZXQ7781KELP"

var (
	kernel = reflect.TypeFor[itsm.Note]().PkgPath()
	// kernelTexts are the fields of free text of the commands that every record takes.
	kernelTexts = map[string]bool{"Text": true, "Name": true, "Finding": true}
)

// checkMasking writes identifiers and a token into the free text of commands and looks for them in every answer.
func (w *world[R, F, C]) checkMasking() {
	names := make(map[string]bool)
	seen := make(map[reflect.Type]bool)
	textFields(reflect.TypeFor[R](), names, seen)
	for _, e := range w.desc.Events {
		textFields(reflect.TypeOf(e), names, seen)
	}
	secret := "患者电话 " + identifiers[0] + " 身份证 " + identifiers[1] + " 主机 " + identifiers[2] + " " + token
	w.planted = func(cmd itsm.Command) itsm.Command {
		v := roomy(reflect.ValueOf(cmd))
		if v.Type().PkgPath() == kernel {
			plant(v, kernelTexts, " "+secret)
		} else {
			plant(v, names, " "+secret)
		}
		return v.Interface().(itsm.Command)
	}
	w.create()
	auditor := itsm.Actor{ID: "auditor", Roles: []itsm.Role{roleAuditor}}
	note := try{actor: auditor, id: w.id, command: itsm.Note{Text: "note", Public: true}, options: []itsm.Option{itsm.Because(secret)}, once: newCommand()}
	w.do(note)
	for range w.steps(0, w.spec.Steps/2) {
		x := w.draw()
		x.options = append(x.options, itsm.Because(secret))
		w.do(x)
	}

	reader := itsm.Actor{ID: "reader", Roles: append([]itsm.Role{roleReader}, rolesOf(w.desc)...)}
	w.lookFor(reader, identifiers)

	// Above the clearance, and to a supplier whom nobody has told, nothing at all is shown.
	w.planted = nil
	if w.spec.Process.Meta(new(w.stored().Record)).Level < itsm.PatientRelated {
		_, err := w.do(try{actor: auditor, id: w.id, command: itsm.Classify{Level: itsm.PatientRelated}, options: []itsm.Option{itsm.Because("patient data")}, once: newCommand()})
		w.noError(err, "classifying the record")
	}
	w.lookFor(reader, append(slices.Clone(identifiers), token))
	w.lookFor(itsm.Actor{ID: "engineer", Roles: append([]itsm.Role{roleAuditor}, rolesOf(w.desc)...), Employer: "a supplier nobody has told"}, append(slices.Clone(identifiers), token))
}

// lookFor looks for secrets in everything that a reader can ask for.
func (w *world[R, F, C]) lookFor(reader itsm.Actor, secrets []string) {
	w.Helper()
	ctx := w.as(reader)
	look := func(where, text string) {
		w.Helper()
		for _, s := range secrets {
			if strings.Contains(text, s) {
				w.Fatalf("%s shows %q to %s, who must not see it: %s", where, s, reader.ID, text)
			}
		}
	}
	answer := func(where string, v any, err error) {
		w.Helper()
		if err == nil {
			look(where, w.text(v))
			return
		}
		look("an error of "+where, err.Error())
		var refused *itsm.RefusedError
		if errors.As(err, &refused) {
			look("a refusal of "+where, refused.In(itsm.Chinese))
			look("the reasons of "+where, w.text(refused.Reasons))
			for _, r := range refused.Reasons {
				if cause := r.Unwrap(); cause != nil {
					look("the cause of a reason of "+where, cause.Error())
				}
			}
		}
	}
	rec, err := w.service.Get(ctx, w.id)
	answer("Get", rec, err)
	rec, err = w.service.Replay(ctx, w.id)
	answer("Replay", rec, err)
	answer("Verify", nil, w.service.Verify(ctx, w.id))
	for rec, err := range w.service.Find(ctx, itsm.Query{}) {
		answer("Find", rec, err)
	}
	for ev, err := range w.service.Events(ctx, w.id) {
		answer("Events", ev, err)
		answer("the payload of Events", ev.Payload, err)
	}
	for entry, err := range w.service.Timeline(ctx, w.id) {
		answer("Timeline", entry, err)
		if err == nil {
			look("Timeline", entry.Told.In(itsm.English)+entry.Told.In(itsm.Chinese))
		}
	}
	for range 3 {
		x := w.draw()
		if _, emergency := x.command.(itsm.EmergencyAccess); emergency {
			continue // with the permission and a reason it shows the record
		}
		if told := w.text(x.command); slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(told, s) }) {
			continue // what readers say themselves they know
		}
		x.actor = reader
		rec, err := w.do(x)
		answer(x.command.CommandName(), rec, err)
		if err == nil && x.id == w.id {
			again, err := w.do(x)
			answer(x.command.CommandName()+" given again", again, err)
		}
	}
}

// textFields collects the names of the fields of free text that a type holds.
func textFields(t reflect.Type, names map[string]bool, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	for f := range t.Fields() {
		if slices.Contains(strings.Split(f.Tag.Get("itsm"), ","), "text") {
			names[f.Name] = true
		}
		textFields(f.Type, names, seen)
	}
}

// plant adds a text to every string of the names within a settable value.
func plant(v reflect.Value, names map[string]bool, secret string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if !f.CanSet() {
				continue
			}
			if f.Type() == reflect.TypeFor[string]() && names[v.Type().Field(i).Name] {
				f.SetString(f.String() + secret)
				continue
			}
			plant(f, names, secret)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			plant(v.Index(i), names, secret)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			plant(v.Elem(), names, secret)
		}
	}
}
