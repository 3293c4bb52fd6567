package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
	"blockgate/sandbox"
)

const (
	// demoTime is how long the demo may take in all. It takes a few seconds.
	demoTime = 55 * time.Second
	// demoTip is the last block of the demo's chain and its hash.
	demoTip     = btc.Height(599)
	demoTipHash = "0000000042844571bc6bce8e1c0fbec99466971eaff89fef8c0d123582181d4d"
	// demoGateHeight is the first height that honest peers hold back until the
	// lies were seen.
	demoGateHeight = 200
	// demoPatience ends the gates, should a lie never be seen: the demo then
	// fails with the reason instead of hanging.
	demoPatience = 40 * time.Second
)

const demoLong = `Starts everything on loopback, with ports and a folder of its own that it removes
afterwards: broker, adapter, two confined parsers, a reader, and six peers that
speak the real protocol and serve the first 600 blocks of mainnet. Two are
honest, four lie, one lie each. It needs no Internet and ends by itself.

Exit code 0 only if the reader itself got heights 1..599 in order, each once, and
each liar was banned for its own reason, or as body-other where the block was proven
before its bytes were looked at, and no honest peer was.

With --serve it then stays up on a regtest chain that it mines itself, with
reorgs, so that you can try a reader of yours.`

const demoExample = `  blockgate demo
  blockgate demo --serve --reorg-every 20s`

type demoSettings struct {
	serve      bool
	reorgEvery time.Duration
	natsListen string
	noLandlock bool
	parserPath string
}

func newDemo() *cobra.Command {
	s := &demoSettings{}
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "See the whole path work on loopback, liars included",
		Long:    demoLong,
		Example: demoExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.reorgEvery < time.Second {
				return usagef("--reorg-every %s: want 1s or more", s.reorgEvery)
			}
			if err := checkLoopback(s.natsListen); err != nil {
				return err
			}
			if err := runDemo(cmd, s); err != nil || !s.serve {
				return err
			}
			return serveDemo(cmd, s)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&s.serve, "serve", false, "stay up afterwards on a regtest chain with reorgs")
	flags.DurationVar(&s.reorgEvery, "reorg-every", 20*time.Second, "with --serve: how often a heavier branch comes")
	flags.StringVar(&s.natsListen, "nats-listen", defaultNatsListen, "with --serve: where the broker listens")
	flags.BoolVar(&s.noLandlock, "allow-no-landlock", false, "run the cells without Landlock")
	flags.StringVar(&s.parserPath, "parser", "", "path of blockgate-parser (default: beside this binary)")
	return cmd
}

// demoPeer is one of the demo's peers and what must become of it.
type demoPeer struct {
	name   string
	lie    fakepeer.Lie
	at     btc.Height
	reason string // of its ban, "" for an honest peer

	peer   *fakepeer.Peer
	caught chan struct{} // closed when the service said that it saw the lie
	once   sync.Once
}

// catch notes that the service saw the lie.
func (p *demoPeer) catch() { p.once.Do(func() { close(p.caught) }) }

// demoCast are the demo's peers, one a loopback address from 127.0.0.2 on.
func demoCast() []*demoPeer {
	cast := []*demoPeer{
		{name: "honest one", lie: fakepeer.Honest},
		{name: "honest two", lie: fakepeer.Honest},
		{name: "doubles the last transaction of block 586 (CVE-2012-2459)", lie: fakepeer.DoubledLastTx, at: 586, reason: "body-mutated"},
		{name: "cuts bodies short", lie: fakepeer.TruncatedBody, reason: "body-malformed"},
		{name: "sends another block's body", lie: fakepeer.WrongBody, reason: "body-merkle"},
		{name: "pushes a transaction nobody asked for", lie: fakepeer.UnsolicitedTx, reason: "unrequested-tx"},
	}
	for _, p := range cast {
		p.caught = make(chan struct{})
	}
	return cast
}

