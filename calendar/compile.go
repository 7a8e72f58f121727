package calendar

import (
	"fmt"
	"maps"
	"slices"
)

// build compiles data, which it owns and puts in canonical order. Faults are added with their place; the calendar is
// of use only when there are none.
func build(place string, d Data, fs *faults) *Calendar {
	at := func(key string) string { return join(place, key) }
	c := &Calendar{}
	switch {
	case d.Horizon < 0 || d.Horizon > lastYear-firstYear:
		fs.add(at("horizon"), "%d years, want 1 to %d, or 0 for %d", d.Horizon, lastYear-firstYear, defaultHorizon)
	case d.Horizon == 0:
		c.horizon = yearsToSeconds(defaultHorizon)
	default:
		c.horizon = yearsToSeconds(d.Horizon)
	}
	if len(d.Union)+len(d.Intersect)+len(d.Subtract) > 0 {
		c.compose(place, &d, fs)
	} else {
		c.compileCivil(place, &d, fs)
	}
	c.data = d
	if len(*fs) == 0 {
		c.version = versionOf(d)
	}
	return c
}

func yearsToSeconds(n int) int64 { return int64(n) * 31556952 } // of 365.2425 days

func join(place, key string) string {
	if place == "" {
		return key
	}
	return place + "." + key
}

func (c *Calendar) compileCivil(place string, d *Data, fs *faults) {
	at := func(key string) string { return join(place, key) }
	z, err := loadZone(d.Zone)
	if err != nil {
		fs.add(at("zone"), "%v", err)
		z, _ = loadZone("UTC")
	}
	k := &compiler{civil: &civil{zone: z}, faults: fs}
	k.addPattern(at("week"), &d.Week, FromWeek, "", "")
	own := Layer{Seasons: d.Seasons, Holidays: d.Holidays, Days: d.Days, Closed: d.Closed, Open: d.Open}
	k.addLayer(place, &own)
	for i := range d.Layers {
		k.addLayer(fmt.Sprintf("%s[%d]", at("layers"), i), &d.Layers[i])
	}
	k.civil.overrides = overlay(k.stretches)
	if p := d.Published; p != nil {
		k.checkRange(at("published"), p.From, p.To, false)
	}
	c.zone, c.civil = z, k.civil
	c.always = c.civil.isAlways()
}

// A compiler collects the rules of the layers of one calendar.
type compiler struct {
	civil     *civil
	stretches []override
	faults    *faults
}

func (k *compiler) addPattern(place string, w *Week, rule Source, name, layer string) int32 {
	var p pattern
	for i, day := range weekdays {
		hours := w.at(i)
		*hours = k.sorted(join(place, string(day)), *hours)
		p.hours[i] = *hours
		p.why[i] = Why{Rule: rule, Name: name, Layer: layer, Like: day}
	}
	// A night shift that runs into the next day's hours contradicts them.
	for i := range weekdays {
		today, tomorrow := p.hours[i], p.hours[(i+1)%7]
		if len(today) == 0 || len(tomorrow) == 0 {
			continue
		}
		if s, next := today[len(today)-1], tomorrow[0]; s.To > next.From+dayMinutes {
			k.faults.add(join(place, string(weekdays[i])), "shift %s runs into %s of %s; let them touch", s, next, weekdays[(i+1)%7])
		}
	}
	k.civil.patterns = append(k.civil.patterns, p)
	return int32(len(k.civil.patterns) - 1)
}

// sorted checks the shifts of a day and puts them in order.
func (k *compiler) sorted(place string, hours []Shift) []Shift {
	type placed struct {
		Shift
		index int
	}
	list := make([]placed, len(hours))
	for i, s := range hours {
		if err := s.check(); err != nil {
			k.faults.add(fmt.Sprintf("%s[%d]", place, i), "%v", err)
		}
		list[i] = placed{s, i}
	}
	slices.SortStableFunc(list, func(a, b placed) int { return int(a.From - b.From) })
	for i, s := range list {
		hours[i] = s.Shift
		if i > 0 && list[i-1].To > s.From {
			k.faults.add(fmt.Sprintf("%s[%d]", place, s.index), "shift %s overlaps %s; join them or let them touch", s, list[i-1].Shift)
		}
	}
	return hours
}

func (k *compiler) addLayer(place string, l *Layer) {
	at := func(key string, i int) string { return fmt.Sprintf("%s[%d]", join(place, key), i) }
	for i := range l.Seasons {
		s := &l.Seasons[i]
		k.checkRange(at("seasons", i), s.From, s.To, true)
		pattern := k.addPattern(at("seasons", i)+".week", &s.Week, FromSeason, s.Name, l.Name)
		k.civil.seasons = append(k.civil.seasons, season{s.From, s.To, pattern})
	}
	var out layer
	for i := range l.Holidays {
		out.holidays = append(out.holidays, k.holiday(at("holidays", i), &l.Holidays[i], l.Name))
	}
	for _, date := range slices.SortedFunc(maps.Keys(l.Days), Date.Compare) {
		day := l.Days[date]
		rule := k.day(join(place, "days")+"["+date.String()+"]", date, &day, l.Name)
		l.Days[date] = day
		out.days = append(out.days, plannedDay{date.number(), rule})
	}
	k.civil.layers = append(k.civil.layers, out)
	for i, s := range l.Closed {
		k.stretch(at("closed", i), s, false, l.Name)
	}
	for i, s := range l.Open {
		k.stretch(at("open", i), s, true, l.Name)
	}
}

func (k *compiler) addRule(r dayRule) int32 {
	k.civil.rules = append(k.civil.rules, r)
	return int32(len(k.civil.rules) - 1)
}

