package fakepeer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"blockgate/internal/btc"
)

// Peer is a node that serves a chain by a script, to many clients at a time.
type Peer struct {
	chain  *Chain
	script Script

	// Set by Listen.
	addr netip.AddrPort
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	stats Stats
}

// Stats says what happened to a peer.
type Stats struct {
	// Connections is how many clients it has now, Handshakes how many ended their
	// handshake, ever.
	Connections, Handshakes int
	// Asked are the blocks that clients asked for, in order, the first 65,536.
	Asked []btc.Hash
	// Headers is how many headers went out in answers to getheaders.
	Headers int
	// Sent is how many block messages went out whole, lies included.
	Sent int
}

// New returns a peer that listens nowhere: see [Peer.Serve]. It returns an error
// if the script cannot be played on the chain.
func New(chain *Chain, script Script) (*Peer, error) {
	if err := script.check(chain); err != nil {
		return nil, err
	}
	return &Peer{chain: chain, script: script}, nil
}

// Listen returns a peer that serves on a TCP address, such as 127.0.0.2:0, until
// ctx is done or [Peer.Close].
func Listen(ctx context.Context, addr string, chain *Chain, script Script) (*Peer, error) {
	p, err := New(chain, script)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen as a peer: %w", err)
	}
	if p.addr, err = netip.ParseAddrPort(socket.Addr().String()); err != nil {
		return nil, fmt.Errorf("listen as a peer: %w", err)
	}
	ctx, p.stop = context.WithCancel(ctx)
	p.done = make(chan struct{})
	go p.accept(ctx, socket)
	return p, nil
}

// accept serves clients until ctx is done, and waits for all of them.
func (p *Peer) accept(ctx context.Context, socket net.Listener) {
	defer close(p.done)
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := socket.Accept()
		if err != nil {
			p.stop()
			return
		}
		if p.Stats().Connections >= MaxConnections {
			_ = conn.Close()
			continue
		}
		clients.Go(func() {
			_ = p.Serve(ctx, conn) // how a client left is no news
		})
	}
}

// Addr returns the address of a peer from [Listen].
func (p *Peer) Addr() netip.AddrPort { return p.addr }

// Close ends a peer from [Listen] and waits until nothing of it runs.
func (p *Peer) Close() {
	p.stop()
	<-p.done
}

// Stats returns what happened so far.
func (p *Peer) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Asked = append([]btc.Hash(nil), s.Asked...)
	return s
}

func (p *Peer) note(change func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.stats)
}
