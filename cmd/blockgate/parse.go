package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/pool"
)

type parseSettings struct {
	network    networkFlag
	height     int32
	medianTime uint32
	pow        bool
	json       bool
	noLandlock bool
	parserPath string

	heightGiven, medianGiven bool
}

const parseLong = `Hands one raw block to a confined parser, checks the claim that comes back with
hashes alone, and prints what came of it. The body is judged against the header
that it begins with; whether that header is in any chain is another question.

Without --height, a block that keeps the witness rules is judged by them, and one
without any witness may be from before they began. Proof of work is always
reported and only judged with --pow. What could not be judged for want of input
is listed.

Exit code 0: valid. 1: invalid block. 2: usage. 3: own failure.`

const parseExample = `  blockgate parse block.raw
  blockgate parse --json --height 840000 --pow block.raw
  bitcoin-cli getblock HASH 0 | xxd -r -p | blockgate parse --json -`

func newParse() *cobra.Command {
	s := &parseSettings{}
	cmd := &cobra.Command{
		Use:     "parse FILE|-",
		Short:   "Judge one raw block in a confined parser",
		Long:    parseLong,
		Example: parseExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.heightGiven, s.medianGiven = cmd.Flags().Changed("height"), cmd.Flags().Changed("median-time")
			return runParse(cmd, s, args[0])
		},
	}
	addNetwork(cmd, &s.network)
	addChallenge(cmd, &s.network)
	flags := cmd.Flags()
	flags.Int32Var(&s.height, "height", 0, "height of the block, for the rules that began at one")
	flags.Uint32Var(&s.medianTime, "median-time", 0, "median time of the 11 blocks before it, Unix seconds; the block's time must be later")
	flags.BoolVar(&s.pow, "pow", false, "judge proof of work too")
	flags.BoolVar(&s.json, "json", false, "print one JSON object")
	flags.BoolVar(&s.noLandlock, "allow-no-landlock", false, "run the cell without Landlock")
	flags.StringVar(&s.parserPath, "parser", "", "path of blockgate-parser (default: beside this binary)")
	return cmd
}

// parseResult is what parse prints.
type parseResult struct {
	Hash         btc.Hash    `json:"hash"`
	Network      btc.Network `json:"network"`
	Height       *int32      `json:"height,omitempty"`
	Txs          int         `json:"txs"`           // 0 if not proven
	Size         int         `json:"size"`          // bytes
	StrippedSize int         `json:"stripped_size"` // bytes, 0 if not proven
	Weight       int         `json:"weight"`        // 0 if not proven
	ProofOfWork  string      `json:"proof_of_work"` // met, not met
	Verdict      string      `json:"verdict"`       // valid, invalid
	Reason       string      `json:"reason"`        // of an invalid block
	NotJudged    []string    `json:"not_judged"`
}

func runParse(cmd *cobra.Command, s *parseSettings, path string) error {
	if err := s.network.complete(); err != nil {
		return err
	}
	if s.heightGiven && s.height < 0 {
		return usagef("--height %d: want 0 or more", s.height)
	}
	block, err := readBlock(&patientReader{cmd.Context(), cmd.InOrStdin()}, path)
	if err != nil {
		return err
	}
	result, err := s.judge(cmd, block)
	if err != nil {
		return err
	}
	if err := s.print(cmd.OutOrStdout(), result); err != nil {
		return err
	}
	if result.Verdict != "valid" {
		return exitf(exitNo, "invalid block: %s", result.Reason)
	}
	return nil
}

