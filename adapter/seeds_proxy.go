package adapter

import (
	"context"
	"log/slog"
	"net"
	"strconv"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/adapter/session"
	"blockgate/internal/btc"
)

// askSeedsByProxy finds addresses where no name may be looked up here. The name of a DNS
// seed leads the proxy to one of the nodes that the seed knows; that one is asked for
// addresses. They count as the seed's, and are hints as those are.
//
// Source: ThreadDNSAddressSeed and AddAddrFetch, Bitcoin Core v30.0 src/net.cpp.
func (s *shell) askSeedsByProxy(ctx context.Context) {
	for _, seed := range s.config.Params.DNSSeeds {
		s.working.Go(func() {
			limited, cancel := context.WithTimeout(ctx, seedFetchTimeout)
			defer cancel()
			found := node.SeedsFound{Name: seed}
			conn, err := s.dialSeed(limited, seed)
			if err != nil {
				s.log.WarnContext(ctx, "seed not reached", slog.String("seed", seed), slog.String("error", err.Error()))
				s.post(ctx, found)
				return
			}
			found.Addrs, found.Services = s.askForAddresses(limited, conn), addrbook.NodeNetwork|addrbook.NodeWitness
			s.log.InfoContext(ctx, "seed asked", slog.String("seed", seed), slog.Int("addresses", len(found.Addrs)))
			s.post(ctx, found)
		})
	}
}

// dialSeed connects to a node behind a seed's name: to one that speaks BIP-0324 if the seed
// knows such.
func (s *shell) dialSeed(ctx context.Context, seed string) (dialer.Conn, error) {
	services := addrbook.NodeNetwork | addrbook.NodeWitness
	dial := func(services uint64) (dialer.Conn, error) {
		name := net.JoinHostPort(addrbook.SeedName(seed, services), strconv.Itoa(int(s.config.Params.Port)))
		return s.dialer.Dial(ctx, dialer.Target{Name: name, Services: services})
	}
	conn, err := dial(services | addrbook.NodeP2PV2)
	if err != nil {
		conn, err = dial(services)
	}
	return conn, err
}

// askForAddresses asks a node for addresses, until it has told more than of itself, leaves,
// or ctx is done. It returns those that have whole blocks with witnesses.
func (s *shell) askForAddresses(ctx context.Context, conn dialer.Conn) []addrbook.Addr {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	var found []addrbook.Addr // touched by the session's events only, until it is done
	asked := make(chan struct{})
	ended := make(chan struct{})
	talk := session.Start(ctx, conn.Socket, session.Config{
		Params: s.config.Params, Brief: true, Budget: s.budget,
		Want: func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Unneeded },
		Events: func(event session.Event) {
			switch e := event.(type) {
			case session.Ready:
				close(asked)
			case session.Addrs:
				found = append(found, serving(e.Addrs)...)
				if len(e.Addrs) > 1 || len(found) >= addrbook.MaxHeard { // one is its own
					enough()
				}
			case session.Closed:
				close(ended)
			}
		},
	})
	select {
	case <-asked:
		_ = talk.GetAddr() // an error of it means that the session has ended
	case <-ended:
	}
	<-talk.Done()
	return found[:min(len(found), addrbook.MaxHeard)]
}

// serving returns the addresses of those that are said to have whole blocks with witnesses.
func serving(heard []addrbook.Heard) []addrbook.Addr {
	var addrs []addrbook.Addr
	for _, h := range heard {
		if h.Services&session.RequiredServices == session.RequiredServices {
			addrs = append(addrs, h.Addr)
		}
	}
	return addrs
}
