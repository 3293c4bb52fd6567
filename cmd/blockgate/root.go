package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
  blockgate health; blockgate peers               how it is, and who its peers are
  blockgate parse --json block.raw                judge one block in the cell
  blockgate headers verify headers.bin            check a file of headers by every rule
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
	root.AddCommand(newRun(), newDemo(), newTail(), newParse(), newReplay(), newHeaders(), newDoctor(), newVersion(), newRole(),
		newPeers(), newBan(), newUnban(), newConnect(), newInvalidate(), newReconsider(), newAcceptReorg(), newWhy(), newRecord(), newAddrbook(), newHealth(), newSend())
	for _, cmd := range root.Commands() {
		cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return applyEnvironment(cmd) }
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 100"))
	root.SetFlagErrorFunc(flagError)
	usageErrors(root)
	return root
}

// usageErrors gives the argument checks of each command their exit code. A
// command that only has others below it prints its help.
func usageErrors(root *cobra.Command) {
	queue := []*cobra.Command{root}
	for len(queue) > 0 {
		cmd := queue[0]
		queue = append(queue[1:], cmd.Commands()...)
		if !cmd.Runnable() {
			cmd.Args, cmd.RunE = cobra.NoArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		check := cmd.Args
		switch {
		case cmd.HasSubCommands():
			cmd.Args = knownCommand
		case cmd.Name() == "help":
			cmd.Args = func(cmd *cobra.Command, args []string) error { return knownTopic(cmd.Root(), args) }
		case check != nil:
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return usagef("want `%s`: %w; see `%s --help`", cmd.UseLine(), err, cmd.CommandPath())
				}
				return nil
			}
		}
	}
}

// knownCommand refuses what stands where the name of a command should.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef("unknown command %q%s; see `%s --help`", args[0], didYouMean(args[0], names), cmd.CommandPath())
}

// knownTopic refuses help on a command that is not there.
func knownTopic(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err != nil {
		return usagef("%w; see `blockgate --help`", err)
	}
	return knownCommand(cmd, rest)
}

// flagError gives an error of a flag its exit code and says which flag may have
// been meant.
func flagError(cmd *cobra.Command, err error) error {
	hint := ""
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, "--"+f.Name)
			}
		})
		hint = didYouMean("--"+unknown.GetSpecifiedName(), names)
	}
	return usagef("%w%s; see `%s --help`", err, hint, cmd.CommandPath())
}