// runDemo runs the demo once and judges it.
func runDemo(cmd *cobra.Command, s *demoSettings) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), demoTime)
	defer cancel()
	out := cmd.OutOrStdout()
	if err := checkWall(s.noLandlock); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "blockgate-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	say(out, "blockgate demo: 600 real mainnet blocks, 2 honest peers, 4 liars; minimum chain work is 0 here\n")
	cast := demoCast()
	stop, err := startCast(ctx, cast)
	defer stop()
	if err != nil {
		return err
	}
	service, err := startService(ctx, serviceArgs(s, dir, cast), s.parserPath, watchCast(cast))
	if err != nil {
		return err
	}
	defer service.stop() //nolint:errcheck // only if something below panics
	got, readErr := readDemo(ctx, out, dir, service)
	if readErr == nil {
		service.awaitLog(ctx, len(cast)-2, int(demoTip))
	}
	if err := service.stop(); err != nil && readErr == nil {
		readErr = err
	}
	return judgeDemo(out, cast, service, got, readErr)
}

// checkWall says at once if this kernel lacks a layer that the cell needs.
func checkWall(noLandlock bool) error {
	for _, layer := range sandbox.Probe() {
		if layer.Required && !layer.Holds() && !(noLandlock && layer.Name == sandbox.LayerLandlock) {
			return &sandbox.MissingError{Layer: layer.Name, Detail: layer.Detail}
		}
	}
	return nil
}

// startCast starts the peers. Honest ones hold their later blocks back until the
// service has seen every lie, so that each is told and none comes too late.
func startCast(ctx context.Context, cast []*demoPeer) (stop func(), err error) {
	patience, cancel := context.WithTimeout(ctx, demoPatience)
	stop = func() {
		cancel()
		for _, p := range cast {
			if p.peer != nil {
				p.peer.Close()
			}
		}
	}
	chain := fakepeer.First600()
	for i, p := range cast {
		script := fakepeer.Script{Lie: p.lie, At: p.at}
		if p.reason == "" {
			script.Gate = func(ctx context.Context, height btc.Height, _ btc.Hash) { holdBack(ctx, patience, cast, height) }
		}
		if p.peer, err = fakepeer.Listen(ctx, fmt.Sprintf("127.0.0.%d:0", i+2), chain, script); err != nil {
			return stop, fmt.Errorf("start the demo's peer %q: %w", p.name, err)
		}
	}
	return stop, nil
}

// holdBack waits until each lie was seen that would come too late if the block at
// height were sent now.
func holdBack(ctx, patience context.Context, cast []*demoPeer, height btc.Height) {
	for _, p := range cast {
		if p.reason == "" || height < demoGateHeight || p.at != 0 && p.at != height {
			continue
		}
		select {
		case <-p.caught:
		case <-patience.Done():
		case <-ctx.Done():
		}
	}
}

// watchCast tells the peers what the service says of them.
func watchCast(cast []*demoPeer) func(logLine) {
	return func(l logLine) {
		if l.Msg != "body not proven" && l.Msg != "peer banned" {
			return
		}
		for _, p := range cast {
			if p.peer.Addr() == l.Peer {
				p.catch()
			}
		}
	}
}

// serviceArgs are the arguments of the demo's `blockgate run`.
func serviceArgs(s *demoSettings, dir string, cast []*demoPeer) []string {
	args := []string{"--network", "mainnet", "--datadir", dir, "--minimum-chain-work", "0", "--start-height", "1", "--journal-size", "64MiB"}
	for _, p := range cast {
		args = append(args, "--connect", p.peer.Addr().String())
	}
	if s.noLandlock {
		args = append(args, "--allow-no-landlock", "--"+demoFlag)
	}
	return args
}

// demoRead is what the demo's reader got.
type demoRead struct {
	blocks  int
	tip     btc.Height
	tipHash btc.Hash
	inOrder bool // heights 1, 2, 3 ... each once
}