func (k *compiler) holiday(place string, h *Holiday, layer string) holiday {
	out := holiday{from: h.From, to: h.To, observed: h.Observed, since: h.Since, until: h.Until, except: h.Except}
	switch {
	case h.Rule != "" && !h.From.IsZero():
		k.faults.add(place, "has both a date and a rule, want one of them")
	case h.Rule != "":
		var err error
		if out.rule, err = parseRule(h.Rule); err != nil {
			k.faults.add(join(place, "rule"), "%v", err)
		}
		out.byRule = true
		if !h.To.IsZero() {
			k.faults.add(join(place, "to"), "a rule gives single days; leave it out")
		}
	case h.From.IsZero():
		k.faults.add(place, "has no date, want from, or from and to, or rule")
	default:
		to := h.To
		if to.IsZero() {
			to = h.From
		}
		k.checkRange(place, h.From, to, true)
	}
	if h.From.Year != 0 && (h.Since != 0 || h.Until != 0 || len(h.Except) > 0) {
		k.faults.add(place, "since, until and except belong to holidays of every year")
	}
	if h.Until != 0 && h.Until < h.Since {
		k.faults.add(join(place, "until"), "%d is before since %d", h.Until, h.Since)
	}
	if len(h.Hours) > 0 && len(h.Off) > 0 {
		k.faults.add(place, "has both hours and off, want one of them")
	}
	if !h.Observed.valid() {
		k.faults.add(join(place, "observed"), "%q is not known, want nearest, monday, sunday or next", h.Observed)
	} else if h.Observed != "" && !h.To.IsZero() && h.To != h.From {
		k.faults.add(join(place, "observed"), "is for holidays of one day")
	}
	if !h.Kind.valid() {
		k.faults.add(join(place, "kind"), "%q is not known, want statutory, moved_rest or make_up_work", h.Kind)
	}
	h.Hours = k.sorted(join(place, "hours"), h.Hours)
	h.Off = k.sorted(join(place, "off"), h.Off)
	why := Why{Rule: ByHoliday, Name: h.Name, Layer: layer, Kind: h.Kind}
	rule := dayRule{like: -1, hours: h.Hours, why: why}
	if len(h.Off) > 0 {
		rule.off = h.Off
	}
	out.dayRule = k.addRule(rule)
	if h.Observed != "" {
		rule.why.Observed = true
		out.substitute = k.addRule(rule)
	}
	return out
}

func (k *compiler) day(place string, date Date, d *Day, layer string) int32 {
	if date.Year == 0 || !date.valid() {
		k.faults.add(place, "is not a date of one year, want YYYY-MM-DD")
	}
	if !d.Kind.valid() {
		k.faults.add(join(place, "kind"), "%q is not known, want statutory, moved_rest or make_up_work", d.Kind)
	}
	rule := dayRule{like: -1, why: Why{Rule: ByDay, Name: d.Name, Layer: layer, Kind: d.Kind, Like: d.Like}}
	switch {
	case d.Like == "":
		d.Hours = k.sorted(place, d.Hours)
		rule.hours = d.Hours
	case d.Like.index() < 0:
		k.faults.add(place, "%q is not a day of the week, want mon, tue, wed, thu, fri, sat or sun", d.Like)
	case len(d.Hours) > 0:
		k.faults.add(place, "has both like and hours, want one of them")
	default:
		rule.like = d.Like.index()
	}
	return k.addRule(rule)
}

func (k *compiler) stretch(place string, s Stretch, open bool, layer string) {
	for _, end := range []LocalTime{s.From, s.To} {
		if end.Date.Year == 0 || !end.Date.valid() || end.Clock < 0 || end.Clock > dayMinutes {
			k.faults.add(place, "%s is not a local time", end)
			return
		}
	}
	if s.From.wall() >= s.To.wall() {
		k.faults.add(place, "ends at %s, not after its start %s", s.To, s.From)
		return
	}
	why := &Why{Rule: ByClosure, Name: s.Name, Layer: layer}
	if open {
		why.Rule = ByOpening
	}
	z := k.civil.zone
	k.stretches = append(k.stretches, override{z.instant(s.From.wall()), z.instant(s.To.wall()), open, why})
}

// checkRange checks two dates, which must be of one kind: of a year, or (if allowed) of every year, and then in any order.
func (k *compiler) checkRange(place string, from, to Date, yearly bool) {
	for _, d := range []Date{from, to} {
		if !d.valid() || !yearly && d.Year == 0 {
			k.faults.add(place, "%s is not a date", d)
			return
		}
	}
	switch {
	case (from.Year == 0) != (to.Year == 0):
		k.faults.add(place, "from %s to %s: one has a year and the other has none", from, to)
	case from.Year != 0 && to.Before(from):
		k.faults.add(place, "ends on %s, before its start %s", to, from)
	}
}

// isAlways holds when no rule ever closes.
func (c *civil) isAlways() bool {
	for _, p := range c.patterns {
		for _, hours := range p.hours {
			if !slices.Equal(joined(hours), []Shift{{0, dayMinutes}}) {
				return false
			}
		}
	}
	for _, o := range c.overrides {
		if !o.open {
			return false
		}
	}
	return len(c.rules) == 0
}

// joined makes one of shifts that touch.
func joined(hours []Shift) []Shift {
	var out []Shift
	for _, s := range hours {
		if n := len(out); n > 0 && out[n-1].To == s.From {
			out[n-1].To = s.To
		} else {
			out = append(out, s)
		}
	}
	return out
}
