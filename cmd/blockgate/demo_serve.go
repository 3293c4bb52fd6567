package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

const (
	// serveBlocks is how many blocks the chain has at the start.
	serveBlocks = 30
	// serveSpacing is how often a block is mined.
	serveSpacing = 2 * time.Second
	// serveReorgDepth is how many blocks a reorg takes back.
	serveReorgDepth = 3
)

// serveDemo keeps a service up on a regtest chain that it mines itself, until
// it is interrupted.
func serveDemo(cmd *cobra.Command, s *demoSettings) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	dir, err := os.MkdirTemp("", "blockgate-serve-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 1, Witness: true, FirstTime: uint32(time.Now().Add(-24 * time.Hour).Unix())})
	if err := chain.Mine(serveBlocks); err != nil {
		return err
	}
	peer, err := fakepeer.Listen(ctx, "127.0.0.2:0", chain, fakepeer.Script{})
	if err != nil {
		return err
	}
	defer peer.Close()
	args := []string{
		"run", "--log-format", "json", "--network", "regtest", "--datadir", dir, "--nats-listen", s.natsListen,
		"--journal-size", "256MiB", "--connect", peer.Addr().String(), "--anonymous-readers",
	}
	if s.noLandlock {
		args = append(args, "--allow-no-landlock")
	}
	if s.parserPath != "" {
		args = append(args, "--parser", s.parserPath)
	}
	service, err := launchSelf(ctx, args, nil)
	if err != nil {
		return err
	}
	defer service.stop() //nolint:errcheck // said below when it matters
	if err := service.awaitBus(ctx); err != nil {
		return err
	}
	say(out, "\nserving a regtest chain on nats://%s, a block every %s, a reorg every %s; try in another shell:\n  blockgate tail --network regtest --nats nats://%s\nend it with Ctrl-C\n",
		s.natsListen, serveSpacing, s.reorgEvery, s.natsListen)
	if err := mineOn(ctx, chain, s.reorgEvery, service); err != nil {
		return err
	}
	return service.stop()
}

// mineOn mines a block every serveSpacing, and a heavier branch at times.
func mineOn(ctx context.Context, chain *fakepeer.Chain, reorgEvery time.Duration, service *service) error {
	blocks, reorgs := time.NewTicker(serveSpacing), time.NewTicker(reorgEvery)
	defer blocks.Stop()
	defer reorgs.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-service.ended:
			return service.failure()
		case <-blocks.C:
			err = chain.Mine(1)
		case <-reorgs.C:
			tip, _ := chain.Tip()
			err = chain.Fork(tip-btc.Height(serveReorgDepth), serveReorgDepth+1)
		}
		if err != nil {
			return fmt.Errorf("mine: %w", err)
		}
	}
}
