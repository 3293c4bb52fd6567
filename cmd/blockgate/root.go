package main

import (
	"github.com/spf13/cobra"
)

const rootLong = `blockgate stands next to a replica as a sidecar. It asks Bitcoin peers for
headers and blocks, has each block parsed in a locked cell, proves with hashes
alone that what comes back belongs to its header, and publishes it over NATS
JetStream: each block once, in order, with reorgs said out loud.

Every flag can be given as a variable: --nats-listen is BLOCKGATE_NATS_LISTEN.
Variables that Kubernetes makes for Services (BLOCKGATE_PORT*,
BLOCKGATE_SERVICE_*) are ignored; any other unknown BLOCKGATE_ variable is an
error.`

const rootExample = `  blockgate demo                                  see it work, no Internet needed
  blockgate run --network mainnet                 the main job
  blockgate tail --network mainnet --json         follow the journal
  blockgate parse --json block.raw                judge one block in the cell
  blockgate doctor                                what holds the cell on this machine`

// newRoot builds the command tree. An error that comes before a command's own
// code runs is the caller's: flags, arguments, variables.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:               "blockgate",
		Short:             "A Bitcoin sidecar that parses hostile blocks in a cell and publishes proven ones",
		Long:              rootLong + "\n\nExit codes of all commands:\n" + exitTable(),
		Example:           rootExample,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.AddCommand(newRun(), newDemo(), newTail(), newParse(), newDoctor(), newVersion(), newRole())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	usageErrors(root)
	return root
}

// usageErrors gives the argument checks of each command their exit code and
// lets each read its variables before it runs.
func usageErrors(root *cobra.Command) {
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("unknown command %q; see `blockgate --help`", args[0])
		}
		return nil
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, cmd := range root.Commands() {
		if check := cmd.Args; check != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return usagef("%w; see `%s --help`", err, cmd.CommandPath())
				}
				return nil
			}
		}
		cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return applyEnvironment(cmd) }
	}
}