// readBlock reads at most one byte more than the largest block.
func readBlock(stdin io.Reader, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(stdin, btc.MaxBlockSize+1))
	}
	file, err := os.Open(path) //nolint:gosec // the caller's own file, named on the command line
	if err != nil {
		return nil, usagef("%w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	block, err := io.ReadAll(io.LimitReader(file, btc.MaxBlockSize+1))
	if err != nil {
		return nil, usagef("%w", err)
	}
	return block, nil
}

// judge has the block judged. An error is ours; what is wrong with the block is
// in the result.
func (s *parseSettings) judge(cmd *cobra.Command, block []byte) (*parseResult, error) {
	result := &parseResult{Network: s.network.Network, Size: len(block), ProofOfWork: "not met", NotJudged: []string{
		"place in the chain", "scripts", "inputs and amounts", "value ranges", "duplicate inputs", "sigops", "lock times", "height in the coinbase",
	}}
	if s.network.Network == btc.Signet {
		result.NotJudged = append(result.NotJudged, "signet block solution")
	}
	if s.heightGiven {
		result.Height = &s.height
	}
	if len(block) < btc.HeaderSize {
		return result.invalid(fmt.Sprintf("%d bytes are no block: a header has %d", len(block), btc.HeaderSize)), nil
	}
	header := btc.Header(block[:btc.HeaderSize])
	result.Hash = header.Hash()
	if reason := s.judgeHeader(result, &header); reason != "" {
		return result.invalid(reason), nil
	}
	if len(block) > btc.MaxBlockSize {
		return result.invalid(fmt.Sprintf("more than %d bytes", btc.MaxBlockSize)), nil
	}
	return result, s.judgeBody(cmd, result, header, block)
}

// judgeHeader reports proof of work and judges what it was asked to.
func (s *parseSettings) judgeHeader(result *parseResult, header *btc.Header) string {
	hash := result.Hash
	target, err := btc.TargetFromCompact(header.Bits())
	met := err == nil && target.Cmp(s.network.Params().PowLimit.Uint256) <= 0 && target.Meets(&hash)
	if met {
		result.ProofOfWork = "met"
	}
	if !s.pow {
		result.NotJudged = append(result.NotJudged, "proof of work (--pow)")
	} else if !met {
		return fmt.Sprintf("hash %s does not meet the target of bits %08x on %s", hash, header.Bits(), s.network.Network)
	}
	if !s.medianGiven {
		result.NotJudged = append(result.NotJudged, "time of the header (--median-time)")
	} else if header.Time() <= s.medianTime {
		return fmt.Sprintf("time %d is not after the median time %d (BIP-0113)", header.Time(), s.medianTime)
	}
	return ""
}

func (s *parseSettings) judgeBody(cmd *cobra.Command, result *parseResult, header btc.Header, block []byte) error {
	proven, err := s.askCell(cmd, header, block, s.rulesHeight())
	if !s.heightGiven && isWitnessRule(err) {
		// A block from before the witness rules may carry a commitment that means
		// nothing. It then has no witness at all, or this fails too.
		if early, earlyErr := s.askCell(cmd, header, block, 0); earlyErr == nil {
			result.NotJudged = append(result.NotJudged, "witness rules (--height)")
			proven, err = early, nil
		}
	}
	switch {
	case err == nil:
		result.Txs, result.StrippedSize, result.Weight, result.Verdict = proven.TxCount(), proven.StrippedSize(), proven.Weight(), "valid"
		return nil
	case isOurs(err):
		return err
	default:
		result.invalid(err.Error())
		return nil
	}
}

// rulesHeight is the height by whose rules the body is judged first.
func (s *parseSettings) rulesHeight() btc.Height {
	if s.heightGiven {
		return btc.Height(s.height)
	}
	return s.network.Params().SegwitHeight
}

func (s *parseSettings) askCell(cmd *cobra.Command, header btc.Header, block []byte, height btc.Height) (*provenBody, error) {
	cell, err := openSolo(s.parserPath, s.noLandlock)
	if err != nil {
		return nil, &exitError{codeOf(err), err}
	}
	defer cell.Close()
	if s.noLandlock {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "blockgate: WARNING: --allow-no-landlock: the cell may be without Landlock")
	}
	return cell.check(cmd.Context(), block, pool.Job{Header: header, MedianTime: s.medianTime, Context: claim.Context{Network: s.network.Network, Height: height}})
}

func isWitnessRule(err error) bool {
	return errors.Is(err, claim.ErrWitnessCommitment) || errors.Is(err, claim.ErrCoinbaseWitness)
}

// isOurs reports whether an error says nothing about the block: a parser that
// dies, hangs or talks nonsense is our own fault, whatever it was given.
func isOurs(err error) bool {
	if _, known := errors.AsType[*exitError](err); known {
		return true
	}
	return slices.ContainsFunc([]error{
		pool.ErrClosed, pool.ErrWorkerDied, pool.ErrWorkerHung, pool.ErrWorkerNonsense, context.Canceled, context.DeadlineExceeded,
	}, func(kind error) bool { return errors.Is(err, kind) })
}

func (r *parseResult) invalid(reason string) *parseResult {
	r.Verdict, r.Reason = "invalid", reason
	return r
}

func (s *parseSettings) print(w io.Writer, r *parseResult) error {
	if s.json {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = w.Write(append(text, '\n'))
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n  hash           %s\n  transactions   %d\n  size           %d bytes, %d without witness\n  weight         %d\n  proof of work  %s\n",
		strings.ToUpper(r.Verdict), r.Hash, r.Txs, r.Size, r.StrippedSize, r.Weight, r.ProofOfWork)
	if r.Reason != "" {
		fmt.Fprintf(&b, "  reason         %s\n", r.Reason)
	}
	fmt.Fprintf(&b, "  not judged     %s\n", strings.Join(r.NotJudged, ", "))
	_, err := w.Write(b.Bytes())
	return err
}
