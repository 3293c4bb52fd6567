package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"blockgate/ops"
)

const healthLong = `Asks the running service over its control socket, also where HTTP is off, and
ends with exit code 0 if all is well, with 1 if not or if no service answers.

  live     the service's loops turn; peers, bus and sync are no matter
  ready    a quorum of network groups has the journal's tip, the tip is not old,
           no branch is set aside, and the clock agrees (the default)
  startup  every parser is ready, and the bus takes what is written

The same over HTTP: /livez, /readyz, /startupz at --http-listen of ` + "`run`" + `.`

const healthExample = `  blockgate health                     ready?
  blockgate health live --datadir /data
  blockgate health startup --json`

func newHealth() *cobra.Command {
	s := &asking{}
	var names []string
	for _, p := range ops.Probes() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	cmd := &cobra.Command{
		Use:       "health [" + strings.Join(names, "|") + "]",
		Short:     "Ask a running service how it is, for exec probes",
		Long:      healthLong,
		Example:   healthExample,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runHealth(cmd, s, append(args, "ready")[0])
		},
	}
	s.addFlags(cmd)
	return cmd
}

func runHealth(cmd *cobra.Command, s *asking, probe string) error {
	reports := map[string]ops.Report{}
	if err := s.ask(cmd.Context(), verbHealth, nil, &reports); err != nil {
		if known, ok := errors.AsType[*exitError](err); ok && known.code == exitUsage {
			return err
		}
		return exitf(exitNo, "not %s: %w", probe, err)
	}
	report := reports[probe]
	err := s.print(cmd, report, func() string {
		if !report.OK {
			return ""
		}
		return probe + ": ok\n"
	})
	if err != nil || report.OK {
		return err
	}
	var why []string
	for _, r := range report.Reasons {
		why = append(why, fmt.Sprintf("%s (%s)", r.Detail, r.Code))
	}
	return exitf(exitNo, "not %s: %s", probe, strings.Join(why, "; "))
}
