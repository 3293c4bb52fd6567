package session

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/v2transport"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// hostile is a way to cost a session something. It has a connection to itself.
type hostile struct {
	name   string
	secret bool // the handshake of BIP-0324 is done before
	act    func(net.Conn)
}

// greeting is a handshake as a peer says it.
func greeting() []byte {
	return append(frame("version", version(70016, 9, "/hostile/")), frame("verack", nil)...)
}

// drips sends bytes by 50 a second, until the other side has gone.
func drips(conn net.Conn, all []byte) {
	for len(all) > 0 {
		n := min(len(all), 50)
		if _, err := conn.Write(all[:n]); err != nil {
			return
		}
		all = all[n:]
		time.Sleep(time.Second)
	}
}

// sips reads 50 bytes a second.
func sips(conn net.Conn) {
	var some [50]byte
	for {
		if _, err := io.ReadFull(conn, some[:]); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func hostiles() []hostile {
	headers := frame("headers", make([]byte, 160_000))
	return []hostile{
		{"says nothing", false, func(net.Conn) {}},
		{"drips its handshake", false, func(c net.Conn) { drips(c, greeting()) }},
		{"sips", false, func(c net.Conn) { _, _ = c.Write(greeting()); sips(c) }},
		{"drips headers", false, func(c net.Conn) { _, _ = c.Write(greeting()); drips(c, headers) }},
		{"pings and does not read", false, func(c net.Conn) {
			_, _ = c.Write(greeting())
			_, _ = c.Write(bytes.Repeat(frame("ping", make([]byte, 8)), link.MaxPings))
		}},
		{"floods", false, func(c net.Conn) {
			_, _ = c.Write(greeting())
			_, _ = c.Write(bytes.Repeat(frame("inv", counted(0)), 2*link.MaxMessages))
		}},
		{"drips a packet", true, func(c net.Conn) { drips(c, make([]byte, 4000)) }},
		{"says no version", true, func(net.Conn) {}},
	}
}

// memory is what is in use, on the heap and in stacks, in bytes.
func memory() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// beset starts a session with one hostile peer.
func beset(t testing.TB, h hostile, budget *link.Budget) (*Session, net.Conn) {
	t.Helper()
	near, far := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 4096)
	sock := near
	if h.secret {
		go func() {
			peer, magic := v2transport.NewPeer(), v2transport.BitcoinNet(btc.Regtest.Params().Magic)
			peer.UseReadWriter(far)
			_ = peer.RespondV2Handshake(0, magic)
			_ = peer.CompleteHandshake(false, nil, magic)
		}()
		encrypted, err := link.Encrypt(t.Context(), near, btc.Regtest.Params().Magic)
		if err != nil {
			t.Fatal(err)
		}
		sock = encrypted
	}
	s := Start(t.Context(), sock, Config{
		Params: btc.Regtest.Params(), Budget: budget, Events: func(Event) {},
		Want: func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Wanted },
	})
	go h.act(far)
	return s, far
}

// TestThousandHostile (W14, M18) keeps up a thousand sessions with peers that drip, sip,
// flood or say nothing, while an honest one gives all it is asked for: they take less than
// 64 MiB, what their side of the pipes takes among it, and each that can be told from an
// honest peer has ended after five minutes, by itself and with nothing left behind.
func TestThousandHostile(t *testing.T) {
	const sessions, blocks, most = hostileSessions, 300, hostileMemory
	withPeer(t, regtest(t, blocks), fakepeer.Script{}, func(tb *table) {
		before, kinds := memory(), hostiles()
		all, ends := make([]*Session, sessions), make([]net.Conn, sessions)
		for i := range all {
			all[i], ends[i] = beset(tb.t, kinds[i%len(kinds)], tb.budget)
		}
		time.Sleep(3 * time.Second)
		if took := memory() - before; took > most {
			t.Errorf("%d sessions take %d bytes, want %d at the most", sessions, took, most)
		} else {
			t.Logf("%d bytes a session", took/sessions)
		}
		asked := time.Now()
		tb.ask(blocks)
		if got := len(only[*Block](tb.recorder)); got != blocks || time.Since(asked) > time.Second {
			t.Errorf("the honest peer gave %d of %d blocks in %v", got, blocks, time.Since(asked))
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for i, s := range all {
			kind := kinds[i%len(kinds)].name
			if end := link.ReasonOf(s.link.Err()); end == link.ReasonNone || end == link.ReasonRemoteClosed {
				t.Errorf("%s: %v after five minutes", kind, end)
			}
			_ = ends[i].Close()
			<-s.Done()
		}
		time.Sleep(time.Minute)
	})
}
