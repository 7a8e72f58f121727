// Command api keeps the exported API of every package in api/, one file a package, and in dependencies.txt what each of them
// makes a program link, so that a change shows in review.
//
//	go run ./tools/api                 compares, fails on a difference
//	go run ./tools/api -write          updates the files
//	go run ./tools/api -against DIR    names what breaks users of the older checkout in DIR
//
// The exit code is 3 when users would break, 1 after any other failure.
//
// Modules are those of go.work. Commands, internal packages and the modules examples and tools have no API.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/packages"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "api:", err)
		}
		if errors.Is(err, errBreaks) {
			os.Exit(3)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", ".", "root of the repository")
	write := flags.Bool("write", false, "update the files")
	against := flags.String("against", "", "folder of an older checkout to compare with")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	pkgs, weight, err := load(*root)
	if err != nil {
		return err
	}
	if *against != "" {
		old, _, err := load(*against)
		if err != nil {
			return err
		}
		return compatible(old, pkgs, stdout)
	}
	dir := filepath.Join(*root, "api")
	want := map[string]string{weightFile: weight}
	for _, p := range pkgs {
		want[p.file] = Listing(p.types)
	}
	if *write {
		return update(dir, want)
	}
	return check(dir, want)
}

// A pkg is a package with an API.
type pkg struct {
	file  string // of its listing
	types *types.Package
}

// load type-checks the packages of all modules of the workspace, or of the only module where there is none. They come
// sorted by file, with the listing of what they make a program link.
func load(root string) ([]pkg, string, error) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Path}}\t{{.Dir}}")
	list.Dir = root
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, "", fmt.Errorf("go list -m in %s: %w", root, err)
	}
	var patterns []string
	base := "" // the root module's path
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if base == "" || len(path) < len(base) {
			base = path
		}
		patterns = append(patterns, dir+"/...")
	}
	mode := packages.NeedName | packages.NeedFiles | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedModule
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, patterns...)
	if err != nil {
		return nil, "", err
	}
	var pkgs []pkg
	var faults []error
	for _, p := range loaded {
		for _, e := range p.Errors {
			faults = append(faults, e)
		}
		if path, ok := strings.CutPrefix(p.PkgPath, base); ok && public(p.Name, path) && len(p.GoFiles) > 0 {
			pkgs = append(pkgs, pkg{fileName(base, path), p.Types})
		}
	}
	slices.SortFunc(pkgs, func(a, b pkg) int { return strings.Compare(a.file, b.file) })
	return pkgs, Weight(loaded, base), errors.Join(faults...)
}

// public tells whether users can import the package at a path below the root module's.
func public(name, path string) bool {
	parts := strings.Split(path, "/")
	return name != "main" && !slices.Contains(parts, "internal") && !slices.Contains([]string{"examples", "tools"}, parts[min(1, len(parts)-1)])
}

// fileName turns "/calendar/cn" into "calendar.cn.txt"; the root package is named after its module.
func fileName(base, path string) string {
	if path == "" {
		return base[strings.LastIndexByte(base, '/')+1:] + ".txt"
	}
	return strings.ReplaceAll(path[1:], "/", ".") + ".txt"
}

func update(dir string, want map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	have, err := committed(dir)
	if err != nil {
		return err
	}
	for _, file := range files(have, want) {
		path := filepath.Join(dir, file)
		if _, ok := want[file]; !ok {
			err = os.Remove(path)
		} else if have[file] != want[file] {
			err = os.WriteFile(path, []byte(want[file]), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check names every line that differs.
func check(dir string, want map[string]string) error {
	have, err := committed(dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, file := range files(have, want) {
		if have[file] == want[file] {
			continue
		}
		fmt.Fprintf(&b, "%s:\n", file)
		for line := range strings.Lines(have[file]) {
			if !hasLine(want[file], line) {
				b.WriteString("- " + line)
			}
		}
		for line := range strings.Lines(want[file]) {
			if !hasLine(have[file], line) {
				b.WriteString("+ " + line)
			}
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return fmt.Errorf("the API differs from %s (if that is meant: go run ./tools/api -write)\n%s", dir, strings.TrimRight(b.String(), "\n"))
}

func hasLine(text, line string) bool {
	return strings.HasPrefix(text, line) || strings.Contains(text, "\n"+line)
}

// committed reads the listings of the folder. A folder that is absent has none.
func committed(dir string) (map[string]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	have := make(map[string]string)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		have[filepath.Base(name)] = string(text)
	}
	return have, nil
}

// files returns the names in either set, sorted.
func files(a, b map[string]string) []string {
	var out []string
	for name := range a {
		out = append(out, name)
	}
	for name := range b {
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var errBreaks = errors.New("incompatible changes")

// compatible prints what the new packages break for users of the old ones, and fails when there is something.
func compatible(old, now []pkg, stdout io.Writer) error {
	byFile := make(map[string]*types.Package)
	for _, p := range now {
		byFile[p.file] = p.types
	}
	breaks := 0
	for _, p := range old {
		if byFile[p.file] == nil {
			fmt.Fprintf(stdout, "%s: removed\n", p.types.Path())
			breaks++
			continue
		}
		for _, c := range apidiff.Changes(p.types, byFile[p.file]).Changes {
			if !c.Compatible {
				fmt.Fprintf(stdout, "%s: %s\n", p.types.Path(), c.Message)
				breaks++
			}
		}
	}
	if breaks > 0 {
		return fmt.Errorf("%d %w", breaks, errBreaks)
	}
	return nil
}
