package link

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// TestThousandDeclarations: a thousand peers each announce the longest message
// of a kind and send half of nothing. What they say costs no memory (W01).
func TestThousandDeclarations(t *testing.T) {
	declare := func(command string, size uint32) []byte {
		f := frame(command, nil)
		f[16], f[17], f[18], f[19] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
		return f
	}
	kinds := map[string][]byte{
		"headers": declare("headers", 162_003),
		"inv":     declare("inv", 36_003),
		"block":   append(declare("block", MaxPayload), blockBytes(Wanted, 200)...),
		"unknown": declare("whatever", MaxPayload),
	}
	for name, last := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const peers = 1000
				budget := newTestBudget(t, peers*MinBudget+MinBudget, MinBudget) // so that no block waits
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				var conns []*Conn
				for range peers {
					near, far := fakepeer.Pipe(&net.TCPAddr{}, &net.TCPAddr{}, 4096)
					conn := New(near, Config{
						Magic:   testMagic,
						Budget:  budget,
						Want:    func(btc.Hash, *btc.Header, int) WantAnswer { return Wanted },
						Deliver: RawBlock.Release,
					})
					go func() { _, _ = io.Copy(io.Discard, conn) }()
					if _, err := far.Write(append(handshake(), last...)); err != nil {
						t.Fatal(err)
					}
					conns = append(conns, conn)
				}
				synctest.Wait()
				runtime.GC()
				runtime.ReadMemStats(&after)
				perPeer := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / peers
				// Read buffer, copy buffer, pipe, first chunk of a block.
				if most := int64(readBufferSize + 32<<10 + 16<<10 + ChunkSize); perPeer > most {
					t.Errorf("%d bytes a peer, want at most %d", perPeer, most)
				}
				for _, c := range conns {
					c.End(ReasonLocal, "")
				}
			})
		})
	}
}

// TestManyPeersOneBudget: forty peers send more blocks than fit, a few of them
// urgent, consumers are slow; all get through and the budget holds.
func TestManyPeersOneBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const peers, each = 40, 5
		budget := newTestBudget(t, 2*MinBudget, MinBudget)
		blocks := make(chan RawBlock, peers*each)
		var conns []*Conn
		for i := range peers {
			near, far := fakepeer.Pipe(&net.TCPAddr{}, &net.TCPAddr{}, 64<<10)
			conn := New(near, Config{
				Magic:   testMagic,
				Budget:  budget,
				Want:    func(_ btc.Hash, h *btc.Header, _ int) WantAnswer { return answerBy(h) },
				Deliver: func(b RawBlock) { blocks <- b },
			})
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			answer := Wanted
			if i%10 == 0 {
				answer = Urgent
			}
			go func() {
				stream := append(handshake(), bytes.Repeat(frame("block", blockBytes(answer, 700_000+i)), each)...)
				if _, err := far.Write(stream); err != nil {
					t.Errorf("peer %d: %v", i, err)
				}
			}()
			conns = append(conns, conn)
		}
		for range peers * each {
			synctest.Wait()
			if used := budget.InUse(); used > 2*MinBudget {
				t.Fatalf("%d bytes in use", used)
			}
			(<-blocks).Release()
		}
		if budget.InUse() != 0 || budget.Waiting() != 0 {
			t.Errorf("%d bytes in use, %d wait", budget.InUse(), budget.Waiting())
		}
		for _, c := range conns {
			c.End(ReasonLocal, "")
		}
	})
}

// TestWritersDoNotMix: frames from many goroutines come out whole.
func TestWritersDoNotMix(t *testing.T) {
	sock := &replay{in: bytes.NewReader(nil)}
	conn := New(sock, Config{Magic: testMagic})
	const writers, each = 8, 100
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if err := conn.Inject(CommandOf("getdata"), bytes.Repeat([]byte{byte(w)}, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() { // the engine, in small pieces
		stream := bytes.Repeat(frame("ping", []byte("12345678")), each)
		for piece := range slices.Chunk(stream, 7) {
			if _, err := conn.Write(piece); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	seen := map[string]int{}
	for rest := sock.sent.Bytes(); len(rest) > 0; {
		whole, after, ok := cutFrame(rest)
		if !ok {
			t.Fatalf("%d bytes at the end are no frame", len(rest))
		}
		command := Command(whole[4:16]).String()
		if !bytes.Equal(whole, frame(command, whole[24:])) {
			t.Fatalf("broken frame %x", whole)
		}
		seen[command]++
		rest = after
	}
	if got := fmt.Sprint(seen); got != "map[getdata:800 ping:100]" {
		t.Errorf("sent %s", got)
	}
}

// endless is a socket that sends one stream again and again.
type endless struct {
	replay
	stream []byte
	at     int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.stream[e.at:])
	e.at = (e.at + n) % len(e.stream)
	return n, nil
}

// BenchmarkReceive takes wanted blocks of 1.9 MB from memory: header hash, SHA-256
// of the body for the checksum, one copy.
func BenchmarkReceive(b *testing.B) {
	budget := newTestBudget(b, 4*MinBudget, MinBudget)
	sock := &endless{stream: frame("block", blockBytes(Wanted, 1_900_000))}
	received := 0
	conn := New(sock, Config{
		Magic:   testMagic,
		Budget:  budget,
		Want:    func(btc.Hash, *btc.Header, int) WantAnswer { return Wanted },
		Deliver: func(block RawBlock) { received++; block.Release() },

		Owes:     func() bool { return true },
		Progress: func(btc.Hash, int, bool) {},
	})
	buf := make([]byte, 100)
	b.SetBytes(1_900_000)
	b.ReportAllocs()
	for b.Loop() {
		for had := received; had == received; {
			if _, err := conn.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
}
