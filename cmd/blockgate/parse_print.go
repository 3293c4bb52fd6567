package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"blockgate/internal/btc"
)

// The words of a result.
const (
	verdictValid   = "valid"
	verdictInvalid = "invalid"
	met            = "met"
	notMet         = "not met"
	notJudged      = "not judged"
)

// parseResult is what parse prints of a block. Numbers are 0 if the body is not proven.
type parseResult struct {
	Hash         btc.Hash    `json:"hash"`
	Network      btc.Network `json:"network"`
	Height       *int32      `json:"height,omitempty"`
	Txs          int         `json:"txs"`
	Size         int         `json:"size"`          // bytes
	StrippedSize int         `json:"stripped_size"` // bytes
	Weight       int         `json:"weight"`
	Inputs       uint32      `json:"inputs"`        // the parser's word
	Outputs      uint32      `json:"outputs"`       // the parser's word
	WitnessItems uint32      `json:"witness_items"` // the parser's word
	Sigops       uint32      `json:"sigops"`        // legacy, each costs 4 of 80,000; the parser's word
	Merkle       string      `json:"merkle"`        // met, not met, not judged
	Commitment   string      `json:"commitment"`    // met, not met, none, not judged
	ProofOfWork  string      `json:"proof_of_work"` // met, not met
	Verdict      string      `json:"verdict"`       // valid, invalid
	Reason       string      `json:"reason"`        // of an invalid block
	RejectReason string      `json:"reject_reason"` // Bitcoin Core's, empty where it has none
	NotJudged    []string    `json:"not_judged"`
	Engine       string      `json:"engine"`       // that hashed
	Microseconds int64       `json:"microseconds"` // to parse and to prove
}

func (s *parseSettings) print(w io.Writer, r *parseResult) error {
	if s.json {
		return printJSON(w, r)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n  hash           %s\n  transactions   %d\n  size           %d bytes, %d without witness\n  weight         %d\n",
		strings.ToUpper(r.Verdict), r.Hash, r.Txs, r.Size, r.StrippedSize, r.Weight)
	fmt.Fprintf(&b, "  counted        %d inputs, %d outputs, %d witness items, %d legacy sigops\n  merkle root    %s\n  commitment     %s\n  proof of work  %s\n",
		r.Inputs, r.Outputs, r.WitnessItems, r.Sigops, r.Merkle, r.Commitment, r.ProofOfWork)
	printReason(&b, r.Reason, r.RejectReason)
	fmt.Fprintf(&b, "  not judged     %s\n  took           %d us, sha256 by %s\n", strings.Join(r.NotJudged, ", "), r.Microseconds, r.Engine)
	_, err := w.Write(b.Bytes())
	return err
}

// printReason prints what is wrong, and Bitcoin Core's word for it, if there is any.
func printReason(b *bytes.Buffer, reason, rejected string) {
	if reason != "" {
		fmt.Fprintf(b, "  reason         %s\n", reason)
	}
	if rejected != "" {
		fmt.Fprintf(b, "  reject reason  %s\n", rejected)
	}
}

func printJSON(w io.Writer, result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
