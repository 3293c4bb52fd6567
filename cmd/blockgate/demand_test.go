package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

func TestIdleAfterBounds(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		ok    bool
	}{
		{0, true}, {minIdleAfter - 1, false}, {minIdleAfter, true}, {minIdleAfter + 1, true}, {-1, false}, {-time.Hour, false}, {1000 * time.Hour, true},
	} {
		if err := checkIdleAfter(c.after); (err == nil) != c.ok || err != nil && codeOf(err) != exitUsage {
			t.Errorf("%s: %v", c.after, err)
		}
	}
}

// TestFollowDemand says when readers come and go, once each; an error changes nothing, but
// a journal that is gone is a wish for one.
func TestFollowDemand(t *testing.T) {
	t.Parallel()
	type answer struct {
		count int
		err   error
		says  string
	}
	answers := []answer{
		{0, nil, ""},
		{0, errNotOpen, ""},
		{1, nil, "true"},
		{7, nil, ""},
		{0, errors.New("no answer"), ""},
		{1, nil, ""},
		{0, nil, "false"},
		{0, nil, ""},
		{0, fmt.Errorf("look: %w", jetstream.ErrNoStream), "true"},
		{2, nil, ""},
		{0, nil, "false"},
	}
	ctx, cancel := context.WithCancel(t.Context())
	looks, demand, ended, next := make(chan time.Time), make(chan bool), make(chan struct{}), 0
	go func() {
		defer close(ended)
		followDemand(ctx, func(context.Context) (int, error) { a := answers[next]; next++; return a.count, a.err }, looks, demand, slog.New(slog.DiscardHandler))
	}()
	said := ""
	take := func(wanted bool) { said = fmt.Sprint(wanted) }
	late := time.After(patience)
	for i, a := range answers {
		for looked := false; !looked; {
			select {
			case looks <- time.Time{}: // the look before is done with
				looked = true
			case wanted := <-demand:
				take(wanted)
			case <-late:
				t.Fatalf("no look %d", i)
			}
		}
		if want := a.says; want != "" {
			select {
			case wanted := <-demand:
				take(wanted)
			case <-late:
				t.Fatalf("answer %d is not told", i)
			}
		}
		if said != a.says {
			t.Errorf("answer %d: it says %q, want %q", i, said, a.says)
		}
		said = ""
	}
	cancel()
	<-ended
}

// TestIdleAfter: a service without readers lets its peers go and is ready all the same;
// a reader that comes, and an order, wake it, and blocks flow again.
func TestIdleAfter(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 97, 20)
	one, two := listen(t, 97, chain, fakepeer.Script{}), listen(t, 98, chain, fakepeer.Script{})
	address := freeAddress(t)
	d := startDaemon(t, t.TempDir(), append(connectTo(one, two), "--network", "regtest", "--idle-after", "1s", "--http-listen", address)...)
	asleep := func() {
		t.Helper()
		eventually(t, "sleep", func() bool { return metric(t, address, "blockgate_idle") == "1" })
		if peers := d.peers().Peers; len(peers) != 0 {
			t.Errorf("%d peers while idle", len(peers))
		}
		if status, body := get(t, address, "/readyz"); status != http.StatusOK {
			t.Errorf("not ready while idle: %d, %s", status, body)
		}
		d.must("health")
	}
	eventually(t, "startup", func() bool { code, _ := d.command("health", "startup"); return code == 0 })
	asleep()
	if err := chain.Mine(5); err != nil { // that nobody fetches
		t.Fatal(err)
	}
	came := time.Now()
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(25)
	t.Logf("25 blocks %s after a reader came", time.Since(came).Round(time.Millisecond))
	f.at(chain)
	if err := chain.Mine(1); err != nil {
		t.Fatal(err)
	}
	f.connects(26)
	awake := func() {
		t.Helper()
		eventually(t, "waking", func() bool { return metric(t, address, "blockgate_idle") == "0" }) // as of the last tick
	}
	awake()
	f.reader.Close()
	asleep()

	if err := chain.Mine(1); err != nil {
		t.Fatal(err)
	}
	came = time.Now()
	eventually(t, "block after an order", func() bool { // on a busy machine one order may be over too soon
		d.must("connect", one.Addr().String())
		return metric(t, address, `blockgate_height{of="journal"}`) == "27"
	})
	t.Logf("block 27 %s after an order", time.Since(came).Round(time.Millisecond))
	awake()
	asleep()
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// metric returns the value of one series, "" if it is not there.
func metric(t *testing.T, address, name string) string {
	t.Helper()
	_, body := get(t, address, "/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
