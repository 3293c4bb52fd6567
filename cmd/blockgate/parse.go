package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"blockgate/internal/btc"
)

type parseSettings struct {
	network    networkFlag
	height     int32
	medianTime uint32
	pow        bool
	tx         bool
	json       bool
	noLandlock bool
	parserPath string
	engine     engineFlag

	heightGiven, medianGiven bool
}

const parseLong = `Hands one raw block to a confined parser, checks the claim that comes back with
hashes alone, and prints what came of it. The body is judged against the header
that it begins with; whether that header is in any chain is another question.
Sizes, merkle root and commitment are proven; inputs, outputs, witness items and
signature operations are the parser's count, and so is the word that a block
breaks a rule. An invalid block comes with the reject reason that Bitcoin Core
gives for the same fault.

Without --height, a block that keeps the witness rules is judged by them, and one
without any witness may be from before they began. Proof of work is always
reported and only judged with --pow. What could not be judged for want of input
is listed.

With --tx, the file is a single transaction, raw or in hex.

Exit code 0: valid. 1: invalid. 2: usage. 3: own failure.`

const parseExample = `  blockgate parse block.raw
  blockgate parse --json --height 840000 --pow block.raw
  bitcoin-cli getblock HASH 0 | xxd -r -p | blockgate parse --json -
  bitcoin-cli getrawtransaction TXID | blockgate parse --tx -`

func newParse() *cobra.Command {
	s := &parseSettings{}
	cmd := &cobra.Command{
		Use:     "parse FILE|-",
		Short:   "Judge one raw block or transaction in a confined parser",
		Long:    parseLong,
		Example: parseExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.heightGiven, s.medianGiven = cmd.Flags().Changed("height"), cmd.Flags().Changed("median-time")
			if err := s.network.complete(); err != nil {
				return err
			}
			if _, err := s.network.solution(); err != nil { // before anything is read
				return err
			}
			if s.tx {
				return runParseTx(cmd, s, args[0])
			}
			return runParse(cmd, s, args[0])
		},
	}
	addNetwork(cmd, &s.network)
	addChallenge(cmd, &s.network)
	flags := cmd.Flags()
	flags.Int32Var(&s.height, "height", 0, "height of the block, for the rules that began at one")
	flags.Uint32Var(&s.medianTime, "median-time", 0, "median time of the 11 blocks before it, Unix seconds; the block's time must be later")
	flags.BoolVar(&s.pow, "pow", false, "judge proof of work too")
	flags.BoolVar(&s.tx, "tx", false, "the file is one transaction, raw or in hex")
	flags.BoolVar(&s.json, "json", false, "print one JSON object")
	flags.BoolVar(&s.noLandlock, "allow-no-landlock", false, "run the cell without Landlock")
	flags.StringVar(&s.parserPath, "parser", "", "path of blockgate-parser (default: beside this binary)")
	addEngine(cmd, &s.engine)
	return cmd
}

func runParse(cmd *cobra.Command, s *parseSettings, path string) error {
	if s.heightGiven && s.height < 0 {
		return usagef("--height %d: want 0 or more", s.height)
	}
	block, err := readInput(&patientReader{cmd.Context(), cmd.InOrStdin()}, path, btc.MaxBlockSize+1)
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
	if result.Verdict != verdictValid {
		return exitf(exitNo, "invalid block: %s", result.Reason)
	}
	return nil
}

// readInput reads at most so many bytes of a file or of standard input.
func readInput(stdin io.Reader, path string, most int64) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(stdin, most))
	}
	file, err := os.Open(path) //nolint:gosec // the caller's own file, named on the command line
	if err != nil {
		return nil, usagef("%w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return nil, usagef("%w", err)
	}
	return b, nil
}

// openCell starts the one parser that a command asks, with a warning if that may be
// without a layer.
func (s *parseSettings) openCell(cmd *cobra.Command) (*soloCell, error) {
	challenge, err := s.network.solution()
	if err != nil {
		return nil, err
	}
	cell, err := openSolo(s.parserPath, s.noLandlock, checkers(s.engine.Engine, challenge))
	if err != nil {
		return nil, &exitError{codeOf(err), err}
	}
	if s.noLandlock {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "blockgate: WARNING: --allow-no-landlock: the cell may be without Landlock")
	}
	return cell, nil
}
