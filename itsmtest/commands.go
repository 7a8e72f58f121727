package itsmtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// SpecOf returns what [Laws] needs to know of a process, made up from what the process says of itself: commands are those of
// [Commands], and Tick is its command that is named tick, if there is one. What the process does not say is left to the caller:
// States, and in Auto the steps that time alone may take.
//
//	itsmtest.Laws(t, itsmtest.SpecOf(process))
func SpecOf[R, F any, C itsm.Command](process itsm.Process[R, F, C], examples ...any) Spec[R, F, C] {
	spec := Spec[R, F, C]{Process: process, Command: Commands(process, examples...)}
	for _, c := range process.Describe().Commands {
		if strings.HasSuffix(c.CommandName(), ".tick") {
			spec.Tick = func(R) itsm.Command { return c }
		}
	}
	return spec
}

// Commands returns a generator of commands for any process, to be used as [Spec.Command]. It needs no more than the process:
//
//   - A command is one of those that the process describes, filled in by the types of its fields. Texts, times, IDs and numbers are
//     made up; values of other types are taken from the record, and from examples.
//   - What is drawn is put to Decide, and mended by what a refusal says: a field that it names is filled in, with one of the values
//     that it wants. So rules whose reasons have the arguments "field" and "want" are understood here too.
//   - About every second command should go through, mostly such that the record moves and lives on. Of the others some lack
//     something, and some are drawn blindly.
//
// Examples are values that the generator could not know, such as codes and keys of the host's configuration: constants, lists of
// them, or whole commands. Each is offered wherever a field has the type of it or of a part of it.
//
// The generator keeps nothing from one draw to the next, and is safe for concurrent use.
func Commands[R, F any, C itsm.Command](process itsm.Process[R, F, C], examples ...any) func(t *rapid.T, rec R, step int) (itsm.Command, []itsm.Option) {
	d := process.Describe()
	g := &commandMaker[R, F, C]{process: process, kind: d.Kind, roles: append(rolesOf(d), itsm.RoleSystem), examples: make(values)}
	for _, c := range d.Commands {
		if _, ok := c.(C); !ok {
			continue
		}
		if _, creates := c.(itsm.Creation); creates {
			g.creations = append(g.creations, reflect.TypeOf(c))
		} else {
			g.others = append(g.others, reflect.TypeOf(c))
		}
	}
	for _, e := range examples {
		g.examples.collect(reflect.ValueOf(e), true, 0)
	}
	return func(t *rapid.T, rec R, step int) (itsm.Command, []itsm.Option) {
		m := rapid.Custom(func(t *rapid.T) made {
			var seed uint64 // bit by bit: rapid prefers small numbers, and many draws would be alike
			for range 32 {
				seed <<= 1
				if rapid.Bool().Draw(t, "bit") {
					seed++
				}
			}
			return g.make(rec, step, seed)
		}).Draw(t, "command")
		return m.command, m.options
	}
}

// made is a command with its reason, as rapid tells it.
type made struct {
	command itsm.Command
	options []itsm.Option
}

// GoString shows the command alone.
func (m made) GoString() string { return m.command.CommandName() + " " + string(mustJSON(m.command)) }

// A commandMaker makes commands up.
type commandMaker[R, F any, C itsm.Command] struct {
	process   itsm.Process[R, F, C]
	kind      itsm.Kind
	roles     []itsm.Role
	creations []reflect.Type
	others    []reflect.Type
	examples  values
}

const (
	// kindsTried bounds how many kinds of commands are tried for one that goes through.
	kindsTried = 14
	// mends bounds how often one is mended.
	mends = 4
)

// make makes up one command. The seed decides.
func (g *commandMaker[R, F, C]) make(rec R, step int, seed uint64) made {
	random := rand.New(rand.NewPCG(seed, 0x6974736d))
	f := filler{random: random, known: []values{g.examples}, now: epoch, blank: 2}
	out := made{}
	if random.IntN(8) > 0 {
		out.options = []itsm.Option{itsm.Because("for a reason of its own")}
	}
	kinds := g.creations
	if step > 0 {
		here := make(values)
		here.collect(reflect.ValueOf(rec), false, 0)
		here.offer(g.process.Possible(rec))
		f.known, f.now = append(f.known, here), g.process.Meta(&rec).Updated
		if len(g.others) > 0 && (len(kinds) == 0 || random.IntN(25) > 0) {
			kinds = g.others
		}
	}
	if len(kinds) == 0 {
		panic("itsmtest: the process describes no command that fits its type of commands")
	}
	tried, repairs := kindsTried, mends
	if step > 0 && random.IntN(10) >= 7 {
		tried, repairs, f.blank = 1, 0, 5
	}
	if step == 0 {
		tried, repairs = 2*kindsTried, 3*mends
	}
	before := "" // the state
	if step > 0 {
		before = g.process.Outline(rec).State
	}
	var last itsm.Command // that goes through, but leads to the end or nowhere
	order := random.Perm(len(kinds))
	for n := range tried {
		cmd := reflect.New(kinds[order[n%len(order)]]).Elem()
		f.fill(cmd, 0)
		for mended := 0; ; mended++ {
			out.command = cmd.Interface().(itsm.Command)
			if repairs == 0 {
				return out
			}
			after, err := g.try(rec, step, out.command, f.now)
			if err == nil {
				if after.Final && random.IntN(4) > 0 || after.State == before && random.IntN(3) > 0 {
					last = out.command
					break
				}
				return out
			}
			if step > 0 && errors.Is(err, itsm.ErrInvalid) && random.IntN(5) == 0 {
				return out // what lacks something is to be refused now and then
			}
			if mended == repairs || !f.mend(cmd, err) {
				break
			}
		}
	}
	if last != nil {
		out.command = last
	}
	return out
}

