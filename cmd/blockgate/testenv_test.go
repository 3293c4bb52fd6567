package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binDir holds the programs under test, blockgate and blockgate-parser, static
// and of one build. TestMain makes and removes it.
var binDir string

// testBuild is the build identity of the programs under test.
const testBuild = "test"

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "blockgate-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	binDir = dir
	if err := buildPrograms(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// buildPrograms builds both programs into dir, with more arguments of go build.
func buildPrograms(dir string, more ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-X blockgate/sandbox.buildID=" + testBuild, "-o", dir + "/"}, more...)
	return goTool("", append(args, "blockgate/cmd/blockgate", "blockgate/cmd/blockgate-parser")...)
}

// goTool runs the go command without cgo.
func goTool(dir string, args ...string) error {
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %q: %w\n%s", args, err, text)
	}
	return nil
}

// buildNode builds btcd, the node of the pinned tool module, when a test first
// asks for it.
var buildNode = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binDir, "btcd")
	return path, goTool("../../tools", "build", "-trimpath", "-o", path, "github.com/btcsuite/btcd")
})
