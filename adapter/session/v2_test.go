package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/btcsuite/btcd/v2transport"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/adapter/link/bip324"
	"blockgate/internal/btc"
)

// bridge speaks v2 to a session, by btcd's transport, and v1 to a peer.
type bridge struct {
	t      *testing.T
	secret *v2transport.Peer
	plain  net.Conn
}

func (b *bridge) serve(sock net.Conn) {
	defer sock.Close()
	defer b.plain.Close()
	b.secret.UseReadWriter(sock)
	magic := v2transport.BitcoinNet(btc.Regtest.Params().Magic)
	if err := b.secret.RespondV2Handshake(1000, magic); err != nil {
		b.t.Errorf("respond: %v", err)
		return
	}
	if err := b.secret.CompleteHandshake(false, []int{10, 0}, magic); err != nil {
		b.t.Errorf("handshake: %v", err)
		return
	}
	go b.toSession(sock)
	for {
		contents, err := b.secret.V2ReceivePacket(nil)
		if err != nil {
			return
		}
		command, payload, err := bip324.Cut(contents)
		if err != nil {
			b.t.Errorf("from the session: %v", err)
			return
		}
		if _, err := b.plain.Write(frame(string(bytes.TrimRight(command[:], "\x00")), payload)); err != nil {
			return
		}
	}
}

func (b *bridge) toSession(sock net.Conn) {
	defer sock.Close()
	for {
		var head [24]byte
		if _, err := io.ReadFull(b.plain, head[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32(head[16:]))
		if _, err := io.ReadFull(b.plain, payload); err != nil {
			return
		}
		contents := append(bip324.AppendCommand(nil, [12]byte(head[4:16])), payload...)
		if _, _, err := b.secret.V2EncPacket(contents, nil, false); err != nil {
			return
		}
	}
}

// TestV2 syncs 300 blocks by the v2 transport: the engine behind it notices nothing,
// over more than one change of keys.
func TestV2(t *testing.T) {
	const blocks = 300
	mined := regtest(t, blocks)
	synctest.Test(t, func(t *testing.T) {
		chain := mined.Clone() // its channel must be of this bubble
		p, err := fakepeer.New(chain, fakepeer.Script{Lie: fakepeer.Honest})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		plain, peer := pipe()
		go func() { _ = p.Serve(ctx, peer) }()
		near, far := pipe()
		go (&bridge{t, v2transport.NewPeer(), plain}).serve(far)

		encrypted, err := link.Encrypt(ctx, near, btc.Regtest.Params().Magic)
		if err != nil {
			t.Fatal(err)
		}
		tb := &table{newRecorder(t), nil, p, chain}
		tb.s = Start(ctx, encrypted, tb.config(btc.Regtest))
		synctest.Wait()
		if err := tb.s.GetHeaders([]btc.Hash{btc.Regtest.Params().Genesis.Hash()}, btc.Hash{}); err != nil {
			t.Error(err)
		}
		tb.ask(blocks)
		if got := only[Headers](tb.recorder); len(got) != 1 || len(got[0].Headers) != blocks {
			t.Errorf("%d messages of headers", len(got))
		}
		for _, hash := range tb.hashes(1, blocks) {
			if raw, _, _ := chain.Block(hash); !bytes.Equal(tb.body(hash), raw) {
				t.Fatalf("block %s is not the one of the chain", hash)
			}
		}
		if tb.s.asked.any() {
			t.Error("a block is owed after all have come")
		}
		tb.s.Close(link.ReasonLocal, "end of test")
		<-tb.s.Done()
		tb.wantReason(link.ReasonLocal)
		cancel()
	})
}

// TestAskedAny follows what is owed from the first request to the last answer.
func TestAskedAny(t *testing.T) {
	var a asked
	if a.any() {
		t.Error("something is owed before the first request")
	}
	a.add(hashes(0, 2))
	for i := range 2 {
		if !a.any() {
			t.Errorf("nothing is owed after %d answers", i)
		}
		a.answered(hashOf(i))
	}
	if a.any() {
		t.Error("something is owed after the last answer")
	}
}
