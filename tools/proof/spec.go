package main

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// A Section is a heading of a specification document with the IDs defined under it, in the order of the document.
type Section struct {
	Document string // "requirements.md"
	Title    string // "1.11 Incident process (事件管理流程)"
	IDs      []string
}

// A Spec is all that must be proven, in the order of the documents' names.
type Spec []Section

// IDs are defined as the first cell of a table row (a dagger marks derived ones), or in bold at the start of an item.
var (
	idPattern   = `(?:R-\d+|INV-\d+|F-[A-Z]+-\d+|S-\d{3})`
	definedRow  = regexp.MustCompile(`^\|\s*(` + idPattern + `)†?\s*\|`)
	definedItem = regexp.MustCompile(`\*\*(?:Bar )?(` + idPattern + `)\b`)
	heading     = regexp.MustCompile(`^#{2,}\s+(.*\S)`)
	oneID       = regexp.MustCompile(`^` + idPattern + `$`)
)

// ReadSpec reads the definitions out of all Markdown documents of a folder. A folder that is absent, or has no
// document with a definition, gives [fs.ErrNotExist]; an ID that is defined twice is an error.
func ReadSpec(folder fs.FS) (Spec, error) {
	names, err := fs.Glob(folder, "*.md")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var spec Spec
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		spec = append(spec, sections(name, string(text))...)
	}
	if len(spec) == 0 {
		return nil, fmt.Errorf("no document defines an ID: %w", fs.ErrNotExist)
	}
	return spec, spec.check()
}

func sections(document, text string) []Section {
	var out []Section
	now := Section{Document: document}
	flush := func(title string) {
		if len(now.IDs) > 0 {
			out = append(out, now)
		}
		now = Section{Document: document, Title: title}
	}
	for line := range strings.Lines(text) {
		if m := heading.FindStringSubmatch(line); m != nil {
			flush(m[1])
		} else if m := definedRow.FindStringSubmatch(line); m != nil {
			now.IDs = append(now.IDs, m[1])
		} else {
			for _, m := range definedItem.FindAllStringSubmatch(line, -1) {
				now.IDs = append(now.IDs, m[1])
			}
		}
	}
	flush("")
	return out
}

func (s Spec) check() error {
	where := make(map[string]string)
	var faults []error
	for _, section := range s {
		for _, id := range section.IDs {
			if first, ok := where[id]; ok {
				faults = append(faults, fmt.Errorf("%s is defined twice: in %s and in %s", id, first, section.name()))
			}
			where[id] = section.name()
		}
	}
	return errors.Join(faults...)
}

func (s Section) name() string { return s.Document + ", " + s.Title }

// has returns the set of all IDs.
func (s Spec) has() map[string]bool {
	set := make(map[string]bool)
	for _, section := range s {
		for _, id := range section.IDs {
			set[id] = true
		}
	}
	return set
}

// List is the form that is committed: a line "document: title" per section, then its IDs, one a line.
func (s Spec) List() string {
	var b strings.Builder
	b.WriteString("# The IDs of the specification, by section. Written by tools/proof; do not edit.\n")
	for _, section := range s {
		fmt.Fprintf(&b, "\n%s: %s\n", section.Document, section.Title)
		for _, id := range section.IDs {
			b.WriteString(id + "\n")
		}
	}
	return b.String()
}

// ParseList reads what [Spec.List] wrote.
func ParseList(text string) (Spec, error) {
	var spec Spec
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		switch document, title, isHeading := strings.Cut(line, ": "); {
		case line == "" || strings.HasPrefix(line, "#"):
		case oneID.MatchString(line):
			if len(spec) == 0 {
				return nil, fmt.Errorf("line %d: %s stands before the first section", number, line)
			}
			last := &spec[len(spec)-1]
			last.IDs = append(last.IDs, line)
		case isHeading:
			spec = append(spec, Section{Document: document, Title: title})
		default:
			return nil, fmt.Errorf("line %d: %q is neither an ID nor a section (\"document: title\")", number, line)
		}
	}
	return spec, spec.check()
}
