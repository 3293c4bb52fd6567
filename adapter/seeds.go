package adapter

import (
	"context"
	"log/slog"
	"net"
	"net/netip"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
)

// resolveSeeds looks up the network's DNS seeds, each under its own bound, and
// posts what they answer. A seed that knows no service bits is asked plainly.
func (s *shell) resolveSeeds(ctx context.Context) {
	params := s.config.Params
	if s.config.Dialer.Proxy.IsValid() {
		s.askSeedsByProxy(ctx)
		return
	}
	for _, seed := range params.DNSSeeds {
		s.working.Go(func() {
			seedCtx, cancel := context.WithTimeout(ctx, seedTimeout)
			defer cancel()
			services := addrbook.NodeNetwork | addrbook.NodeWitness
			found, err := lookup(seedCtx, addrbook.SeedName(seed, services))
			if err != nil || len(found) == 0 {
				services = 0
				found, err = lookup(seedCtx, seed)
			}
			if err != nil {
				s.log.WarnContext(ctx, "seed not resolved", slog.String("seed", seed), slog.String("error", err.Error()))
				s.post(ctx, node.SeedsFound{Name: seed})
				return
			}
			addrs := make([]addrbook.Addr, 0, len(found))
			for _, addr := range found[:min(len(found), maxSeedAddrs)] {
				addrs = append(addrs, addrbook.FromAddrPort(netip.AddrPortFrom(addr, params.Port)))
			}
			s.log.InfoContext(ctx, "seed resolved", slog.String("seed", seed), slog.Int("addresses", len(addrs)))
			s.post(ctx, node.SeedsFound{Name: seed, Addrs: addrs, Services: services})
		})
	}
}

func lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}
