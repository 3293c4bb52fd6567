package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter"
	"blockgate/adapter/flight"
	"blockgate/ops"
)

// flightFolder is where `blockgate record` has the adapter put its recording, in the
// adapter's own folder, and recordingName its name there: the last one stays. crashName
// is that of a recording that ends in a panic of the brain.
const (
	flightFolder  = "flight"
	recordingName = "recording"
	crashName     = "crash"
)

// whyArgs name a block or a peer.
type whyArgs struct {
	Of string `json:"of"`
}

// recordResult is what a recording has.
type recordResult struct {
	Path  string    `json:"path"`
	Size  int       `json:"size"` // bytes
	Since time.Time `json:"since"`
	// Replays says that it reaches back to the start, so that it can be replayed; Lost
	// says why not.
	Replays bool   `json:"replays"`
	Lost    string `json:"lost"`
}

// handleFlight answers what is asked of the flight recorder.
func (d *desk) handleFlight(folder string) {
	d.control.Handle(verbWhy, func(ctx context.Context, args []byte) (any, error) {
		var a whyArgs
		if err := ops.DecodeArgs(args, &a); err != nil {
			return nil, err
		}
		answer, err := d.ask(ctx, adapter.Request{Recording: true})
		if err != nil {
			return nil, err
		}
		story, err := answer.Recording.Why(a.Of)
		if errors.Is(err, flight.ErrSubject) || errors.Is(err, flight.ErrUntold) {
			return nil, &ops.RefusedError{Why: err.Error()}
		}
		return story, err
	})
	d.control.Handle(verbRecord, func(ctx context.Context, _ []byte) (any, error) {
		answer, err := d.ask(ctx, adapter.Request{Recording: true})
		if err != nil {
			return nil, err
		}
		path := filepath.Join(folder, flightFolder, recordingName)
		file := answer.Recording.Append(nil)
		if err := writeSecret(path, file); err != nil {
			return nil, fmt.Errorf("write the recording: %w", err)
		}
		return recordResult{path, len(file), answer.Recording.Since(), answer.Recording.Lost == "", answer.Recording.Lost}, nil
	})
}

// keepCrash returns what writes a recording of a crash down.
func keepCrash(folder string, log *slog.Logger) func(*flight.File) {
	return func(f *flight.File) {
		path := filepath.Join(folder, flightFolder, crashName)
		if err := writeSecret(path, f.Append(nil)); err != nil {
			log.Error("crash not recorded", slog.String("error", err.Error()))
			return
		}
		log.Error("crash recorded", slog.String("path", path), slog.String("next", "report it, with this file; `blockgate replay` shows whether it comes again"))
	}
}

// writeSecret writes a file that its user alone may read, whole or not at all.
func writeSecret(path string, content []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".recording-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(content); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

const whyLong = `Tells what the adapter's flight recorder has of a block or a peer: who announced
the block, of whom it was asked, when it came, what the parsers said, when it was
stored and published; or what a peer was asked, what it sent, and why it went.

BLOCK is a hash or a height, PEER an address as in the log, with its port or
without, or peer:NUMBER. The recorder holds 32 MiB: days of a service that has its
blocks, minutes of a first sync. With --file it reads what ` + "`blockgate record`" + ` wrote.`

const whyExample = `  blockgate why 00000000000000000001e8d0…
  blockgate why 840000 --json
  blockgate why 203.0.113.7:8333 --datadir /var/lib/blockgate
  blockgate why peer:12 --file recording`

func newWhy() *cobra.Command {
	s, file := &asking{}, ""
	cmd := &cobra.Command{
		Use: "why BLOCK|PEER", Short: "Tell what happened to a block or a peer", Long: whyLong, Example: whyExample,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			story := &flight.Story{}
			var err error
			if file == "" {
				err = s.ask(cmd.Context(), verbWhy, whyArgs{args[0]}, story)
			} else {
				story, err = whyOfFile(cmd, file, args[0])
			}
			if err != nil {
				return err
			}
			return s.print(cmd, story, story.String)
		},
	}
	s.addFlags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "read this recording and ask no service")
	return cmd
}

func whyOfFile(cmd *cobra.Command, path, of string) (*flight.Story, error) {
	content, err := readInput(&patientReader{cmd.Context(), cmd.InOrStdin()}, path, flight.MaxFile+1)
	if err != nil {
		return nil, err
	}
	f, err := flight.Decode(content)
	if err != nil {
		return nil, exitf(exitData, "%s: %w", path, err)
	}
	story, err := f.Why(of)
	if err != nil {
		return nil, exitf(exitNo, "%w", err)
	}
	return story, nil
}

const recordLong = `Has the running service write down what its flight recorder has: every event that
the adapter's brain was told, with its time, and what it did about it. It goes to
adapter/flight/recording in the data directory and, if FILE is given, from there to
FILE, which may be - for standard output.

A recording that reaches back to the start of the adapter can be replayed with
` + "`blockgate replay FILE`" + `, which wants a fresh brain to do the same to the last byte. Once
32 MiB were recorded the oldest goes, and a recording tells its story only.

The file has the addresses of peers and a secret of the running brain, which the
next start does away with. It is written with mode 0600.`

const recordExample = `  blockgate record
  blockgate record /tmp/recording --datadir /var/lib/blockgate
  blockgate record - --network signet | gzip > recording.gz`

func newRecord() *cobra.Command {
	s := &asking{}
	cmd := &cobra.Command{
		Use: "record [FILE|-]", Short: "Write down what the flight recorder has", Long: recordLong, Example: recordExample,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var result recordResult
			if err := s.ask(cmd.Context(), verbRecord, nil, &result); err != nil {
				return err
			}
			if len(args) == 0 {
				return s.print(cmd, result, result.text)
			}
			file, err := os.ReadFile(result.Path)
			if err != nil {
				return exitf(exitData, "%w", err)
			}
			if args[0] == "-" {
				_, err := io.Copy(cmd.OutOrStdout(), bytes.NewReader(file))
				return err
			}
			if err := writeSecret(args[0], file); err != nil {
				return exitf(exitData, "%w", err)
			}
			result.Path, result.Size = args[0], len(file)
			return s.print(cmd, result, result.text)
		},
	}
	s.addFlags(cmd)
	return cmd
}

// text says what was written.
func (r recordResult) text() string {
	what := "it replays: `blockgate replay`"
	if !r.Replays {
		what = "it tells its story and does not replay: " + r.Lost
	}
	return fmt.Sprintf("%s: %d bytes, back to %s; %s\n", r.Path, r.Size, r.Since.Format(time.RFC3339), what)
}
