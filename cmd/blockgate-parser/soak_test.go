package main

import (
	"bytes"
	"flag"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"blockgate/sandbox"
	"blockgate/sandbox/verdict"
)

// soak is how long a soak goes on. Source: a call that the policy lacks shows
// within seconds; what the runtime does every two minutes does not.
var soak = flag.Duration("soak", 15*time.Second, "how long parsers are kept busy")

// maxAnonBytes is how much memory of its own a parser may have after many blocks.
const maxAnonBytes = 40 << 20

// TestSoak keeps two parsers busy under every layer: a call that the policy lacks
// would kill them. One of them is told by its environment, which a parser has not
// otherwise, to collect garbage at every occasion and to tell of it.
func TestSoak(t *testing.T) {
	t.Parallel()
	length := *soak
	if testing.Short() {
		length = time.Second
	}
	var wg sync.WaitGroup
	for _, env := range [][]string{{}, {"GOGC=1", "GODEBUG=gctrace=1"}} {
		c := startWith(t, isolated(), env)
		wg.Go(func() { c.soak(t, length) })
	}
	wg.Wait()
}

// soak gives blocks, whole and broken ones, until the time is over.
func (c *cell) soak(t *testing.T, length time.Duration) {
	t.Helper()
	r := c.report(t)
	full, small := manyTransactions(16_000), manyTransactions(300)
	jobs := uint64(0)
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		for _, body := range [][]byte{full, small, full[:len(full)-1], small[:90]} {
			jobs++
			answer, _ := c.ask(t, jobs, body)
			if whole := len(body) == len(full) || len(body) == len(small); whole != (answer.Verdict == verdict.OK) {
				t.Errorf("job %d of %d bytes: %+v", jobs, len(body), answer)
			}
		}
	}
	if err := sandbox.Attest(c.Process.Pid, r); err != nil {
		t.Error(err)
	}
	anon := c.anonBytes(t)
	if anon > maxAnonBytes {
		t.Errorf("after %d jobs it holds %d bytes", jobs, anon)
	}
	_ = c.Process.Kill()
	_, said := c.exit(t)
	t.Logf("%d jobs, %d KiB of its own, %d collections", jobs, anon>>10, bytes.Count([]byte(said), []byte("gc ")))
}

// anonBytes is the memory that no other process shares, as the kernel counts it.
func (c *cell) anonBytes(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/status")
	if err != nil {
		t.Error(err)
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	fields := strings.Fields(rest)
	kib, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Error(err)
	}
	return kib << 10
}
