package fakepeer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
)

// guest is a client of a peer, with btcd's encoding, in a synctest bubble.
type guest struct {
	t     *testing.T
	conn  net.Conn
	magic wire.BitcoinNet
	peer  *Peer
	chain *Chain
}

// visit runs a test against a peer that plays a script.
func visit(t *testing.T, chain *Chain, script Script, test func(*guest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		chain := chain.Clone()
		p, err := New(chain, script)
		if err != nil {
			t.Fatal(err)
		}
		near, far := Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 8<<20)
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- p.Serve(ctx, far) }()
		test(&guest{t, near, wire.BitcoinNet(chain.Network().Params().Magic), p, chain})
		cancel()
		if err := <-served; err == nil {
			t.Error("Serve says nothing about why it ended")
		}
		if got := p.Stats().Connections; got != 0 {
			t.Errorf("%d connections at the end", got)
		}
	})
}

func (g *guest) send(m wire.Message) {
	g.t.Helper()
	if err := wire.WriteMessage(g.conn, m, 70016, g.magic); err != nil {
		g.t.Errorf("send %s: %v", m.Command(), err)
	}
}

// receive reads frames up to the next of the given command, checksum checked. It
// returns nil if none comes within ten minutes.
func (g *guest) receive(command string) []byte {
	g.t.Helper()
	if err := g.conn.SetReadDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		g.t.Fatal(err)
	}
	for {
		var head [24]byte
		if _, err := io.ReadFull(g.conn, head[:]); err != nil {
			return nil
		}
		if binary.LittleEndian.Uint32(head[:]) != uint32(g.magic) {
			return nil
		}
		payload := make([]byte, binary.LittleEndian.Uint32(head[16:]))
		if _, err := io.ReadFull(g.conn, payload); err != nil {
			return nil
		}
		sum := btc.DoubleSHA256(payload)
		if !bytes.Equal(head[20:], sum[:4]) {
			return nil
		}
		if string(bytes.TrimRight(head[4:16], "\x00")) == command {
			return payload
		}
	}
}

func (g *guest) handshake() {
	g.t.Helper()
	me := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	v := wire.NewMsgVersion(me, me, 1, 0)
	v.ProtocolVersion = 70016
	g.send(v)
	var got wire.MsgVersion
	if err := got.BtcDecode(bytes.NewBuffer(g.receive("version")), 70016, wire.BaseEncoding); err != nil {
		g.t.Fatalf("version: %v", err)
	}
	height, _ := g.chain.Tip()
	if got.LastBlock != int32(height) || got.ProtocolVersion != 70016 {
		g.t.Errorf("version: %+v", got)
	}
	if g.receive("verack") == nil {
		g.t.Fatal("no verack")
	}
	g.send(wire.NewMsgVerAck())
	synctest.Wait()
}

func (g *guest) ask(heights ...btc.Height) {
	g.t.Helper()
	m := wire.NewMsgGetData()
	for _, h := range heights {
		hash, _ := g.chain.At(h)
		iv := wire.InvVect{Type: wire.InvTypeWitnessBlock}
		copy(iv.Hash[:], hash[:])
		if err := m.AddInvVect(&iv); err != nil {
			g.t.Fatal(err)
		}
	}
	g.send(m)
}

