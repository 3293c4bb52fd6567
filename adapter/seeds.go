package adapter

import (
	"context"
	"log/slog"
	"net"
	"net/netip"

	"blockgate/adapter/node"
)

// wantedServices prefixes a seed's name so that it answers with nodes that serve
// whole blocks with witnesses: NODE_NETWORK (1) and NODE_WITNESS (8), in hex.
//
// Source: ThreadDNSAddressSeed, Bitcoin Core v30.0 src/net.cpp.
const wantedServices = "x9."

// resolveSeeds looks up the network's DNS seeds, each under its own bound, and
// posts what they answer. A seed that knows no service bits is asked plainly.
func (s *shell) resolveSeeds(ctx context.Context) {
	params := s.config.Params
	for _, seed := range params.DNSSeeds {
		s.working.Go(func() {
			seedCtx, cancel := context.WithTimeout(ctx, seedTimeout)
			defer cancel()
			found, err := lookup(seedCtx, wantedServices+seed)
			if err != nil || len(found) == 0 {
				found, err = lookup(seedCtx, seed)
			}
			if err != nil {
				s.log.WarnContext(ctx, "seed not resolved", slog.String("seed", seed), slog.String("error", err.Error()))
				s.post(ctx, node.AddrsFound{Source: seed})
				return
			}
			addrs := make([]netip.AddrPort, 0, len(found))
			for _, addr := range found[:min(len(found), maxSeedAddrs)] {
				addrs = append(addrs, netip.AddrPortFrom(addr.Unmap(), params.Port))
			}
			s.log.InfoContext(ctx, "seed resolved", slog.String("seed", seed), slog.Int("addresses", len(addrs)))
			s.post(ctx, node.AddrsFound{Addrs: addrs, Source: seed})
		})
	}
}

func lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}
