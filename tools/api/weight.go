package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// weightFile lists what a program links besides the standard library when it imports a package.
const weightFile = "dependencies.txt"

// Weight returns the listing: a line for each package, with the modules of others that come with it, and "testing" where
// that does. Modules of the repository itself do not count.
func Weight(loaded []*packages.Package, base string) string {
	var lines []string
	for _, p := range loaded {
		path, ok := strings.CutPrefix(p.PkgPath, base)
		if !ok || !public(p.Name, path) || len(p.GoFiles) == 0 {
			continue
		}
		var with []string
		packages.Visit([]*packages.Package{p}, nil, func(dep *packages.Package) {
			switch {
			case dep.PkgPath == "testing":
				with = append(with, "testing")
			case dep.Module != nil && dep.Module.Path != base && !strings.HasPrefix(dep.Module.Path, base+"/"):
				with = append(with, dep.Module.Path)
			}
		})
		slices.Sort(with)
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s", p.PkgPath, strings.Join(slices.Compact(with), " "))))
	}
	slices.Sort(lines)
	return "what a program links when it imports a package, besides the standard library\n\n" + strings.Join(lines, "\n") + "\n"
}
