package main

import (
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"blockgate/internal/btc"
)

// maxAnchorHeight leaves room above an anchor for more headers than any chain
// has: heights go to 2^31-1.
const maxAnchorHeight = 1 << 30

const headersExample = `  blockgate headers verify headers.bin
  blockgate headers export --datadir /var/lib/blockgate headers.bin
  blockgate headers import --datadir /tmp/bg headers.bin`

func newHeaders() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "headers",
		Short:   "Work with files of block headers",
		Example: headersExample,
	}
	cmd.AddCommand(newHeadersVerify(), newHeadersExport(), newHeadersImport())
	return cmd
}

type verifySettings struct {
	network networkFlag
	anchor  int32
	engine  engineFlag
	json    bool

	anchorGiven bool
}

const verifyLong = `Checks a file of headers by every rule that headers can show: link, proof of
work, target and retarget, median time, time ahead of this machine's clock,
timewarp and version. The file holds 80-byte records, each the child of the one
before, as in ` + "`getblockheader HASH false`" + `.

A file that does not start at genesis needs --anchor-height: its first header is
then trusted once it has its proof of work, each other rule applies as soon as
enough ancestors are there, and work counts from that header.

Of the first header that breaks a rule it prints height, hash, place in the file,
rule and numbers. Rules, most by Bitcoin Core's words: not-genesis, not-linked,
invalid-target, high-hash, bad-diffbits, time-too-old, time-timewarp-attack,
time-too-new, bad-version; truncated for a file that ends within a record, empty
for one without any.

Not judged: bodies, signet's block signature, and whether a chain with more work
exists.

Exit code 0: valid. 1: not valid. 2: usage. 3: own failure.`

const verifyExample = `  blockgate headers verify headers.bin
  blockgate headers verify --network mainnet --anchor-height 150000 part.bin
  zcat testnet4.bin.gz | blockgate headers verify --network testnet4 --json -`

func newHeadersVerify() *cobra.Command {
	s := &verifySettings{}
	cmd := &cobra.Command{
		Use:     "verify FILE|-",
		Short:   "Check a file of headers by all rules that headers can show",
		Long:    verifyLong,
		Example: verifyExample,
		Args:    cobra.ExactArgs(1),
		PreRunE: func(cmd *cobra.Command, _ []string) error { return applyEnvironment(cmd) },
		RunE: func(cmd *cobra.Command, args []string) error {
			s.anchorGiven = cmd.Flags().Changed("anchor-height")
			return runVerify(cmd, s, args[0])
		},
	}
	addNetwork(cmd, &s.network)
	addChallenge(cmd, &s.network)
	addEngine(cmd, &s.engine)
	cmd.Flags().Int32Var(&s.anchor, "anchor-height", 0, "height of the first header of a file that does not start at genesis")
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object")
	return cmd
}

func runVerify(cmd *cobra.Command, s *verifySettings, path string) error {
	if err := s.network.complete(); err != nil {
		return err
	}
	if s.anchorGiven && (s.anchor < 0 || s.anchor > maxAnchorHeight) {
		return usagef("--anchor-height %d: want 0..%d", s.anchor, maxAnchorHeight)
	}
	in, done, err := openInput(cmd, path)
	if err != nil {
		return err
	}
	defer done()
	walk := newHeaderWalk(s, newHeaderProgress(cmd.ErrOrStderr(), countHeaders(in)), time.Now)
	if err := walk.read(cmd.Context(), in); err != nil {
		return err
	}
	result := walk.result()
	if err := printResult(cmd.OutOrStdout(), result, result.text, s.json); err != nil {
		return err
	}
	if bad := result.Refused; bad != nil {
		return exitf(exitNo, "header at height %d: %s: %s", bad.Height, bad.Rule, bad.Detail)
	}
	return nil
}

// countHeaders returns how many headers in holds, 0 if nobody knows before the
// end: a pipe, a terminal.
func countHeaders(in io.Reader) int64 {
	file, ok := in.(*os.File)
	if !ok {
		return 0
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size() / btc.HeaderSize
}
