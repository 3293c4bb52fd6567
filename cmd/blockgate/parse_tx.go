package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/reject"
	"blockgate/sandbox/verdict"
)

// maxTxInput is the most bytes that are read of a transaction: in hex, with a line
// ending, and one more.
const maxTxInput = 2*btc.MaxBlockSize + 2 + 1

// txResult is what parse prints of a transaction. Numbers are 0 and hashes zeros if it
// is not valid.
type txResult struct {
	Txid         btc.Hash `json:"txid"`
	Wtxid        btc.Hash `json:"wtxid"`
	Size         int      `json:"size"`          // bytes
	StrippedSize int      `json:"stripped_size"` // bytes
	Weight       int      `json:"weight"`
	Inputs       uint32   `json:"inputs"`        // the parser's word
	Outputs      uint32   `json:"outputs"`       // the parser's word
	WitnessItems uint32   `json:"witness_items"` // the parser's word
	Sigops       uint32   `json:"sigops"`        // legacy, each costs 4; the parser's word
	Verdict      string   `json:"verdict"`       // valid, invalid
	Reason       string   `json:"reason"`        // of an invalid transaction
	RejectReason string   `json:"reject_reason"` // Bitcoin Core's, empty where it has none
	Engine       string   `json:"engine"`        // that hashed
	Microseconds int64    `json:"microseconds"`  // to parse and to prove
}

func runParseTx(cmd *cobra.Command, s *parseSettings, path string) error {
	if s.heightGiven || s.medianGiven || s.pow {
		return usagef("--tx: a transaction alone has no --height, --median-time or --pow")
	}
	input, err := readInput(&patientReader{cmd.Context(), cmd.InOrStdin()}, path, maxTxInput)
	if err != nil {
		return err
	}
	result, err := s.judgeTx(cmd, fromHex(input))
	if err != nil {
		return err
	}
	if err := s.printTx(cmd.OutOrStdout(), result); err != nil {
		return err
	}
	if result.Verdict != verdictValid {
		return exitf(exitNo, "invalid transaction: %s", result.Reason)
	}
	return nil
}

// fromHex returns the bytes that hex digits stand for, and anything else as it is: no
// transaction is made of hex digits alone.
func fromHex(input []byte) []byte {
	text := bytes.TrimSpace(input)
	raw := make([]byte, hex.DecodedLen(len(text)))
	if n, err := hex.Decode(raw, text); err == nil {
		return raw[:n]
	}
	return input
}

func (s *parseSettings) judgeTx(cmd *cobra.Command, raw []byte) (*txResult, error) {
	result := &txResult{Size: len(raw), Engine: s.engine.String()}
	tx, counts, err := s.askTx(cmd, result, raw)
	switch {
	case isOurs(err):
		return nil, err
	case err != nil:
		result.Verdict, result.Reason, result.RejectReason = verdictInvalid, err.Error(), reject.Reason(err)
	default:
		result.Verdict, result.Txid, result.Wtxid = verdictValid, tx.Txid(), tx.Wtxid()
		result.StrippedSize, result.Weight = tx.StrippedSize(), tx.Weight()
		result.Inputs, result.Outputs, result.WitnessItems = counts.Inputs, counts.Outputs, counts.WitnessItems
		result.Sigops = counts.Sigops / btc.WitnessScaleFactor
	}
	return result, nil
}

// askTx has a fresh parser walk the transaction, and the claim proven. Result gets the
// time that it took. What no slot has room for, and nothing, need no parser.
func (s *parseSettings) askTx(cmd *cobra.Command, result *txResult, raw []byte) (claim.CheckedTx, claim.Counts, error) {
	switch {
	case len(raw) == 0:
		return claim.CheckedTx{}, claim.Counts{}, &claim.MalformedError{Verdict: verdict.Truncated}
	case len(raw) > btc.MaxBlockSize:
		return claim.CheckedTx{}, claim.Counts{}, &claim.MalformedError{Verdict: verdict.TooLarge}
	}
	cell, err := s.openCell(cmd)
	if err != nil {
		return claim.CheckedTx{}, claim.Counts{}, err
	}
	defer cell.Close()
	begun := time.Now()
	defer func() { result.Microseconds = time.Since(begun).Microseconds() }()
	return cell.checkTx(cmd.Context(), raw)
}

func (s *parseSettings) printTx(w io.Writer, r *txResult) error {
	if s.json {
		return printJSON(w, r)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n  txid           %s\n  wtxid          %s\n  size           %d bytes, %d without witness\n  weight         %d\n",
		strings.ToUpper(r.Verdict), r.Txid, r.Wtxid, r.Size, r.StrippedSize, r.Weight)
	fmt.Fprintf(&b, "  counted        %d inputs, %d outputs, %d witness items, %d legacy sigops\n", r.Inputs, r.Outputs, r.WitnessItems, r.Sigops)
	printReason(&b, r.Reason, r.RejectReason)
	fmt.Fprintf(&b, "  took           %d us, sha256 by %s\n", r.Microseconds, r.Engine)
	_, err := w.Write(b.Bytes())
	return err
}