func TestHonestPeer(t *testing.T) {
	c := First600()
	visit(t, c, Script{UserAgent: "/x/"}, func(g *guest) {
		g.handshake()
		g.send(wire.NewMsgPing(77))
		if got := g.receive("pong"); len(got) != 8 || got[0] != 77 {
			t.Errorf("pong %x", got)
		}
		g.send(wire.NewMsgGetHeaders())
		var m wire.MsgHeaders
		if err := m.BtcDecode(bytes.NewBuffer(g.receive("headers")), 70016, wire.BaseEncoding); err != nil || len(m.Headers) != 599 {
			t.Errorf("%d headers, %v", len(m.Headers), err)
		}
		g.send(wire.NewMsgGetAddr()) // ignored
		g.ask(1, 599)
		for _, h := range []btc.Height{1, 599} {
			if !bytes.Equal(g.receive("block"), raw(t, c, h)) {
				t.Errorf("block %d differs", h)
			}
		}
		unknown := wire.NewMsgGetData()
		if err := unknown.AddInvVect(&wire.InvVect{Type: wire.InvTypeTx}); err != nil {
			t.Fatal(err)
		}
		g.send(unknown)
		if got := g.receive("notfound"); len(got) != 37 || got[1] != byte(wire.InvTypeTx) {
			t.Errorf("notfound %x", got)
		}
		stats := g.peer.Stats()
		if stats.Handshakes != 1 || stats.Connections != 1 || stats.Sent != 2 || len(stats.Asked) != 3 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

func TestAnnounce(t *testing.T) {
	c := NewRegtest(Mining{Seed: 1})
	for _, asked := range []bool{false, true} {
		visit(t, c, Script{}, func(g *guest) {
			g.handshake()
			if asked {
				g.send(wire.NewMsgSendHeaders())
			}
			synctest.Wait()
			for _, n := range []int{1, maxAnnounce - 1, maxAnnounce, maxAnnounce + 1} {
				if err := g.chain.Mine(n); err != nil {
					t.Fatal(err)
				}
				_, tip := g.chain.Tip()
				if asked && n <= maxAnnounce {
					if got := g.receive("headers"); len(got) != 1+81*n {
						t.Errorf("%d blocks: headers of %d bytes", n, len(got))
					}
				} else if got := g.receive("inv"); len(got) != 37 || btc.Hash(got[5:]) != tip {
					t.Errorf("%d blocks: inv %x", n, got)
				}
			}
		})
	}
}

func TestLiesAsSent(t *testing.T) {
	c := First600()
	honest := raw(t, c, 586)
	tests := []struct {
		lie  Lie
		want []byte // as block 586; nil: none comes in a good frame
	}{
		{Honest, honest},
		{DoubledLastTx, doubleLastTx(c, honest, 586)},
		{TruncatedBody, honest[:len(honest)-1]},
		{WrongBody, join(honest[:80], raw(t, c, 585)[80:])},
		{UnsolicitedTx, honest},
		{BadChecksum, nil},
		{WrongMagic, nil},
		{Oversize, nil},
		{HalfBlock, nil},
		{Slow, honest},
		{Withhold, nil},
		{NotFound, nil},
		{UnknownCommands, honest},
		{NoServices, honest},
	}
	for _, test := range tests {
		t.Run(test.lie.String(), func(t *testing.T) {
			visit(t, c, Script{Lie: test.lie, At: 586, Delay: time.Minute}, func(g *guest) {
				g.handshake()
				g.ask(10)
				if !bytes.Equal(g.receive("block"), raw(t, c, 10)) {
					t.Error("a lie about another block")
				}
				g.ask(586)
				if got := g.receive("block"); !bytes.Equal(got, test.want) {
					t.Errorf("got %d bytes, want %d", len(got), len(test.want))
				}
			})
		})
	}
}

// TestSomeTx: what is sent as a transaction is one.
func TestSomeTx(t *testing.T) {
	visit(t, First600(), Script{Lie: UnsolicitedTx}, func(g *guest) {
		g.handshake()
		g.ask(1, 2)
		var tx wire.MsgTx
		rest := bytes.NewBuffer(g.receive("tx"))
		if err := tx.Deserialize(rest); err != nil || rest.Len() != 0 {
			t.Errorf("%v, %d bytes left", err, rest.Len())
		}
		for h := btc.Height(1); h <= 2; h++ {
			if !bytes.Equal(g.receive("block"), raw(t, g.chain, h)) {
				t.Errorf("no block %d after it", h)
			}
		}
	})
}

func TestLiesWithoutAsking(t *testing.T) {
	visit(t, First600(), Script{Lie: UnaskedBlocks}, func(g *guest) {
		g.handshake()
		for h := range btc.Height(700) {
			if got := g.receive("block"); !bytes.Equal(got, raw(t, g.chain, h%600)) {
				t.Fatalf("unasked block %d has %d bytes", h, len(got))
			}
		}
	})
	visit(t, First600(), Script{Lie: PingFlood}, func(g *guest) {
		g.handshake()
		for range 1000 {
			if len(g.receive("ping")) != 8 {
				t.Fatal("no ping")
			}
		}
	})
	visit(t, First600(), Script{Lie: Garbage}, func(g *guest) {
		g.handshake()
		if got := g.receive("block"); got != nil {
			t.Errorf("got %d bytes", len(got))
		}
	})
	visit(t, First600(), Script{Lie: Mute}, func(g *guest) {
		g.send(wire.NewMsgVerAck())
		if err := g.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n, err := g.conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Error("it speaks")
		}
	})
}

// TestGate: no block goes out before the gate opens, and other messages do.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the gate's channel must be of the bubble
		open := make(chan struct{})
		var asked []btc.Height
		p, err := New(First600(), Script{Gate: func(ctx context.Context, height btc.Height, _ btc.Hash) {
			asked = append(asked, height)
			select {
			case <-open:
			case <-ctx.Done():
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		near, far := Pipe(&net.TCPAddr{}, &net.TCPAddr{}, 8<<20)
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- p.Serve(ctx, far) }()
		g := &guest{t, near, wire.MainNet, p, p.chain}
		g.handshake()
		g.ask(5, 6)
		time.Sleep(time.Minute)
		g.send(wire.NewMsgPing(1))
		if g.receive("pong") == nil || g.peer.Stats().Sent != 0 {
			t.Error("want a pong and no block")
		}
		close(open)
		if !bytes.Equal(g.receive("block"), raw(t, p.chain, 5)) || !bytes.Equal(g.receive("block"), raw(t, p.chain, 6)) {
			t.Error("want both blocks in order")
		}
		cancel()
		if err := <-served; err == nil {
			t.Error("Serve says nothing about why it ended")
		}
		if len(asked) != 2 {
			t.Errorf("the gate was asked for %v", asked)
		}
	})
}

// TestGateEndsWithPeer: a closed gate does not keep a peer alive.
func TestGateEndsWithPeer(t *testing.T) {
	visit(t, First600(), Script{Gate: func(ctx context.Context, _ btc.Height, _ btc.Hash) { <-ctx.Done() }}, func(g *guest) {
		g.handshake()
		g.ask(1)
		synctest.Wait()
	})
}

func TestBadRequests(t *testing.T) {
	frame := func(command string, payload []byte) []byte {
		return newFrame(btc.Mainnet.Params().Magic, command, payload)
	}
	spoiled := frame("ping", make([]byte, 8))
	spoiled[20] ^= 1
	tests := []struct {
		name string
		send []byte
		ends bool
	}{
		{"unknown", frame("whatever", make([]byte, 100)), false},
		{"longest", frame("whatever", make([]byte, maxRequest)), false},
		{"too long", frame("whatever", make([]byte, maxRequest+1)), true},
		{"checksum", spoiled, true},
		{"magic", newFrame(1, "ping", nil), true},
		{"getdata cut", frame("getdata", []byte{1}), true},
		{"getdata empty", frame("getdata", nil), true},
		{"getdata of 2^64-1", frame("getdata", bytes.Repeat([]byte{255}, 9)), true},
		{"getheaders cut", frame("getheaders", make([]byte, 5)), true},
		{"getheaders empty", frame("getheaders", nil), true},
		{"second version", frame("version", nil), false},
		{"second verack", frame("verack", nil), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			visit(t, First600(), Script{}, func(g *guest) {
				g.handshake()
				if _, err := g.conn.Write(test.send); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if ended := g.peer.Stats().Connections == 0; ended != test.ends {
					t.Errorf("ended %t", ended)
				}
			})
		})
	}
}

func TestLocatorLimit(t *testing.T) {
	for n := maxLocator - 1; n <= maxLocator+1; n++ {
		b := btc.AppendCompactSize(make([]byte, 4), uint64(n))
		b = append(b, make([]byte, 32*(n+1))...)
		locator, _, err := parseGetHeaders(b)
		if (err == nil) != (n <= maxLocator) || err == nil && len(locator) != n {
			t.Errorf("%d hashes: %d, %v", n, len(locator), err)
		}
		for cut := range len(b) {
			if _, _, err := parseGetHeaders(b[:cut]); err == nil {
				t.Fatalf("%d hashes cut at %d are taken", n, cut)
			}
		}
	}
}

func TestScriptsThatDoNotFit(t *testing.T) {
	for _, test := range []struct {
		chain  *Chain
		script Script
		ok     bool
	}{
		{First600(), Script{Lie: DoubledLastTx}, true},
		{First600(), Script{Lie: DoubledLastTx, At: 586}, true},
		{First600(), Script{Lie: DoubledLastTx, At: 585}, false},
		{NewRegtest(Mining{}), Script{Lie: DoubledLastTx}, false},
		{NewRegtest(Mining{}), Script{Lie: NoServices}, true},
		{NewRegtest(Mining{}), Script{Lie: NoServices + 1}, false},
	} {
		if _, err := New(test.chain, test.script); (err == nil) != test.ok || err != nil && !errors.Is(err, errScript) {
			t.Errorf("%s at %d: %v", test.script.Lie, test.script.At, err)
		}
	}
	seen := map[string]bool{}
	for _, l := range append(Lies(), 200) {
		if name := l.String(); name == "" || seen[name] {
			t.Errorf("lie %d is called %q", l, name)
		} else {
			seen[name] = true
		}
	}
}

func TestListen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Listen(ctx, "127.0.0.2:0", First600(), Script{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(ctx, p.Addr().String(), First600(), Script{}); err == nil {
		t.Error("two peers listen on one address")
	}
	if _, err := Listen(ctx, "127.0.0.2:0", First600(), Script{Lie: 200}); !errors.Is(err, errScript) {
		t.Errorf("got %v", err)
	}
	var d net.Dialer
	refused := 0
	for range MaxConnections + 1 {
		conn, err := d.DialContext(ctx, "tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		g := &guest{t: t, conn: conn, magic: wire.MainNet}
		me := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
		_ = wire.WriteMessage(conn, wire.NewMsgVersion(me, me, 1, 0), 70016, wire.MainNet) // may be refused
		if g.receive("verack") == nil {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d connections refused, want 1", refused)
	}
	cancel()
	p.Close()
	if _, err := d.DialContext(t.Context(), "tcp", p.Addr().String()); err == nil {
		t.Error("still listening")
	}
}
