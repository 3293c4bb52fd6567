package bench_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/fuzz"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/ring"
	"blockgate/supervisor"
)

// inFlight is how many blocks are under way at once in the variants called 16.
const inFlight = 16

// parsers is how many a service has at work, and so each pool here.
const parsers = 2

// BenchmarkCell measures what the wall costs, for each block and by the engine in pure
// Go and the best one:
//
//	inside-E    parser, rules and proof in this process
//	cell-E      the same by a confined parser, whose claim is read and proven here
//	inside16-E  16 at once, each with a parser of its own
//	cell16-E    16 at once, two confined parsers
//
// A block comes in pieces, and whoever walks it copies them together first: into the
// ring, or, inside, into memory of its own. So each variant begins with a copy.
func BenchmarkCell(b *testing.B) {
	corpus := openCorpus(b)
	rows, err := corpus.Rows()
	if err != nil {
		b.Fatal(err)
	}
	program := buildParser(b)
	cells := map[sha256d.Engine]*cells{}
	for _, e := range []sha256d.Engine{sha256d.EngineGo, sha256d.Best()} {
		if cells[e] == nil {
			cells[e] = startCells(b, program, e)
		}
	}
	for _, block := range blocks {
		body, err := corpus.Block(block.file)
		if err != nil {
			b.Fatal(err)
		}
		place := placeOf(rows, block.file)
		b.Run(block.name, func(b *testing.B) {
			c := &contest{size: len(body)}
			for _, e := range slices.Sorted(maps.Keys(cells)) {
				cell := cells[e]
				c.variants = append(c.variants,
					&variant{name: "inside-" + e.String(), run: inside(e, place, body)},
					&variant{name: "cell-" + e.String(), run: func() error { return cell.judge(place, body) }},
					&variant{name: "inside16-" + e.String(), run: sixteen(func() func() error { return inside(e, place, body) })},
					&variant{name: "cell16-" + e.String(), run: sixteen(func() func() error { return func() error { return cell.judge(place, body) } })},
				)
			}
			c.play(b, rounds/3)
			c.report(b)
			for _, e := range slices.Sorted(maps.Keys(cells)) {
				one, many := c.ratio("cell-"+e.String(), "inside-"+e.String()), c.ratio("cell16-"+e.String(), "inside16-"+e.String())
				more := c.of("cell-"+e.String()).fastest - c.of("inside-"+e.String()).fastest
				b.Logf("%s: one %.2f, %+.2f ms; 16 in flight %.2f", e, one, more.Seconds()*1e3, many)
			}
		})
	}
	b.Run("memory", func(b *testing.B) { cells[sha256d.Best()].memory(b, corpus) })
}

// placeOf returns where a block of the corpus stands.
func placeOf(rows []fuzz.Row, file string) fuzz.Place {
	for _, row := range rows {
		if row.File == file {
			return fuzz.Place{Network: row.Network, Height: row.Height, MedianTime: row.Time - 1}
		}
	}
	return fuzz.Place{}
}

// inside copies the body together and judges it in this process.
func inside(e sha256d.Engine, at fuzz.Place, body []byte) func() error {
	whole := make([]byte, len(body))
	judge, header := fuzz.NewJudgeWith(e), btc.Header(body)
	return func() error {
		copy(whole, body)
		if got := judge.Block(at, header, whole); !got.Accepted() {
			return errors.New(got.Reason)
		}
		return nil
	}
}

// sixteen runs as many at once as are in flight.
func sixteen(build func() func() error) func() error {
	var runs [inFlight]func() error
	for i := range runs {
		runs[i] = build()
	}
	return func() error {
		var errs [inFlight]error
		var wg sync.WaitGroup
		for i, run := range runs {
			wg.Go(func() { errs[i] = run() })
		}
		wg.Wait()
		return errors.Join(errs[:]...)
	}
}

// buildParser builds the parser as it is shipped.
func buildParser(tb testing.TB) string {
	tb.Helper()
	// What a shell or a test runner left open would count as a leak.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		tb.Fatal(err)
	}
	program := filepath.Join(tb.TempDir(), "blockgate-parser")
	build := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-o", program, "blockgate/cmd/blockgate-parser")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return program
}

// cells is a pool with its confined parsers.
type cells struct {
	pool *pool.Pool
	ring *ring.Ring
	pids []int
}

