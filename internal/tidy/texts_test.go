package tidy

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// eachLine calls see for each line of each text file, numbered from 1.
func (tr *tree) eachLine(see func(name string, number int, line string)) {
	for _, name := range tr.texted() {
		number := 0
		for line := range strings.Lines(tr.texts[name]) {
			number++
			see(name, number, strings.TrimRight(line, "\r\n"))
		}
	}
}

// unfinished keeps notes to oneself out of the tree. A deferred piece of work has
// an issue, and the note names it.
func unfinished(tr *tree) []string {
	mark := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)
	issue := regexp.MustCompile(`\b[A-Z]+\(#[0-9]+\)`)
	var faults []string
	tr.eachLine(func(name string, number int, line string) {
		if mark.MatchString(line) && !issue.MatchString(line) && path.Base(name) != "go.sum" {
			faults = append(faults, fmt.Sprintf("%s:%d: unfinished work without an issue number", name, number))
		}
	})
	return faults
}

// machinePaths keeps the folders of whoever wrote a file out of it.
func machinePaths(tr *tree) []string {
	place := regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(wo` + `rk|ho` + `me|Us` + `ers|tm` + `p/wt|tm` + `p/bash_jobs|tm` + `p/blockgate)/`)
	var faults []string
	tr.eachLine(func(name string, number int, line string) {
		if place.MatchString(line) {
			faults = append(faults, fmt.Sprintf("%s:%d: a path of one machine: %s", name, number, strings.TrimSpace(line)))
		}
	})
	return faults
}

// registryHosts keeps the names of package registries out of the tree: where
// modules and images come from is for each machine to say. It looks for the
// well-known names and for what this machine is set to.
func registryHosts(tr *tree) []string {
	hosts := []string{
		"pro" + "xy.golang.org", "s" + "um.golang.org", "go" + "proxy.io", "go" + "proxy.cn", "py" + "pi.org", "np" + "mjs.org",
		"cra" + "tes.io/", "dock" + "er.io", "gh" + "cr.io", "qu" + "ay.io", "gc" + "r.io",
	}
	for part := range strings.FieldsFuncSeq(os.Getenv("GOPROXY"), func(r rune) bool { return r == ',' || r == '|' }) {
		if at, err := url.Parse(part); err == nil && at.Hostname() != "" {
			hosts = append(hosts, at.Hostname())
		}
	}
	var faults []string
	tr.eachLine(func(name string, number int, line string) {
		if slices.ContainsFunc(hosts, func(host string) bool { return strings.Contains(line, host) }) {
			faults = append(faults, fmt.Sprintf("%s:%d: names a package registry", name, number))
		}
	})
	return faults
}

// brokenLinks wants each relative link of a document to lead somewhere.
func brokenLinks(tr *tree) []string {
	link := regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	var faults []string
	tr.eachLine(func(name string, number int, line string) {
		if path.Ext(name) != ".md" {
			return
		}
		for _, found := range link.FindAllStringSubmatch(line, -1) {
			if strings.Contains(found[1], ":") {
				continue
			}
			if !tr.has(path.Join(path.Dir(name), found[1])) {
				faults = append(faults, fmt.Sprintf("%s:%d: the link to %s leads nowhere", name, number, found[1]))
			}
		}
	})
	return faults
}

// brokenPaths wants each Go file that a document names between back quotes to
// exist, so that a table of files is kept when a file moves. What lies in a
// package that is not written yet is let pass.
func brokenPaths(tr *tree) []string {
	quoted := regexp.MustCompile("`([a-z][a-z0-9_/.-]*/[a-z0-9_.-]+\\.go)`")
	var faults []string
	tr.eachLine(func(name string, number int, line string) {
		if path.Ext(name) != ".md" {
			return
		}
		for _, found := range quoted.FindAllStringSubmatch(line, -1) {
			if tr.has(path.Dir(found[1])) && !tr.has(found[1]) {
				faults = append(faults, fmt.Sprintf("%s:%d: there is no %s", name, number, found[1]))
			}
		}
	})
	return faults
}

// has tells whether a text file or a folder of them is there.
func (tr *tree) has(name string) bool {
	if _, ok := tr.texts[name]; ok {
		return true
	}
	folder := strings.TrimSuffix(name, "/") + "/"
	return slices.ContainsFunc(tr.texted(), func(file string) bool { return strings.HasPrefix(file, folder) })
}
