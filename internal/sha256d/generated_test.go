package sha256d_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestKernelsAreGenerated runs the generator: the assembly is what it prints, to
// the byte, so whoever has read the generator has read the assembly.
func TestKernelsAreGenerated(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kernels.s")
	if out, err := exec.CommandContext(t.Context(), "go", "run", "./gen", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error(`kernels_amd64.s is not what the generator prints: run "go generate ./internal/sha256d"`)
	}
}
