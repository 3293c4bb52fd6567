package sha256d_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// TestKernelsAreGenerated runs the generator: the assembly is what it prints, to
// the byte, so whoever has read the generator has read the assembly.
func TestKernelsAreGenerated(t *testing.T) {
	var got, complaints bytes.Buffer
	gen := exec.CommandContext(t.Context(), "go", "run", "./gen")
	gen.Stdout, gen.Stderr = &got, &complaints
	if err := gen.Run(); err != nil {
		t.Fatalf("%v\n%s", err, complaints.Bytes())
	}
	want, err := os.ReadFile("kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error(`kernels_amd64.s is not what the generator prints: run "go generate ./internal/sha256d"`)
	}
}
