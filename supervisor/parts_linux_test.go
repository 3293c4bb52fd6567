package supervisor

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/sandbox"
	"blockgate/sandbox/frame"
)

func TestBrake(t *testing.T) {
	b := parserBrake()
	for i, step := range []struct{ lived, want time.Duration }{
		{0, 50 * time.Millisecond},
		{time.Second - 1, 100 * time.Millisecond},
		{0, 200 * time.Millisecond},
		{time.Second, 0},
		{time.Hour, 0},
		{0, 50 * time.Millisecond},
	} {
		if got := b.next(step.lived); got != step.want {
			t.Errorf("step %d: a life of %s costs %s, want %s", i, step.lived, got, step.want)
		}
	}
	for _, b := range []brake{parserBrake(), roleBrake()} {
		last := time.Duration(0)
		for range 100 {
			got := b.next(0)
			if got < last || got > b.most {
				t.Fatalf("the pause went from %s to %s, at most %s", last, got, b.most)
			}
			last = got
		}
		if last != b.most {
			t.Errorf("the pause ends at %s, want %s", last, b.most)
		}
	}
}

// TestStarts: so many parsers at once, and so many a second, whoever comes when.
func TestStarts(t *testing.T) {
	const each = time.Second / startsPerSecond
	var s starts
	begun := time.Unix(1_000_000, 0)
	for i := range startBurst {
		if got := s.wait(begun); got != 0 {
			t.Fatalf("start %d waits %s", i, got)
		}
	}
	for i, want := range []time.Duration{each, 2 * each, 3 * each} {
		if got := s.wait(begun); got != want {
			t.Errorf("start %d waits %s, want %s", startBurst+i, got, want)
		}
	}
	if got := s.wait(begun.Add(3 * each)); got != each {
		t.Errorf("when all had their turn the next one waits %s, want %s", got, each)
	}
	now := begun.Add(time.Hour)
	for i := range startBurst {
		if got := s.wait(now); got != 0 {
			t.Fatalf("an hour later start %d waits %s", i, got)
		}
	}
	if got := s.wait(now); got != each {
		t.Errorf("an hour later start %d waits %s, want %s: a bucket holds no more", startBurst, got, each)
	}
	// Whatever the times are, none of length d has more than the burst and what d brings.
	var times []time.Time
	now = begun.Add(2 * time.Hour)
	for i := range 3000 {
		now = now.Add(time.Duration(i*i%97) * time.Millisecond / 10)
		times = append(times, now.Add(s.wait(now)))
	}
	for i := startBurst; i < len(times); i++ {
		if d := times[i].Sub(times[i-startBurst]); d < each {
			t.Fatalf("%d starts within %s", startBurst+1, d)
		}
		if first := times[0]; times[i].Sub(first) < time.Duration(i+1-startBurst)*each {
			t.Fatalf("%d starts within %s", i+1, times[i].Sub(first))
		}
	}
}

func TestFirstLine(t *testing.T) {
	for said, want := range map[string]string{
		"":                                     "",
		"one":                                  "one",
		"one\ntwo":                             "one",
		"\ntwo":                                "",
		"\x1b[31mred\x00\n":                    "?[31mred?",
		"caf\u00e9":                            "caf??",
		strings.Repeat("x", lineLimit):         strings.Repeat("x", lineLimit),
		strings.Repeat("x", lineLimit+1):       strings.Repeat("x", lineLimit),
		strings.Repeat("x", lineLimit) + "\ny": strings.Repeat("x", lineLimit),
	} {
		if got := firstLine([]byte(said)); got != want {
			t.Errorf("%.20q: %.40q, want %.40q", said, got, want)
		}
	}
}

// TestCauseFitsItsRecord: whatever a parser says, the record can be sent.
func TestCauseFitsItsRecord(t *testing.T) {
	starter := newStarter()
	defer starter.close()
	p, err := starter.start(spec{path: "/proc/self/exe", argv: []string{"test", "-test.run=^$", "-no-such-flag"}, env: []string{}, files: []*os.File{}})
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended
	for _, said := range []string{"", "panic: \"quoted\" \\ \x00\xff", strings.Repeat("\"", 5000), strings.Repeat("\u2028", 5000)} {
		cause := p.cause([]byte(said))
		if _, err := frame.AppendControl(nil, frame.Control{Kind: frame.ControlDied, Cause: frame.CauseExit, Generation: 1, Text: cause}); err != nil {
			t.Errorf("%.20q: %v", said, err)
		}
		if !strings.HasPrefix(cause, "exit status 2") {
			t.Errorf("%.20q: %q", said, cause)
		}
	}
	if p.code() != 2 || p.lived() <= 0 {
		t.Errorf("code %d after %s", p.code(), p.lived())
	}
	p.kill() // of one that ended: nothing
	p.stop(time.Hour)
}

