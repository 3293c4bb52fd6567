package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"blockgate/ops"
)

// asking are the flags of every command that asks a running service.
type asking struct {
	network networkFlag
	dataDir string
	json    bool
}

func (s *asking) addFlags(cmd *cobra.Command) {
	addNetwork(cmd, &s.network)
	cmd.Flags().StringVar(&s.dataDir, "datadir", "", "folder of the service on this machine (default ~/.blockgate/NETWORK)")
	cmd.Flags().BoolVar(&s.json, "json", false, "print the answer as JSON")
}

// ask sends a request to the service of the data directory.
func (s *asking) ask(ctx context.Context, verb string, args, result any) error {
	if s.dataDir == "" {
		path, err := defaultDataDir(s.network.Network)
		if err != nil {
			return err
		}
		s.dataDir = path
	}
	err := ops.Ask(ctx, filepath.Join(s.dataDir, "adapter", controlFolder), verb, args, result)
	refused, isRefused := errors.AsType[*ops.RefusedError](err)
	switch {
	case err == nil:
		return nil
	case isRefused:
		return exitf(exitNo, "refused: %s", refused.Why)
	case errors.Is(err, ops.ErrNoService):
		return exitf(exitData, "no blockgate answers in %s: start one with `blockgate run --datadir %s`, or name its --datadir (or --network): %w", s.dataDir, s.dataDir, err)
	default:
		return err
	}
}

// print writes an answer as one line of JSON or, for people, by text.
func (s *asking) print(cmd *cobra.Command, answer any, text func() string) error {
	if !s.json {
		_, err := fmt.Fprint(cmd.OutOrStdout(), text())
		return err
	}
	line, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", line)
	return err
}
