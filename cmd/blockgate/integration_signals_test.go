package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// TestSignals: each signal that asks for an end gets one in order.
func TestSignals(t *testing.T) {
	t.Parallel()
	// Whoever started the tests may have SIGHUP ignored, as nohup does, and a process
	// hands that on; a signal that is handled is not ignored in a child.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	chain := regtest(t, 95, 2)
	peer := listen(t, 95, chain, fakepeer.Script{})
	for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest")...)
		follow(d, 0, genesis(btc.Regtest)).connects(2)
		children := descendants(t, d.process.Process.Pid)
		signalTo(t, d.process.Process.Pid, sent)
		if code := d.awaitEnd(); code != 0 {
			t.Errorf("exit code %d after %v", code, sent)
		}
		awaitGone(t, children)
		for _, role := range []string{"adapter stopped", "broker stopped"} {
			if r, _ := d.awaitMessage(role, 0); r.Cause != "exit status 0" {
				t.Errorf("after %v the log says %s", sent, r.text)
			}
		}
	}
}

// TestStopOfHungRoles: processes that do not do as they are told cannot keep the
// service from ending within 10 s.
func TestStopOfHungRoles(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 96, 2)
	peer := listen(t, 96, chain, fakepeer.Script{})
	d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest")...)
	follow(d, 0, genesis(btc.Regtest)).connects(2)
	children := descendants(t, d.process.Process.Pid)
	for _, pid := range children {
		signalTo(t, pid, syscall.SIGSTOP)
	}
	begun := time.Now()
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s to stop, want at most 10 s", took)
	}
	awaitGone(t, children)
}
