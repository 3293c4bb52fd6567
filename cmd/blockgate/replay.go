package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"blockgate/adapter/evidence"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/pool"
)

// evidenceFolder is where bodies that were not proven are kept, in the adapter's own
// folder.
const evidenceFolder = "evidence"

// openEvidence opens that folder. The disk's errors are logged; nothing waits for it.
func openEvidence(folder string, log *slog.Logger) (*evidence.Folder, error) {
	f, err := evidence.Open(filepath.Join(folder, evidenceFolder), evidence.Limits{}, func(err error) {
		log.Warn("evidence not kept", slog.String("error", err.Error()))
	})
	if err != nil {
		return nil, exitf(exitData, "%w", err)
	}
	return f, nil
}

type replaySettings struct {
	network    networkFlag // for its challenge; the file names the network
	json, seed bool
	noLandlock bool
	parserPath string
	headers    string // of a recording
}

const replayLong = `The service keeps each body that it could not prove, with the reason, in
adapter/evidence of its data directory. This command gives such a body to a fresh
parser, confined as in the service, and says whether the same comes of it. One
parser is asked, once; the service asks a second one before a death counts.

A file of ` + "`blockgate record`" + ` is replayed, too: a fresh brain is given all that the
service's was, at the same times, and has to do the same to the last byte.

With --seed it judges nothing and prints the body as an input of the fuzz target
FuzzBlock, to be put into parser/testdata/fuzz/FuzzBlock.

Exit code 0: the same came of it. 1: something else did. 5: the file is none.`

const replayExample = `  blockgate replay ~/.blockgate/mainnet/adapter/evidence/0000000000000003-5f2c0b1a9d8e7f60.evidence
  blockgate replay --seed FILE > parser/testdata/fuzz/FuzzBlock/0003`

func newReplay() *cobra.Command {
	s := &replaySettings{}
	cmd := &cobra.Command{
		Use:     "replay FILE|-",
		Short:   "Judge a body again that was not proven, or replay a recording",
		Long:    replayLong,
		Example: replayExample,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runReplay(cmd, s, args[0]) },
	}
	addChallenge(cmd, &s.network)
	flags := cmd.Flags()
	flags.BoolVar(&s.json, "json", false, "print one JSON object")
	flags.BoolVar(&s.seed, "seed", false, "print the body as a fuzz input, and judge nothing")
	flags.BoolVar(&s.noLandlock, "allow-no-landlock", false, "run the cell without Landlock")
	flags.StringVar(&s.parserPath, "parser", "", "path of blockgate-parser (default: beside this binary)")
	flags.StringVar(&s.headers, "headers", "", "headers file of the service, for a recording that has too many of its own")
	return cmd
}

// replayResult is what replay prints.
type replayResult struct {
	Hash       btc.Hash    `json:"hash"`
	Network    btc.Network `json:"network"`
	Height     btc.Height  `json:"height"`
	MedianTime uint32      `json:"median_time"`
	Size       int         `json:"size"` // bytes
	Date       string      `json:"date"`
	Build      string      `json:"build"` // of the parser then
	Then       string      `json:"then"`
	ThenDetail string      `json:"then_detail"`
	Now        string      `json:"now"`
	NowDetail  string      `json:"now_detail"`
	NowBuild   string      `json:"now_build"`
	Agrees     bool        `json:"agrees"`
}

func runReplay(cmd *cobra.Command, s *replaySettings, path string) error {
	if s.json && s.seed {
		return usagef("--json and --seed: want one of them")
	}
	file, err := readInput(&patientReader{cmd.Context(), cmd.InOrStdin()}, path, max(evidence.MaxFile, flight.MaxFile)+1)
	if err != nil {
		return err
	}
	if flight.Is(file) {
		return s.replayFlight(cmd, path, file)
	}
	record, err := evidence.Decode(file)
	if err != nil {
		return exitf(exitData, "%s: %w", path, err)
	}
	if s.seed {
		return printSeed(cmd.OutOrStdout(), &record)
	}
	result, err := s.judge(cmd.Context(), &record)
	if err != nil {
		return err
	}
	if err := s.print(cmd.OutOrStdout(), result); err != nil {
		return err
	}
	if !result.Agrees {
		return exitf(exitNo, "it was %s and is %s", result.Then, result.Now)
	}
	return nil
}

// printSeed prints the arguments of FuzzBlock as `go test` stores them.
func printSeed(w io.Writer, r *evidence.Record) error {
	_, err := fmt.Fprintf(w, "go test fuzz v1\nbyte('\\x%02x')\nint32(%d)\nuint32(%d)\n[]byte(%+q)\n", uint8(r.Network), r.Height, r.MedianTime, r.Body)
	return err
}

// judge has the body judged again. An error is ours.
func (s *replaySettings) judge(ctx context.Context, r *evidence.Record) (*replayResult, error) {
	s.network.Network = r.Network
	if err := s.network.complete(); err != nil {
		return nil, err
	}
	challenge, err := s.network.solution()
	if err != nil {
		return nil, err
	}
	cell, err := openSolo(s.parserPath, s.noLandlock, checkers(sha256d.Best(), challenge))
	if err != nil {
		return nil, &exitError{codeOf(err), err}
	}
	_, _, err = cell.check(ctx, r.Body, pool.Job{
		Header: btc.Header(r.Body[:btc.HeaderSize]), MedianTime: r.MedianTime,
		Context: claim.Context{Network: r.Network, Height: r.Height},
	})
	ended := cell.Close()
	now, detail := wordProven, ""
	if err != nil {
		outcome := outcomeOf(err)
		if outcome == node.OutcomeNotJudged {
			return nil, err
		}
		now, detail = string(outcome.Reason()), err.Error()
		if outcome == node.OutcomeWorkerDied {
			detail += ": " + ended
		}
	}
	return &replayResult{
		Hash: r.Hash(), Network: r.Network, Height: r.Height, MedianTime: r.MedianTime, Size: len(r.Body),
		Date: r.Time.UTC().Format("2006-01-02T15:04:05Z"), Build: r.Build, Then: r.Reason, ThenDetail: r.Detail,
		Now: now, NowDetail: detail, NowBuild: sandbox.BuildID(), Agrees: now == r.Reason,
	}, nil
}

// wordProven is what replay says of a body that is proven now.
const wordProven = "proven"

func (s *replaySettings) print(w io.Writer, r *replayResult) error {
	if s.json {
		return printJSON(w, r)
	}
	verdict := "THE SAME"
	if !r.Agrees {
		verdict = "DIFFERENT"
	}
	_, err := fmt.Fprintf(w, "%s\n  hash    %s\n  place   %s, height %d, median time %d\n  size    %d bytes\n  then    %s %q, %s, parser %q\n  now     %s %q, parser %q\n",
		verdict, r.Hash, r.Network, r.Height, r.MedianTime, r.Size, r.Then, r.ThenDetail, r.Date, r.Build, r.Now, r.NowDetail, r.NowBuild)
	return err
}
