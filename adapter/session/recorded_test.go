package session

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// recording is what one peer of Bitcoin Core's functional tests sent to a node.
type recording struct {
	test   string // of test/functional, without p2p_
	number int    // of the connection
	writes []recordedWrite
}

// recordedWrite are bytes, and how long they come after those before.
type recordedWrite struct {
	after time.Duration
	bytes []byte
}

// recordings reads testdata/recorded.jsonl.gz: a line for each write, in order. A long one is its first
// bytes, of which the last Period go on until it has Size.
func recordings(tb testing.TB) []recording {
	tb.Helper()
	file, err := os.Open("testdata/recorded.jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	var all []recording
	index := map[string]int{}
	for in := json.NewDecoder(unzipped); ; {
		var line struct {
			Test         string
			Conn, After  int // After: milliseconds since the write before
			Raw, Head    []byte
			Period, Size int
		}
		if err := in.Decode(&line); err == io.EOF {
			return all
		} else if err != nil {
			tb.Fatal(err)
		}
		key := fmt.Sprintf("%s %d", line.Test, line.Conn)
		if _, there := index[key]; !there {
			index[key] = len(all)
			all = append(all, recording{test: line.Test, number: line.Conn})
		}
		for period := line.Period; line.Size > len(line.Head); period *= 2 { // two periods are one too
			more := line.Head[len(line.Head)-period:]
			line.Head = append(line.Head, more[:min(len(more), line.Size-len(line.Head))]...)
		}
		r := &all[index[key]]
		after := time.Duration(line.After) * time.Millisecond
		r.writes = append(r.writes, recordedWrite{after, append(line.Raw, line.Head...)})
	}
}

// outcome is what came of a session.
type outcome struct {
	shook         bool // hands
	reason        link.Reason
	headers, invs int
	blocks        int
}

func (o outcome) String() string {
	var b strings.Builder
	if o.reason == link.ReasonNone {
		b.WriteString("stays")
	} else {
		b.WriteString(o.reason.String())
	}
	if !o.shook {
		b.WriteString(", no handshake")
	}
	for _, c := range []struct {
		count int
		what  string
	}{{o.headers, "headers"}, {o.invs, "inv"}, {o.blocks, "block"}} {
		if c.count > 0 {
			fmt.Fprintf(&b, ", %d %s", c.count, c.what)
		}
	}
	return b.String()
}

// replay plays one recording to a session and says what came of it.
func replay(t *testing.T, rec recording) (o outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 18444}, 256<<10)
		r := newRecorder(t)
		s := Start(t.Context(), near, r.config(btc.Regtest))
		go func() { _, _ = io.Copy(io.Discard, bufio.NewReader(far)) }()
		for _, write := range rec.writes {
			time.Sleep(write.after)
			if _, err := far.Write(write.bytes); err != nil {
				break // hung up on
			}
		}
		synctest.Wait()
		o = outcome{len(only[Ready](r)) > 0, r.closed().Reason, len(only[Headers](r)), len(only[BlockInv](r)), len(only[*Block](r))}
		if n := r.budget.InUse(); n != 0 {
			t.Errorf("%s %d: %d bytes of budget in use", rec.test, rec.number, n)
		}
		s.Close(link.ReasonLocal, "the end")
		<-s.Done()
		_ = far.Close()
	})
	return o
}

// TestRecorded plays what the hostile peers of Bitcoin Core's functional tests sent to a
// live session (W01, W02, W13, W14, M02, M05, M07, M12, M14, M18, M19, M22). A line of
// testdata/recorded.txt says what comes of each connection that ends or hands something
// on; the comment above it, what Core does, and where we differ why that is better. All
// others must stay.
func TestRecorded(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/recorded.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	comments := 0
	for line := range strings.Lines(string(golden)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "# Core") {
			comments++
		}
		if who, what, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, "#") {
			want[who] = what
			if comments == 0 {
				t.Errorf("nothing says what Core does about %s", who)
			}
		} else if line == "" {
			comments = 0
		}
	}
	all := recordings(t)
	if len(all) < 200 {
		t.Errorf("%d recordings, want at least 200", len(all))
	}
	for _, rec := range all {
		who := fmt.Sprintf("%s %d", rec.test, rec.number)
		expect, named := want[who]
		delete(want, who)
		if !named {
			expect = "stays"
		}
		if got := replay(t, rec).String(); got != expect {
			t.Errorf("%s: %s, want %s", who, got, expect)
		}
	}
	for who := range want {
		t.Errorf("%s: no such recording", who)
	}
}

// TestRecordedV2 plays what Core's peers that break BIP-0324 sent, as the answer to our
// own handshake (W15): none is taken for a node, and each ends within the limits.
func TestRecordedV2(t *testing.T) {
	t.Parallel()
	played := 0
	for _, rec := range recordings(t) {
		if rec.test != "v2_misbehaving" {
			continue
		}
		played++
		synctest.Test(t, func(t *testing.T) {
			near, far := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 18444}, 256<<10)
			go func() { _, _ = io.Copy(io.Discard, far) }()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for _, write := range rec.writes {
					time.Sleep(write.after)
					if _, err := far.Write(write.bytes); err != nil {
						return
					}
				}
			}()
			begin := time.Now()
			_, err := link.Encrypt(t.Context(), near, btc.Regtest.Params().Magic)
			var end *link.EndError
			if !errors.As(err, &end) || end.Reason != link.ReasonNoEncryption {
				t.Errorf("%d: %v, want %s", rec.number, err, link.ReasonNoEncryption)
			}
			if took := time.Since(begin); took > link.EncryptTimeout {
				t.Errorf("%d: ended after %s", rec.number, took)
			}
			_ = far.Close()
			<-sent
		})
	}
	if played < 10 {
		t.Errorf("%d recordings, want at least 10", played)
	}
}
