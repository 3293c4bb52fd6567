package bench_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/peer"
	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sys/unix"

	"blockgate/adapter/link"
	"blockgate/adapter/session"
	"blockgate/internal/btc"
)

// receiver takes blocks of a sender in one way.
type receiver struct {
	name   string
	begin  func(ctx context.Context, addr string) (ask func([]btc.Hash) error, got <-chan int, err error)
	sender string        // its address
	cpu    time.Duration // the least a round took, user and system
	allocs float64       // a block, of that round
}

// BenchmarkReceive takes blocks of 1.9 MB over loopback from another process, in turns:
//
//	ours-v1, ours-v2   link and session, bodies released at once
//	btcd-v1, btcd-v2   btcd/peer as it is, which decodes each block
//
// What counts is the processor time of this process: bytes that come in are the same, and
// so is the kernel's work.
func BenchmarkReceive(b *testing.B) {
	const rounds, each = 4, 3 * sentBlocks
	hashes := slices.Collect(maps.Keys(sentChain(b)))
	v1, v2 := startSender(b, "v1"), startSender(b, "v2")
	receivers := []*receiver{
		{name: "ours-v1", begin: beginOurs(false), sender: v1},
		{name: "btcd-v1", begin: beginBtcd(false), sender: v1},
		{name: "ours-v2", begin: beginOurs(true), sender: v2},
		{name: "btcd-v2", begin: beginBtcd(true), sender: v2},
	}
	for _, r := range receivers {
		r.cpu = math.MaxInt64
	}
	for range rounds {
		for _, r := range receivers {
			if err := r.round(b.Context(), hashes, each); err != nil {
				b.Fatalf("%s: %v", r.name, err)
			}
		}
	}
	perGB := func(r *receiver) float64 { return r.cpu.Seconds() / (each * sentSize) * 1e9 }
	for _, r := range receivers {
		b.Run(r.name, func(b *testing.B) {
			b.ReportMetric(perGB(r), "cpu-s/GB")
			b.ReportMetric(r.allocs, "allocs/block")
			b.ReportMetric(0, "ns/op")
		})
	}
	b.Logf("v1 takes %.2f, v2 %.2f of btcd's processor time", perGB(receivers[0])/perGB(receivers[1]), perGB(receivers[2])/perGB(receivers[3]))
}

// round takes blocks, 16 asked for at a time, and keeps the least processor time.
func (r *receiver) round(ctx context.Context, hashes []btc.Hash, blocks int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ask, got, err := r.begin(ctx, r.sender)
	if err != nil {
		return err
	}
	take := func(blocks int) error {
		for done := 0; done < blocks; {
			batch := hashes[done%len(hashes):][:16]
			if err := ask(batch); err != nil {
				return err
			}
			for range batch {
				select {
				case size := <-got:
					if size < sentSize {
						return fmt.Errorf("%d bytes", size)
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			done += len(batch)
		}
		return nil
	}
	if err := take(len(hashes)); err != nil { // warm
		return err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := processorTime()
	err = take(blocks)
	cpu := processorTime() - begin
	runtime.ReadMemStats(&after)
	if err == nil && cpu < r.cpu {
		r.cpu, r.allocs = cpu, float64(after.Mallocs-before.Mallocs)/float64(blocks)
	}
	return err
}

// processorTime returns what this process has used.
func processorTime() time.Duration {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// beginOurs connects link and session.
func beginOurs(v2 bool) func(context.Context, string) (func([]btc.Hash) error, <-chan int, error) {
	return func(ctx context.Context, addr string) (func([]btc.Hash) error, <-chan int, error) {
		sock, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		if v2 {
			if sock, err = link.Encrypt(ctx, sock, btc.Mainnet.Params().Magic); err != nil {
				return nil, nil, err
			}
		}
		budget, err := link.NewBudget(64<<20, 16<<20)
		if err != nil {
			return nil, nil, err
		}
		got, ready := make(chan int, 64), make(chan struct{})
		s := session.Start(ctx, sock, session.Config{
			Params: btc.Mainnet.Params(), Manual: true, Budget: budget,
			Want: func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Wanted },
			Events: func(e session.Event) {
				switch e := e.(type) {
				case session.Ready:
					close(ready)
				case *session.Block:
					got <- e.Block.Size()
					e.Block.Release()
				}
			},
		})
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, nil, errors.New("no handshake")
		}
		return s.GetData, got, nil
	}
}

// beginBtcd connects btcd's peer.
func beginBtcd(v2 bool) func(context.Context, string) (func([]btc.Hash) error, <-chan int, error) {
	return func(ctx context.Context, addr string) (func([]btc.Hash) error, <-chan int, error) {
		got, ready := make(chan int, 64), make(chan struct{})
		cfg := &peer.Config{
			ChainParams: &chaincfg.MainNetParams, UserAgentName: "bench", UserAgentVersion: "1", DisableRelayTx: true, UsingV2Conn: v2,
			Listeners: peer.MessageListeners{
				OnVerAck: func(*peer.Peer, *wire.MsgVerAck) { close(ready) },
				OnBlock:  func(_ *peer.Peer, _ *wire.MsgBlock, raw []byte) { got <- len(raw) },
			},
		}
		if v2 {
			cfg.Services = wire.SFNodeP2PV2
		}
		p, err := peer.NewOutboundPeer(cfg, addr)
		if err != nil {
			return nil, nil, err
		}
		sock, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		p.AssociateConnection(sock)
		context.AfterFunc(ctx, p.Disconnect)
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, nil, errors.New("no handshake")
		}
		return func(hashes []btc.Hash) error {
			m := wire.NewMsgGetData()
			for _, h := range hashes {
				hash := chainhash.Hash(h)
				if err := m.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessBlock, &hash)); err != nil {
					return err
				}
			}
			p.QueueMessage(m, nil)
			return nil
		}, got, nil
	}
}
