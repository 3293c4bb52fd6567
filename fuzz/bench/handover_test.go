package bench_test

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/sandbox/ring"
)

// handoverSize is how many bytes are handed over: the largest block.
const handoverSize = 4_000_000

// handoverRole is the variable that makes a test binary the other end of a hand-over.
const handoverRole = "BLOCKGATE_TEST_HANDOVER"

// TestHandoverOtherEnd is no test: it is what BenchmarkHandover starts as the other end.
// It touches every cache line of what it gets, and answers.
func TestHandoverOtherEnd(t *testing.T) {
	var err error
	switch os.Getenv(handoverRole) {
	case "ring":
		err = serveRing()
	case "pipe":
		err = servePipe()
	default:
		t.Skip("started by BenchmarkHandover")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// touch reads one byte of every cache line.
func touch(b []byte) (sum uint64) {
	for i := 0; i < len(b); i += 64 {
		sum += uint64(b[i])
	}
	return sum
}

func serveRing() error {
	blocks, err := ring.OpenReader(4)
	if err != nil {
		return err
	}
	message := make([]byte, 16)
	for {
		n, err := unix.Read(3, message)
		if n <= 0 || err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(message, touch(blocks[:handoverSize]))
		if _, err := unix.Write(3, message); err != nil {
			return err
		}
	}
}

func servePipe() error {
	in, out := os.NewFile(3, "in"), os.NewFile(4, "out")
	body, message := make([]byte, handoverSize), make([]byte, 16)
	for {
		if _, err := io.ReadFull(in, body); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		binary.LittleEndian.PutUint64(message, touch(body))
		if _, err := out.Write(message); err != nil {
			return err
		}
	}
}

// otherEnd starts this test binary as the other end.
func otherEnd(tb testing.TB, role string, files ...*os.File) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0], "-test.run=^TestHandoverOtherEnd$")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, handoverRole) }), handoverRole+"="+role)
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	for _, f := range files {
		_ = f.Close()
	}
	tb.Cleanup(func() { _ = cmd.Wait() })
}

// BenchmarkHandover hands 4 MB to another process, which reads all of it, and waits for
// its answer: by a copy into the ring and a message, and by a pipe with the largest
// buffer. The two take turns in one run.
func BenchmarkHandover(b *testing.B) {
	body := make([]byte, handoverSize)
	for i := range body {
		body[i] = byte(i * i)
	}
	byRing, byPipe := ringHandover(b, body), pipeHandover(b, body)
	want := touch(body)
	var rings, pipes []time.Duration
	for range max(b.N, 200) {
		for _, way := range []struct {
			hand func() (uint64, error)
			took *[]time.Duration
		}{{byRing, &rings}, {byPipe, &pipes}} {
			begin := time.Now()
			got, err := way.hand()
			*way.took = append(*way.took, time.Since(begin))
			if err != nil || got != want {
				b.Fatalf("%d, %v, want %d", got, err, want)
			}
		}
	}
	slices.Sort(rings)
	slices.Sort(pipes)
	middle := len(rings) / 2
	b.ReportMetric(rings[middle].Seconds()*1e3, "ms-ring")
	b.ReportMetric(pipes[middle].Seconds()*1e3, "ms-pipe")
	b.ReportMetric(float64(rings[middle])/float64(pipes[middle]), "x-pipe")
	b.ReportMetric(float64(rings[0])/float64(pipes[0]), "x-pipe-fastest")
	b.ReportMetric(0, "ns/op")
}

func ringHandover(b *testing.B, body []byte) func() (uint64, error) {
	b.Helper()
	fd, err := unix.MemfdCreate("ring", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		b.Fatal(err)
	}
	r, err := ring.Create(fd, 2)
	if err != nil {
		b.Fatal(err)
	}
	shared, err := ring.ReopenReadOnly(fd)
	if err != nil {
		b.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	otherEnd(b, "ring", os.NewFile(uintptr(pair[1]), "jobs"), shared)
	b.Cleanup(func() { _ = errors.Join(unix.Close(pair[0]), unix.Close(fd)) })
	slot, _ := r.Take()
	message := make([]byte, 16)
	return func() (uint64, error) {
		copy(r.Bytes(slot, handoverSize), body)
		if _, err := unix.Write(pair[0], message); err != nil {
			return 0, err
		}
		_, err := unix.Read(pair[0], message)
		return binary.LittleEndian.Uint64(message), err
	}
}

func pipeHandover(b *testing.B, body []byte) func() (uint64, error) {
	b.Helper()
	theirIn, in, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, 1<<20); err != nil {
		b.Fatal(err)
	}
	otherEnd(b, "pipe", theirIn, theirOut)
	b.Cleanup(func() { _ = errors.Join(in.Close(), out.Close()) })
	message := make([]byte, 16)
	return func() (uint64, error) {
		if _, err := in.Write(body); err != nil {
			return 0, err
		}
		_, err := io.ReadFull(out, message)
		return binary.LittleEndian.Uint64(message), err
	}
}
