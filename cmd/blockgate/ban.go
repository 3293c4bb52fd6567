package main

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/ops"
)

// whoArgs name an address, with or without a port, or a range of them.
type whoArgs struct {
	Who     string `json:"who"`
	Seconds int64  `json:"for_seconds,omitempty"` // of a ban; 0: as long as any
}

// whom is what a person named: one of the two.
type whom struct {
	prefix netip.Prefix
	addr   addrbook.Addr
}

// parseWhom reads an address, address:port or a range. port stands for one that is not
// given.
func parseWhom(text string, port uint16) (whom, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return whom{prefix: prefix.Masked()}, nil
	}
	if addr, err := addrbook.ParseAddr(text); err == nil {
		return whom{addr: addr}, nil
	}
	addr, err := addrbook.ParseAddr(net.JoinHostPort(strings.Trim(text, "[]"), strconv.Itoa(int(port))))
	if err != nil || addr.Kind() == 0 {
		return whom{}, usagef("%.80q: want an address such as 192.0.2.1, [2001:db8::1]:8333 or x.onion:8333, or a range such as 192.0.2.0/24", text)
	}
	return whom{addr: addr}, nil
}

// handleWhom answers a verb that is an order about an address.
func (d *desk) handleWhom(verb string, port uint16, order func(request uint64, w whom, a whoArgs) node.Event) {
	d.control.Handle(verb, func(ctx context.Context, args []byte) (any, error) {
		var a whoArgs
		if err := ops.DecodeArgs(args, &a); err != nil {
			return nil, err
		}
		w, err := parseWhom(a.Who, port)
		if err != nil {
			return nil, err
		}
		if a.Seconds < 0 || a.Seconds > int64(node.MaxOperatorBanTime/time.Second) {
			return nil, usagef("--for: want 0 to %s", node.MaxOperatorBanTime)
		}
		_, err = d.ask(ctx, adapter.Request{Order: func(request uint64) node.Event { return order(request, w, a) }})
		return struct{}{}, err
	})
}

// handleAddresses adds the orders about addresses.
func (d *desk) handleAddresses(port uint16) {
	d.handleWhom(verbBan, port, func(request uint64, w whom, a whoArgs) node.Event {
		return node.OperatorBan{Request: request, Prefix: w.prefix, Addr: w.addr, For: time.Duration(a.Seconds) * time.Second}
	})
	d.handleWhom(verbUnban, port, func(request uint64, w whom, _ whoArgs) node.Event {
		return node.OperatorUnban{Request: request, Prefix: w.prefix, Addr: w.addr}
	})
	d.handleWhom(verbConnect, port, func(request uint64, w whom, _ whoArgs) node.Event {
		return node.OperatorConnect{Request: request, Addr: w.addr}
	})
}

const banLong = `Ends the connections of a running service to an address or a range of them, and
dials nobody there until the time is over, ` + "`blockgate unban`" + ` or the next start of
the adapter. An address of IPv6 stands for its /64; one that is not of IP, or that
was named by --connect, is banned with its port.`

const banExample = `  blockgate ban 192.0.2.7
  blockgate ban 2001:db8::/32 --for 720h`

func newBan() *cobra.Command {
	var lasts time.Duration
	cmd := newWhom(verbBan, "ban ADDR|RANGE", "Dial nobody at an address, and end what is there", banLong, banExample, func() (whoArgs, error) {
		if lasts < 0 || lasts > node.MaxOperatorBanTime || lasts%time.Second != 0 {
			return whoArgs{}, usagef("--for %s: want whole seconds, 0 to %s", lasts, node.MaxOperatorBanTime)
		}
		return whoArgs{Seconds: int64(lasts / time.Second)}, nil
	})
	cmd.Flags().DurationVar(&lasts, "for", node.DefaultBanTime, "how long")
	return cmd
}

func newUnban() *cobra.Command {
	return newWhom(verbUnban, "unban ADDR|RANGE", "End the bans of an address or within a range",
		"Ends the bans of a running service that are of the address or lie within the range, whoever\nmade them.",
		"  blockgate unban 192.0.2.7\n  blockgate unban 0.0.0.0/0", func() (whoArgs, error) { return whoArgs{}, nil })
}

func newConnect() *cobra.Command {
	return newWhom(verbConnect, "connect ADDR", "Name another peer to a running service",
		"Names a peer as `run --connect` does, until the next start of the adapter, and lifts\nbans of it. The adapter reaches only the ports that it was started with: the\nnetwork's and those of --connect, unless with --any-port.",
		"  blockgate connect 192.0.2.7\n  blockgate connect [2001:db8::1]:8333", func() (whoArgs, error) { return whoArgs{}, nil })
}

// newWhom makes a command that is an order about an address.
func newWhom(verb, use, short, long, example string, more func() (whoArgs, error)) *cobra.Command {
	s := &asking{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := more()
			if err != nil {
				return err
			}
			w, err := parseWhom(args[0], s.network.Params().Port)
			if err != nil {
				return err
			}
			if verb == verbConnect && w.prefix.IsValid() {
				return usagef("%s: want one address, not a range", args[0])
			}
			a.Who = args[0]
			if err := s.ask(cmd.Context(), verb, a, nil); err != nil {
				return err
			}
			return s.print(cmd, struct{}{}, func() string { return "done; `blockgate peers` shows what comes of it\n" })
		},
	}
	s.addFlags(cmd)
	return cmd
}