// readDemo follows the journal to the demo's tip, checking every block, and says
// how far it is.
func readDemo(ctx context.Context, out io.Writer, dir string, service *service) (demoRead, error) {
	got := demoRead{inOrder: true}
	if err := service.awaitBus(ctx); err != nil {
		return got, err
	}
	access, err := readBusAccess(dir)
	if err != nil {
		return got, err
	}
	reader, err := jetstream.Follow(ctx, jetstream.ReaderConfig{
		URL: access.URL, Credentials: jetstream.Credentials{NKeySeed: []byte(access.Seed)}, Network: access.Network, ID: access.ID,
	})
	if err != nil {
		return got, fmt.Errorf("follow the journal: %w", err)
	}
	defer reader.Close()
	ctx, cancel := service.context(ctx)
	defer cancel()
	said := time.Time{}
	for got.tip < demoTip {
		verified, err := reader.Next(ctx)
		if err != nil {
			return got, errors.Join(fmt.Errorf("the reader stopped after height %d: %w", got.tip, err), service.failure())
		}
		got.add(&verified)
		if now := time.Now(); now.Sub(said) > time.Second || got.tip == demoTip {
			said = now
			say(out, "  reader: %d of %d blocks verified; banned so far: %d\n", got.blocks, demoTip, len(service.bans()))
		}
	}
	return got, nil
}

func (d *demoRead) add(v *jetstream.Verified) {
	if v.Event.Kind != bus.Connect || v.Event.Height != d.tip+1 || !v.Anchored {
		d.inOrder = false
	}
	d.blocks++
	d.tip, d.tipHash = v.Event.Height, v.Event.Hash
}

// judgeDemo prints the summary and says whether all went as it must.
func judgeDemo(out io.Writer, cast []*demoPeer, service *service, got demoRead, readErr error) error {
	var wrong []string
	bans := service.bans()
	say(out, "\nsummary\n  blocks verified by the reader  %d, in order, each once: %t\n  tip  %d %s\n", got.blocks, got.inOrder, got.tip, got.tipHash)
	say(out, "  blocks published  %d\n", service.published())
	for _, p := range cast {
		verdict, problem := p.judge(bans)
		if problem != "" {
			wrong = append(wrong, problem)
		}
		say(out, "  peer %-16s %s: %s\n", p.peer.Addr(), p.name, verdict)
	}
	say(out, "  parser restarts  %d (a parser that was given anything but a proven block is never used again)\n", service.parserDeaths())
	for _, line := range service.layers() {
		say(out, "  layer %s\n", line)
	}
	if got.tip != demoTip || got.tipHash.String() != demoTipHash || !got.inOrder || got.blocks != int(demoTip) {
		wrong = append(wrong, fmt.Sprintf("the reader must get heights 1..%d in order, each once, up to %s", demoTip, demoTipHash))
	}
	if readErr != nil {
		wrong = append(wrong, readErr.Error())
	}
	if len(wrong) > 0 {
		return &exitError{exitNo, errors.New("the demo did not go as it must:\n  " + strings.Join(wrong, "\n  "))}
	}
	say(out, "all as it must be\n")
	return nil
}

// judge says what became of a peer, and what is wrong with that.
func (p *demoPeer) judge(bans map[netip.AddrPort]string) (verdict, problem string) {
	reason, banned := bans[p.peer.Addr()]
	switch {
	case p.reason == "" && banned:
		return "BANNED for " + reason, fmt.Sprintf("honest peer %s was banned for %s", p.peer.Addr(), reason)
	case p.reason == "":
		return "served us, not banned", ""
	case !banned:
		return "NOT BANNED", fmt.Sprintf("peer %s (%s) was not banned", p.peer.Addr(), p.name)
	case reason == string(node.OutcomeOther.Reason()) && strings.HasPrefix(p.reason, "body-"):
		return "banned for " + reason + " (the block was proven before its body was judged)", ""
	case reason != p.reason:
		return "BANNED for " + reason, fmt.Sprintf("peer %s (%s) was banned for %s, not for %s", p.peer.Addr(), p.name, reason, p.reason)
	default:
		return "banned for " + reason, ""
	}
}

// say prints for a person; a terminal that is gone is no reason to stop.
func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
