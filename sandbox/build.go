package sandbox

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// buildID overrides the identity of the build.
//
//nolint:gochecknoglobals // the linker sets it: -ldflags "-X blockgate/sandbox.buildID=..."
var buildID string

// BuildID returns the identity of this binary's build, in printable ASCII of at
// most [MaxBuildBytes]: two binaries built from the same tree by the same Go
// return the same text, so that a supervisor can refuse a parser of another
// build.
//
// It is the version of the main module, the revision and state of the tree as
// the go command stamped them, and the Go version. Without stamping (a test
// binary, -buildvcs=false, a source archive) it is "devel" and the Go version:
// then it tells releases apart, not working trees. A packager overrides it for
// both binaries with
//
//	go build -ldflags "-X blockgate/sandbox.buildID=ID" ./cmd/...
func BuildID() string {
	info, _ := debug.ReadBuildInfo()
	return string(appendClean(nil, identity(buildID, info), MaxBuildBytes))
}

// identity joins what is known of a build. Either argument may be empty.
func identity(override string, info *debug.BuildInfo) string {
	if override != "" {
		return override
	}
	if info == nil {
		return "devel " + runtime.Version()
	}
	words := []string{"devel"}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		words[0] = v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			words = append(words, s.Value)
		case s.Key == "vcs.modified" && s.Value == "true":
			words = append(words, "modified")
		}
	}
	return strings.Join(append(words, info.GoVersion), " ")
}
