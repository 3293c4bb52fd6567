package node_test

import (
	"encoding/binary"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// flooder is a node with one peer, ready and asked for headers.
type flooder struct {
	t    *testing.T
	node *node.Node
	now  time.Time
	peer node.PeerID
}

func newFlooder(t *testing.T) *flooder {
	t.Helper()
	f := &flooder{t: t, now: start}
	f.node = node.New(node.Config{Network: btc.Regtest, Connect: []addrbook.Addr{ipv4(11, 1, 0, 1, 18444)}})
	f.step(node.Tick{})
	f.step(node.PeerUp{Peer: f.peer, Services: 9})
	return f
}

// step returns how often headers are asked for, and why the peer goes.
func (f *flooder) step(e node.Event) (asks int, gone node.Reason) {
	f.t.Helper()
	for _, a := range f.node.Step(f.now, e) {
		switch a := a.(type) {
		case node.Dial:
			f.peer = a.Peer
		case node.GetHeaders:
			asks++
		case node.Disconnect:
			gone = a.Reason
		case node.Ban:
			f.t.Errorf("banned: %s", a.Reason)
		}
	}
	if broken := f.node.Broken(); broken != "" {
		f.t.Fatal(broken)
	}
	return asks, gone
}

func (f *flooder) headers(headers ...btc.Header) (asks int, gone node.Reason) {
	f.t.Helper()
	return f.step(node.HeadersReceived{Peer: f.peer, Headers: headers})
}

// unknown returns hashes that no block has.
func unknown(from, count int) []btc.Hash {
	hashes := make([]btc.Hash, count)
	for i := range hashes {
		binary.LittleEndian.PutUint64(hashes[i][:], uint64(from+i+1))
	}
	return hashes
}

// TestInvFlood: M01, M03. An inv of 1,000 unknown blocks is one reason to ask for headers,
// and while an answer is out none at all. Nothing of it is kept. A peer whose reasons come
// to nothing is asked ever less, and one that floods goes.
func TestInvFlood(t *testing.T) {
	f := newFlooder(t)
	first := line(btc.Regtest.Params().Genesis, 1, 1)[0]
	f.headers(first)
	inv := func(i int) (int, node.Reason) {
		return f.step(node.BlocksAnnounced{Peer: f.peer, Hashes: unknown(1000*i, 1000)})
	}
	if asks, _ := inv(0); asks != 1 {
		t.Fatalf("asked %d times for an inv of 1,000", asks)
	}
	for i := 1; i < 100; i++ {
		if asks, gone := inv(i); asks != 0 || gone != "" {
			t.Fatalf("inv %d while the answer is out: asked %d times, gone %q", i, asks, gone)
		}
	}
	asked := 0
	out := true
	for i := 100; i < 200; i++ { // each answer says nothing new
		asks, gone := 0, node.Reason("")
		if out {
			asks, gone = f.headers(first)
		}
		more, _ := inv(i)
		out = asks+more > 0
		if asked += asks + more; gone != "" {
			t.Fatalf("gone for %q after %d inv messages", gone, i)
		}
		f.now = f.now.Add(600 * time.Millisecond)
	}
	if asked > 12 {
		t.Errorf("asked %d times in a minute for nothing", asked)
	}
	gone := node.Reason("")
	for i := 0; i < 301 && gone == ""; i++ {
		_, gone = inv(i)
	}
	if gone != node.ReasonInvFlood {
		t.Errorf("gone for %q", gone)
	}
	if f.node.Headers() != 2 {
		t.Errorf("%d headers", f.node.Headers())
	}
}

// TestHeadersFlood: H08, H12. Headers that are known, again and again, end the connection;
// one in two seconds does not.
func TestHeadersFlood(t *testing.T) {
	chain := line(btc.Regtest.Params().Genesis, 20, 1)
	for _, c := range []struct {
		every time.Duration
		batch []btc.Header
		want  node.Reason
	}{
		{time.Second, chain, node.ReasonHeadersFlood},
		{time.Second, chain[:1], node.ReasonHeadersFlood},
		{2 * time.Second, chain, ""},
		{time.Second, nil, ""}, // no headers are an answer as good as any
	} {
		f := newFlooder(t)
		f.headers(chain...)
		var gone node.Reason
		for i := 0; i < 200 && gone == ""; i++ {
			_, gone = f.headers(c.batch...)
			f.now = f.now.Add(c.every)
		}
		if gone != c.want {
			t.Errorf("%d headers each %v: gone for %q, want %q", len(c.batch), c.every, gone, c.want)
		}
	}
}

// TestHeadersLoop: H08. A peer that gives full batches for ever, each new and none with
// more work than it has shown, is asked 8 times more and goes; one whose branch overtakes
// in time is read to the end.
func TestHeadersLoop(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("mines 80,000 headers")
	}
	genesis := btc.Regtest.Params().Genesis
	main := line(genesis, 10*btc.MaxHeaders, 1)
	for _, c := range []struct {
		from int // height of the fork
		want node.Reason
	}{{0, node.ReasonHeadersLoop}, {4 * btc.MaxHeaders, ""}} {
		f := newFlooder(t)
		for at := 0; at < len(main); at += btc.MaxHeaders {
			if asks, gone := f.headers(main[at : at+btc.MaxHeaders]...); asks != 1 || gone != "" {
				t.Fatalf("at %d: asked %d times, gone for %q", at, asks, gone)
			}
		}
		f.headers()
		on := genesis
		if c.from > 0 {
			on = main[c.from-1]
		}
		side := line(on, 10*btc.MaxHeaders, 2)
		var gone node.Reason
		asked := 0
		for at := 0; at < len(side) && gone == ""; at += btc.MaxHeaders {
			var asks int
			asks, gone = f.headers(side[at : at+btc.MaxHeaders]...)
			asked += asks
		}
		if gone != c.want || gone != "" && asked != 8 {
			t.Errorf("fork at %d: gone for %q after %d questions, want %q", c.from, gone, asked, c.want)
		}
	}
}