// try decides a command, and tells where the record is after it.
func (g *commandMaker[R, F, C]) try(rec R, step int, cmd itsm.Command, now time.Time) (itsm.Outline, error) {
	c, ok := cmd.(C)
	if !ok {
		return itsm.Outline{}, errors.New("not a command of the process")
	}
	m := g.process.Meta(&rec)
	actor := itsm.Actor{ID: "u-002", Tenant: m.Tenant, Roles: g.roles}
	if actor.Tenant == "" {
		actor.Tenant = "h1"
	}
	now = now.Add(time.Minute).UTC().Truncate(time.Microsecond)
	env := itsm.Env{Now: now, At: now, Actor: actor, ID: m.ID, Command: "itsmtest-try", Reason: "for a reason of its own"}
	if step == 0 {
		env.ID = "NEW-1"
	}
	facts, err := g.process.Gather(itsm.WithActor(context.Background(), actor), rec, c, env)
	if err != nil {
		return itsm.Outline{}, err
	}
	payloads, err := g.process.Decide(rec, c, facts, env)
	if err != nil {
		return itsm.Outline{}, err
	}
	for i, p := range payloads {
		if strings.HasPrefix(p.EventType(), "itsm.") {
			continue
		}
		ev := itsm.Event{
			Key: itsm.Key{Tenant: actor.Tenant, Kind: g.kind, ID: env.ID}, Seq: m.Version + 1 + uint64(i), Type: p.EventType(),
			At: now, Recorded: now, Actor: actor.ID, Command: env.Command, CommandName: cmd.CommandName(), Reason: env.Reason, Payload: p,
		}
		if err := g.process.Evolve(&rec, &ev); err != nil {
			return itsm.Outline{}, err
		}
	}
	return g.process.Outline(rec), nil
}

// mend changes what a refusal finds fault with. It returns false when the refusal names nothing that could be changed.
func (f *filler) mend(cmd reflect.Value, err error) (changed bool) {
	var reasons itsm.Reasons
	var one itsm.Reason
	if !errors.As(err, &reasons) && errors.As(err, &one) {
		reasons = itsm.Reasons{one}
	}
	for _, r := range reasons {
		if field := r.Arg("field"); field != "" {
			if at := fieldAt(cmd, strings.Split(field, ".")); at.IsValid() {
				f.choose(at, r.Arg("want"))
				changed = true
			}
			continue
		}
		if errors.Is(r, itsm.ErrInvalid) { // something is wrong, and it is not said where
			cmd.SetZero()
			f.fill(cmd, 0)
			changed = true
		}
	}
	return changed
}

// choose sets a field to one of the wanted values, which are listed by commas, or to anything that is not its zero value.
func (f *filler) choose(field reflect.Value, want string) {
	if want != "" {
		words := strings.Split(want, ", ")
		f.random.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		for _, word := range words {
			if setText(field, word) {
				return
			}
		}
	}
	for range 20 {
		field.SetZero()
		if f.fill(field, 1); !field.IsZero() {
			return
		}
	}
}

// fieldAt finds a field by its path of JSON names, through pointers, which are filled in, and the last element of lists.
func fieldAt(v reflect.Value, path []string) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if len(path) == 0 {
		return v
	}
	if v.Kind() == reflect.Slice && v.Len() > 0 {
		v = v.Index(v.Len() - 1)
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	name, _, _ := strings.Cut(path[0], "[")
	var embedded []reflect.Value
	for i := range v.NumField() {
		field := v.Type().Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case !v.Field(i).CanSet():
		case field.Anonymous && tag == "":
			embedded = append(embedded, v.Field(i))
		case tag == name || tag == "" && strings.EqualFold(field.Name, name):
			return fieldAt(v.Field(i), path[1:])
		}
	}
	for _, e := range embedded {
		if found := fieldAt(e, path); found.IsValid() {
			return found
		}
	}
	return reflect.Value{}
}

// values are known values by their type.
type values map[reflect.Type][]reflect.Value

// mostValues bounds how many values of a type are kept.
const mostValues = 64

// collect takes up the values within a value, and where whole values are wanted those that are made of others too.
func (vs values) collect(v reflect.Value, whole bool, depth int) {
	if !v.IsValid() || depth > 8 {
		return
	}
	t := v.Type()
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			vs.collect(v.Elem(), whole, depth+1)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			vs.collect(v.Index(i), whole, depth+1)
		}
	case reflect.Map:
		return // in no order
	case reflect.Struct:
		open := false
		for i := range v.NumField() {
			if t.Field(i).IsExported() {
				open = true
				vs.collect(v.Field(i), whole, depth+1)
			}
		}
		if open && !whole {
			return
		}
	case reflect.Bool:
		return
	}
	if v.Kind() == reflect.String && !code(v.String()) {
		return // what people wrote belongs where they wrote it
	}
	if v.CanInterface() && !v.IsZero() && v.Kind() != reflect.Slice && len(vs[t]) < mostValues &&
		!slices.ContainsFunc(vs[t], func(old reflect.Value) bool { return t.Comparable() && old.Interface() == v.Interface() }) {
		vs[t] = append(vs[t], v)
	}
}

// code reports whether a text may be a code, a key or a name of something.
func code(s string) bool {
	return len(s) <= 60 && !strings.ContainsFunc(s, unicode.IsSpace)
}

// offer takes up words that any named type of text may mean.
func (vs values) offer(words []string) {
	for _, w := range words {
		vs[anyWord] = append(vs[anyWord], reflect.ValueOf(w))
	}
}

// anyWord stands for all named types of text.
var anyWord = reflect.TypeFor[func(anyWord string)]()
