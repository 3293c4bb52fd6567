package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter/flight"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// flightResult is what replaying a recording came to.
type flightResult struct {
	Build    string      `json:"build"` // of the service then
	Network  btc.Network `json:"network"`
	Began    time.Time   `json:"began"`
	Steps    int         `json:"steps"`
	Height   btc.Height  `json:"journal_height"`
	Agrees   bool        `json:"agrees"`
	Diverged string      `json:"diverged"` // where and how it does not
}

// replayFlight gives a fresh brain what a recording has.
func (s *replaySettings) replayFlight(cmd *cobra.Command, path string, content []byte) error {
	f, err := flight.Decode(content)
	if err != nil {
		return exitf(exitData, "%s: %w", path, err)
	}
	var more func(int) ([]btc.Header, error)
	if s.headers != "" {
		if more, err = storedHeaders(s.headers, f.Start.Config.Network); err != nil {
			return exitf(exitData, "%w", err)
		}
	}
	brain, steps, err := f.Replay(more)
	diverged, isDiverged := errors.AsType[*flight.DivergedError](err)
	if err != nil && !isDiverged {
		return exitf(exitData, "%s: %w", path, err)
	}
	last := f.Since()
	for e := range f.Entries() {
		last = e.Now
	}
	r := flightResult{
		Build: f.Start.Build, Network: f.Start.Config.Network, Began: f.Start.Began, Steps: steps,
		Height: brain.Status(last).JournalHeight, Agrees: err == nil,
	}
	if isDiverged {
		r.Diverged = diverged.Error()
	}
	if err := (&asking{json: s.json}).print(cmd, r, r.text); err != nil {
		return err
	}
	if isDiverged {
		return exitf(exitNo, "not the same: the recording is of build %s", r.Build)
	}
	return nil
}

func (r flightResult) text() string {
	if !r.Agrees {
		return r.Diverged + "\n"
	}
	return fmt.Sprintf("the same: %d steps from %s on, of %v, up to block %d\n", r.Steps, r.Began.Format(time.RFC3339), r.Network, r.Height)
}

// storedHeaders returns a function that gives the next headers of a file, in the order
// in which they were kept.
func storedHeaders(path string, network btc.Network) (func(int) ([]btc.Header, error), error) {
	headers, err := store.OpenRead(path, network)
	if err != nil {
		return nil, err
	}
	defer headers.Close() //nolint:errcheck // it was read only
	var all []btc.Header
	if _, err := headers.Load(func(batch []btc.Header) error { all = append(all, batch...); return nil }); err != nil {
		return nil, err
	}
	return func(count int) ([]btc.Header, error) {
		if count < 0 || count > len(all) {
			return nil, fmt.Errorf("%s has %d headers fewer than were loaded", path, count-len(all))
		}
		next := all[:count]
		all = all[count:]
		return next, nil
	}, nil
}
