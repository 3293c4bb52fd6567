package bench_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"math"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"blockgate/adapter/link"
	"blockgate/adapter/session"
	"blockgate/internal/btc"
)

const (
	// hostileRole makes TestSender a thousand liars.
	hostileRole = "hostile"
	// hostileTotal is how many connections there are, hostilePeers how many of them at
	// once, hostileKinds of how many kinds they are. Source: a service has at most 64
	// named peers, 125 others and a dozen that are there for moments.
	hostileTotal, hostilePeers, hostileKinds = 1000, 201, 6
	// hostileStay is how long one stays at most.
	hostileStay = 2 * time.Second
	// hostileGrowth is how many bytes they may cost.
	hostileGrowth = 64 << 20
)

// lie is what a hostile peer does on a connection, by its number.
func (s *sender) lie(n int) error {
	defer s.sock.Close()
	if n%hostileKinds == 0 { // says nothing, ever
		_, err := io.Copy(io.Discard, s.in)
		return err
	}
	for command := ""; command != "verack"; {
		var err error
		if command, _, err = s.receive(); err != nil {
			return err
		}
		if command == "version" {
			if err := s.send("version", versionPayload()); err != nil {
				return err
			}
			if err := s.send("verack", nil); err != nil {
				return err
			}
		}
	}
	switch n % hostileKinds {
	case 1: // reads 50 bytes a second, and has pings answered
		go func() {
			for s.send("ping", []byte("12345678")) == nil {
				<-time.After(2 * time.Second)
			}
		}()
		for {
			if _, err := io.CopyN(io.Discard, s.in, 50); err != nil {
				return err
			}
			<-time.After(time.Second)
		}
	case 2: // drips a block that nobody asked for
		return s.drip("block", link.MaxPayload, 1, 100*time.Millisecond)
	case 3: // half of the longest headers message
		return s.drip("headers", 3+2000*81, 81_000, time.Hour)
	case 4: // pings without end
		for {
			if err := s.send("ping", []byte("12345678")); err != nil {
				return err
			}
		}
	default: // what nobody knows, as long as can be
		return s.drip("unknown", link.MaxPayload, 64<<10, time.Millisecond)
	}
}

// drip declares a message and sends it piece by piece.
func (s *sender) drip(command string, size uint32, piece int, pause time.Duration) error {
	head := make([]byte, 24)
	binary.LittleEndian.PutUint32(head, btc.Mainnet.Params().Magic)
	copy(head[4:16], command)
	binary.LittleEndian.PutUint32(head[16:], size)
	if _, err := s.sock.Write(head); err != nil {
		return err
	}
	for left := int(size); left > 0; left -= piece {
		if _, err := s.sock.Write(make([]byte, min(piece, left))); err != nil {
			return err
		}
		<-time.After(pause)
	}
	return nil
}

// besiege connects to liars, and to others whenever one is gone, until there were
// hostileTotal and ctx is done. It returns when the first are there; wait waits for the rest.
func besiege(ctx context.Context, tb testing.TB, addr string) (wait func()) {
	tb.Helper()
	budget, err := link.NewBudget(64<<20, 16<<20)
	if err != nil {
		tb.Fatal(err)
	}
	var dialled atomic.Int64
	var connected, ended sync.WaitGroup
	connected.Add(hostilePeers)
	for range hostilePeers {
		ended.Go(func() {
			first := sync.OnceFunc(connected.Done)
			defer first()
			for ctx.Err() == nil || dialled.Load() < hostileTotal {
				sock, err := new(net.Dialer).DialContext(context.WithoutCancel(ctx), "tcp", addr)
				if err != nil {
					tb.Errorf("connection %d: %v", dialled.Load(), err)
					return
				}
				dialled.Add(1)
				s := session.Start(tb.Context(), sock, session.Config{
					Params: btc.Mainnet.Params(), Budget: budget,
					Want:   func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Wanted },
					Events: func(session.Event) {},
				})
				first()
				select {
				case <-s.Done():
				case <-time.After(hostileStay):
					s.Close(link.ReasonLocal, "let go")
					<-s.Done()
				}
			}
		})
	}
	connected.Wait()
	return ended.Wait
}

// resident returns the bytes of this process that are in memory.
func resident(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Fatal(err)
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(text)[1]), 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// siege receives from an honest peer, first alone, then among a thousand liars, and
// returns what either took and how much more memory the second did.
func siege(tb testing.TB, blocks int) (alone, besieged time.Duration, growth int64) {
	tb.Helper()
	hashes := slices.Collect(maps.Keys(sentChain(tb)))
	honest := &receiver{begin: beginOurs(false), sender: startSender(tb, "v1"), cpu: math.MaxInt64}
	run := func() time.Duration {
		begin := time.Now()
		if err := honest.round(tb.Context(), hashes, blocks); err != nil {
			tb.Fatal(err)
		}
		return time.Since(begin)
	}
	alone = min(run(), run())
	debug.FreeOSMemory()
	before := resident(tb)
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	wait := besiege(ctx, tb, startSender(tb, hostileRole))
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		peak := int64(0)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = max(peak, resident(tb))
			case <-stop:
				most <- peak
				return
			}
		}
	}()
	besieged = min(run(), run())
	cancel()
	wait()
	close(stop)
	return alone, besieged, <-most - before
}

// TestSiege: a thousand hostile connections, as many at once as a service can have, some of
// which read 50 bytes a second, take little memory while an honest peer is served.
func TestSiege(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector multiplies memory")
	}
	_, _, growth := siege(t, sentBlocks)
	t.Logf("%.1f MiB more", float64(growth)/(1<<20))
	if growth > hostileGrowth {
		t.Errorf("%d bytes more, the most is %d", growth, hostileGrowth)
	}
}

// BenchmarkSiege says what a thousand liars cost an honest peer.
func BenchmarkSiege(b *testing.B) {
	alone, besieged, growth := siege(b, 6*sentBlocks)
	b.ReportMetric(besieged.Seconds()/alone.Seconds(), "x-alone")
	b.ReportMetric(float64(growth)/(1<<20), "MiB-more")
	b.ReportMetric(0, "ns/op")
}
