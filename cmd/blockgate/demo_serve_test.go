package main

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// TestDemoServes ensures that `demo --serve` stays up after the demo, that a reader
// without a key can follow it across a reorg, and that an interrupt ends it in
// order.
func TestDemoServes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	port, err := freePort(ctx)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + port
	demo := exec.CommandContext(ctx, filepath.Join(binDir, "blockgate"), "demo", "--serve", "--reorg-every", "3s", "--nats-listen", address)
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for serving := false; !serving; serving = strings.Contains(lines.Text(), "serving a regtest chain") {
		if !lines.Scan() {
			t.Fatalf("the demo ended before it served: %v, %v", lines.Err(), demo.Wait())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it says nothing more that matters

	reader, err := jetstream.Follow(ctx, jetstream.ReaderConfig{URL: "nats://" + address, Network: btc.Regtest, ID: defaultID})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var down, up int
	for up < down+1 || down == 0 {
		v, err := reader.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case v.Event.Kind == bus.Disconnect:
			down++
		case down > 0:
			up++
		}
	}
	if down > serveReorgDepth { // fewer, if the last ones had not come when the branch did
		t.Errorf("%d blocks were taken back, want at most %d", down, serveReorgDepth)
	}
	if err := demo.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := demo.Wait(); err != nil {
		t.Errorf("interrupted, it ended with %v", err)
	}
}
