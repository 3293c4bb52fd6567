package main

import (
	"strings"

	"github.com/spf13/cobra"

	"blockgate/headerchain"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// engineFlag is --sha256 as a pflag value.
type engineFlag struct{ sha256d.Engine }

func (f *engineFlag) Set(s string) (err error) {
	f.Engine, err = sha256d.ParseEngine(s)
	return err
}
func (f *engineFlag) Type() string { return "engine" }

// engineAuto is what --sha256 says of the fastest engine.
const engineAuto = "auto"

// addEngine adds --sha256. Its help is the same on every machine.
func addEngine(cmd *cobra.Command, target *engineFlag) {
	target.Engine = sha256d.Best()
	names := append([]string{engineAuto}, engineNames()...)
	cmd.Flags().Var(target, "sha256", "how to hash: "+strings.Join(names, ", "))
	cmd.Flags().Lookup("sha256").DefValue = engineAuto
	_ = cmd.RegisterFlagCompletionFunc("sha256", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// engineNames returns the names of all engines, slowest first.
func engineNames() []string {
	var names []string
	for _, e := range allEngines() {
		names = append(names, e.String())
	}
	return names
}

// allEngines returns all engines, slowest first.
func allEngines() []sha256d.Engine {
	return []sha256d.Engine{sha256d.EngineGo, sha256d.EngineSHANI, sha256d.EngineAVX512}
}

// newChain returns a chain from the genesis of a network that hashes by an engine.
func newChain(network btc.Network, engine sha256d.Engine) *headerchain.Chain {
	chain := headerchain.New(network)
	chain.SetEngine(engine)
	return chain
}