func TestReadStatus(t *testing.T) {
	longest := strings.Repeat("x", sandbox.MaxStatusBytes)
	for _, c := range []struct {
		name, written, want string
		ok                  bool
	}{
		{"a line", "ready\n", "ready", true},
		{"an empty line", "\n", "", true},
		{"what follows is not read", "ready\nmore", "ready", true},
		{"the longest", longest + "\n", longest, true},
		{"one byte too long", longest + "x\n", "", false},
		{"no newline", "ready", "", false},
		{"nothing", "", "", false},
	} {
		ours, theirs, err := pipeToUs("status")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.WriteString(c.written); err != nil {
			t.Fatal(err)
		}
		_ = theirs.Close()
		got, err := readStatus(ours)
		if string(got) != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %.40q, %v", c.name, got, err)
		}
	}
}

// TestListenIsBounded floods: all is read, the beginning is kept.
func TestListenIsBounded(t *testing.T) {
	ours, theirs, err := pipeToUs("stderr")
	if err != nil {
		t.Fatal(err)
	}
	kept := make(chan []byte)
	go func() { kept <- listen(ours) }()
	if _, err := io.CopyN(theirs, zeros{}, 1<<20); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	if got := len(<-kept); got != stderrLimit {
		t.Errorf("%d bytes were kept", got)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestDrain(t *testing.T) {
	a, b, err := socketPair("jobs")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if err := drain(b); err != nil {
		t.Errorf("empty: %v", err)
	}
	for _, message := range []string{"one", strings.Repeat("x", 10_000), "", "three"} {
		if err := unix.Sendto(int(a.Fd()), []byte(message), 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := drain(b); err != nil {
		t.Errorf("four messages: %v", err)
	}
	if _, _, err := unix.Recvfrom(int(b.Fd()), make([]byte, 1), unix.MSG_DONTWAIT); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("something is left: %v", err)
	}
	// An adapter that dies with an answer unread resets the socket.
	if err := unix.Sendto(int(b.Fd()), []byte("answer"), 0, nil); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	for range 2 {
		if err := drain(b); err != nil {
			t.Errorf("closed: %v", err)
		}
	}
}

func TestControl(t *testing.T) {
	ours, theirs, err := controlPair("control")
	if err != nil {
		t.Fatal(err)
	}
	c := &control{file: ours}
	defer c.close()
	want := frame.Control{Kind: frame.ControlDied, Cause: frame.CauseCrash, Worker: 3, Generation: 9, Text: "why"}
	if err := c.send(want); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2*frame.ControlSize)
	n, err := unix.Read(int(theirs.Fd()), buf)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := frame.DecodeControl(buf[:n]); err != nil || got != want {
		t.Errorf("sent as %v, %v", got, err)
	}
	if err := c.send(frame.Control{}); !errors.Is(err, frame.ErrControl) {
		t.Errorf("no record was sent: %v", err)
	}
	for _, message := range [][]byte{buf[:1], buf[:frame.ControlSize-1], buf[:frame.ControlSize+1], buf} {
		if _, err := unix.Write(int(theirs.Fd()), message); err != nil {
			t.Fatal(err)
		}
		if _, err := c.receive(time.Now().Add(patience)); !errors.Is(err, frame.ErrControl) {
			t.Errorf("%d bytes: %v", len(message), err)
		}
	}
	if _, err := unix.Write(int(theirs.Fd()), buf[:n]); err != nil {
		t.Fatal(err)
	}
	if got, err := c.receive(time.Now().Add(patience)); err != nil || got != want {
		t.Errorf("received as %v, %v", got, err)
	}
	if _, err := c.receive(time.Now()); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing to receive: %v", err)
	}
	_ = theirs.Close()
	if _, err := c.receive(time.Time{}); !endOfStream(err) {
		t.Errorf("the other end is closed: %v", err)
	}
	c.close()
	if _, err := c.receive(time.Time{}); !endOfStream(err) {
		t.Errorf("this end is closed: %v", err)
	}
}

func TestProgramIsOutOfReach(t *testing.T) {
	file, err := openProgram("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if file.Fd() < lowestOwnDescriptor {
		t.Errorf("descriptor %d", file.Fd())
	}
	flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
}

func TestFatal(t *testing.T) {
	for code, want := range map[int]bool{-1: false, 0: false, 1: false, 2: true, 3: false, 4: true, 5: true, 6: true, 7: false} {
		if fatal(code) != want {
			t.Errorf("code %d is fatal: %v", code, !want)
		}
	}
	for _, c := range []struct {
		code, inRow int
		want        bool
	}{
		{4, 1, true},
		{5, 1, true},
		{2, 1, false},
		{2, maxStartCrashes - 1, false},
		{2, maxStartCrashes, true},
		{2, maxStartCrashes + 1, true},
		{-1, 100, false},
		{0, 100, false},
		{3, 100, false},
	} {
		if unfit(c.code, c.inRow) != c.want {
			t.Errorf("code %d, %d times in a row, makes parsers unfit: %v", c.code, c.inRow, !c.want)
		}
	}
	if got := (&ExitError{Code: 6, Role: "broker", Detail: "port taken"}).Error(); got != "broker: port taken" {
		t.Error(got)
	}
}
