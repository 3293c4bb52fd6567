package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// shownPeer is a peer as `blockgate peers --json` prints it.
type shownPeer struct {
	ID          node.PeerID `json:"id"`
	Addr        string      `json:"addr"`
	Kind        string      `json:"kind"`
	State       string      `json:"state"`
	Why         string      `json:"why"`
	Transport   string      `json:"transport"` // v1 or v2, empty while dialling
	Services    []string    `json:"services"`
	UserAgent   string      `json:"user_agent"`
	StartHeight btc.Height  `json:"start_height"` // that it claimed
	Height      btc.Height  `json:"height"`       // that it showed
	InFlight    int         `json:"in_flight"`
	BytesIn     uint64      `json:"bytes_in"`
	BytesOut    uint64      `json:"bytes_out"`
	InPerSecond float64     `json:"bytes_in_per_second"`
	PingSeconds float64     `json:"ping_seconds"` // 0: not known yet
	Seconds     int64       `json:"seconds"`      // since the dial or the handshake
	Served      bool        `json:"served"`
	Protected   bool        `json:"protected"`
}

// shownBan is a ban as `blockgate peers --json` prints it.
type shownBan struct {
	Who     string `json:"who"`
	Seconds int64  `json:"seconds_left"`
}

// peersResult is the answer to [verbPeers].
type peersResult struct {
	Peers []shownPeer `json:"peers"`
	Bans  []shownBan  `json:"bans"`
}

// peers answers [verbPeers].
func (d *desk) peers(ctx context.Context, _ []byte) (any, error) {
	answer, err := d.ask(ctx, adapter.Request{Peers: true})
	if err != nil {
		return nil, err
	}
	now, result := time.Now(), peersResult{Peers: []shownPeer{}, Bans: []shownBan{}}
	for i := range answer.Peers {
		result.Peers = append(result.Peers, showPeer(&answer.Peers[i], now))
	}
	for _, b := range answer.Bans {
		result.Bans = append(result.Bans, shownBan{b.Who, int64(b.Until.Sub(now).Seconds())})
	}
	return result, nil
}

func showPeer(p *adapter.PeerTraffic, now time.Time) shownPeer {
	s := shownPeer{
		ID: p.ID, Addr: p.Addr.String(), Kind: p.Kind.String(), State: p.State, Why: p.Why, Services: serviceNames(p.Services), UserAgent: p.UserAgent,
		StartHeight: p.StartHeight, Height: p.Height, InFlight: p.InFlight, BytesIn: p.BytesIn, BytesOut: p.BytesOut, InPerSecond: p.InPerSecond,
		PingSeconds: p.Ping.Seconds(), Seconds: int64(max(0, now.Sub(p.Since)).Seconds()), Served: p.Served, Protected: p.Protected,
	}
	if p.Up {
		s.Transport = "v1"
		if p.Encrypted {
			s.Transport = "v2"
		}
	}
	return s
}

// services are the bits of a version message that have a name here.
//
// Source: ServiceFlags, Bitcoin Core v30.0 src/protocol.h.
var services = [...]struct { //nolint:gochecknoglobals // a table, never written
	bit  uint64
	name string
}{
	{1 << 0, "network"}, {1 << 2, "bloom"}, {1 << 3, "witness"}, {1 << 6, "compact-filters"}, {1 << 10, "network-limited"}, {1 << 11, "p2p-v2"},
}

// serviceNames names the bits; those without a name are one number.
func serviceNames(bits uint64) []string {
	names := []string{}
	for _, s := range services {
		if bits&s.bit != 0 {
			names, bits = append(names, s.name), bits&^s.bit
		}
	}
	if bits != 0 {
		names = append(names, fmt.Sprintf("0x%x", bits))
	}
	return names
}

const peersLong = `Lists the peers of a running service, and who is banned.

  KIND    manual (--connect, or ` + "`blockgate connect`" + `), block-relay, anchor, extra, feeler;
          observer and carrier are there for a transaction
  VIA     v1, or v2 for an encrypted connection (BIP-0324)
  HEIGHT  of the best header that it has shown to have
  OWES    blocks that were asked of it and are not here yet
  IN      bytes so far, and a second over the last ten
  PING    how long its last pong took
  STATE   dialling, waiting, syncing, ready, late, behind or suspect, and why

What a peer says of itself (services, agent) is a hint.`

const peersExample = `  blockgate peers
  blockgate peers --datadir /var/lib/blockgate --json | jq '.peers[] | select(.state != "ready")'`

func newPeers() *cobra.Command {
	s := &asking{}
	cmd := &cobra.Command{
		Use: "peers", Short: "List the peers of a running service", Long: peersLong, Example: peersExample,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var result peersResult
			if err := s.ask(cmd.Context(), verbPeers, nil, &result); err != nil {
				return err
			}
			return s.print(cmd, result, result.text)
		},
	}
	s.addFlags(cmd)
	return cmd
}

// maxShownBans is how many bans people see; --json has all.
const maxShownBans = 20

// text is a table for people.
func (r *peersResult) text() string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ADDRESS\tKIND\tVIA\tHEIGHT\tOWES\tIN\tPING\tFOR\tSTATE") // a Builder never errs
	for i := range r.Peers {
		p := &r.Peers[i]
		ping, via, state := "-", "-", p.State
		if p.PingSeconds > 0 {
			ping = fmt.Sprintf("%.0fms", 1000*p.PingSeconds)
		}
		if p.Transport != "" {
			via = p.Transport
		}
		if p.Why != "" {
			state += ": " + p.Why
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s %s/s\t%s\t%s\t%s\n", p.Addr, p.Kind, via, p.Height, p.InFlight,
			shortBytes(float64(p.BytesIn)), shortBytes(p.InPerSecond), ping, time.Duration(p.Seconds)*time.Second, state)
	}
	_ = table.Flush() // as above
	_, _ = fmt.Fprintf(&b, "%d peers, %d bans\n", len(r.Peers), len(r.Bans))
	for _, ban := range r.Bans[:min(len(r.Bans), maxShownBans)] {
		_, _ = fmt.Fprintf(&b, "banned: %s for another %s\n", ban.Who, time.Duration(ban.Seconds)*time.Second)
	}
	return b.String()
}

// shortBytes writes a number of bytes in three digits or so.
func shortBytes(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g%s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3gTB", n)
}