// startCells starts confined parsers behind a pool, in place of the supervisor, until
// the benchmark ends.
func startCells(tb testing.TB, program string, e sha256d.Engine) *cells {
	tb.Helper()
	fd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		tb.Fatal(err)
	}
	c := &cells{}
	if c.ring, err = ring.Create(fd, 2*inFlight); err != nil {
		tb.Fatal(err)
	}
	shared, err := ring.ReopenReadOnly(fd)
	if err != nil {
		tb.Fatal(err)
	}
	var conns []*os.File
	for range parsers {
		conns = append(conns, c.start(tb, program, shared))
	}
	c.pool, err = pool.New(pool.Config{
		Conns: conns, Ring: c.ring, Checker: func() *claim.Checker { return claim.NewChecker(sha256d.NewEngine(e), nil) },
		Kill: func(i int, _ uint32, why frame.Cause) { tb.Errorf("parser %d is to be killed: %s", i, why) },
	})
	if err = errors.Join(err, shared.Close(), unix.Close(fd)); err != nil {
		tb.Fatal(err)
	}
	for i := range parsers {
		c.pool.Ready(i, 1, "")
	}
	tb.Cleanup(func() { _ = c.pool.Close() }) // at which the parsers end
	return c
}

// start starts one parser, waits until it is confined and returns our end.
func (c *cells) start(tb testing.TB, program string, shared *os.File) *os.File {
	tb.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "jobs")
	parser := exec.CommandContext(tb.Context(), program, "--own-namespaces")
	parser.Env, parser.Dir, parser.ExtraFiles = []string{}, "/", []*os.File{theirs, shared}
	parser.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	sandbox.Isolate(parser.SysProcAttr)
	var said bytes.Buffer
	parser.Stderr = &said
	status, err := parser.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := parser.Start(); err != nil {
		tb.Skipf("this kernel gives no namespaces: %v", err)
	}
	tb.Cleanup(func() { _ = parser.Wait() })
	if n, err := status.Read(make([]byte, sandbox.MaxStatusBytes)); n == 0 || err != nil && !errors.Is(err, io.EOF) {
		_ = parser.Wait()
		tb.Fatalf("a parser is not ready: %v: %s", err, &said)
	}
	if err := errors.Join(theirs.Close(), unix.SetNonblock(pair[0], true)); err != nil {
		tb.Fatal(err)
	}
	c.pids = append(c.pids, parser.Process.Pid)
	return os.NewFile(uintptr(pair[0]), "parser")
}

// judge sends a block through the cell, as the adapter does once it is in.
func (c *cells) judge(at fuzz.Place, body []byte) error {
	slot, ok := c.ring.Take()
	if !ok {
		return errors.New("no slot")
	}
	defer c.ring.Release(slot)
	copy(c.ring.Bytes(slot, len(body)), body)
	_, _, err := c.pool.Check(context.Background(), pool.Job{
		Slot: slot, Len: len(body), Header: btc.Header(body[:btc.HeaderSize]), MedianTime: at.MedianTime,
		Context: claim.Context{Network: at.Network, Height: at.Height},
	})
	return err
}

// memory reports what parsers hold of their own after 10,000 blocks.
func (c *cells) memory(b *testing.B, corpus *fuzz.Corpus) {
	b.Helper()
	rows, err := corpus.Rows()
	if err != nil {
		b.Fatal(err)
	}
	const all = 10_000
	for i, block := range blocks {
		body, err := corpus.Block(block.file)
		if err != nil {
			b.Fatal(err)
		}
		place := placeOf(rows, block.file)
		for range all/len(blocks) + min(1, max(0, all%len(blocks)-i)) {
			if err := c.judge(place, body); err != nil {
				b.Fatalf("%s: %v", block.file, err)
			}
		}
	}
	most := 0
	for _, pid := range c.pids {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "RssAnon:")
		kib, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			b.Fatal(err)
		}
		most = max(most, kib)
	}
	b.ReportMetric(float64(most)/1024, "MB-anon")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStart measures the time from the decision to start a parser until the
// supervisor has checked that it is confined.
func BenchmarkStart(b *testing.B) {
	program := buildParser(b)
	fastest := time.Hour
	var all []time.Duration
	for range max(b.N, rounds) {
		begin := time.Now()
		solo, err := supervisor.StartSolo(supervisor.Config{ParserPath: program}, func(fd int) error {
			_, err := ring.Create(fd, 1)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(begin))
		fastest = min(fastest, all[len(all)-1])
		solo.Close()
	}
	b.ReportMetric(fastest.Seconds()*1e3, "ms-fastest")
	b.ReportMetric(median(all).Seconds()*1e3, "ms-median")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
