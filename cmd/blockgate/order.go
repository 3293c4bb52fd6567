package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"blockgate/internal/btc"
)

const invalidateLong = `Tells the running service that a block is invalid: its branch is set aside until
` + "`blockgate reconsider`" + ` or the next start of the adapter. Blocks of it that
are published already are taken back, one disconnect each, once every body of the
branch that replaces them is there. What is final cannot be invalidated.`

const invalidateExample = `  blockgate invalidate --network mainnet 00000000000000000000c0…
  blockgate invalidate --datadir /var/lib/blockgate HASH --json`

const reconsiderLong = `Takes ` + "`blockgate invalidate`" + ` back, and what our own parsers said, for a
block, those that it stands on and those that stand on it: they are judged again.`

const reconsiderExample = `  blockgate reconsider --network mainnet 00000000000000000000c0…
  blockgate reconsider --datadir /var/lib/blockgate HASH`

const acceptLong = `Publishes a branch that forks below what the journal said was final, which is
otherwise held for ever: a block of it is named, such as the tip that
` + "`blockgate health`" + ` and the log name. Readers get a reset, since they were told
that those blocks stay: read docs/operate.md before.`

const acceptExample = `  blockgate accept-reorg --network mainnet 00000000000000000000c0…
  blockgate accept-reorg --datadir /var/lib/blockgate HASH`

func newAcceptReorg() *cobra.Command {
	return newOrder("accept-reorg", verbAccept, "Publish a branch that forks below what is final", acceptLong, acceptExample)
}

func newInvalidate() *cobra.Command {
	return newOrder("invalidate", verbInvalidate, "Set a branch aside, from this block on", invalidateLong, invalidateExample)
}

func newReconsider() *cobra.Command {
	return newOrder("reconsider", verbReconsider, "Judge a block again that was set aside", reconsiderLong, reconsiderExample)
}

// newOrder makes a command that is an order about one block.
func newOrder(name, verb, short, long, example string) *cobra.Command {
	s := &asking{}
	cmd := &cobra.Command{
		Use: name + " HASH", Short: short, Long: long, Example: example,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			hash, err := btc.ParseHash(args[0])
			if err != nil {
				return usagef("%w", err)
			}
			var result orderResult
			if err := s.ask(cmd.Context(), verb, hashArgs{hash}, &result); err != nil {
				return err
			}
			return s.print(cmd, result, result.text)
		},
	}
	s.addFlags(cmd)
	return cmd
}

// text says where things stand.
func (r orderResult) text() string {
	text := fmt.Sprintf("done; the journal is at block %d %s, the best header at %d\n", r.JournalHeight, r.JournalTip, r.BestHeight)
	if r.Parked != "" {
		text += "set aside: " + r.Parked + "\n"
	}
	if r.Held != "" {
		text += "held: " + r.Held + "\n"
	}
	return text
}
