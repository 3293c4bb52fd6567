package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter"
	"blockgate/adapter/node"
	"blockgate/adapter/txstore"
	"blockgate/internal/btc"
)

const (
	// maxSendInput is the most bytes that are read of a transaction: in hex, with a line
	// ending, and one more.
	maxSendInput = 2*txstore.MaxTransaction + 2 + 1
	// sendPoll is how often a command that waits asks what became of its transaction.
	sendPoll = 500 * time.Millisecond
)

const sendLong = `Hands a signed transaction, in hex or raw, to the running service of the data
directory. A parser in the cell checks it, it is written to the disk, and then it
is announced to a few peers, each on a connection of its own, until another node
has announced it, a block holds it, or a day has passed. See docs/transactions.md
for what the states mean and what peers learn: use --proxy of run for what must
not be joined to your address.

With --wait the command returns when that is so, or with exit code 1 once the
transaction has expired. To end it loses nothing: ask again with --txid.`

const sendExample = `  blockgate send payment.hex
  blockgate send --wait block --json - < payment.raw
  blockgate send --txid 4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b
  blockgate send --list --json`

// sending are the flags of send.
type sending struct {
	asking
	wait string
	txid string
	list bool
}

func newSend() *cobra.Command {
	s := &sending{}
	cmd := &cobra.Command{
		Use: "send [FILE|-]", Short: "Send a transaction to the network", Long: sendLong, Example: sendExample,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args) },
	}
	s.addFlags(cmd)
	cmd.Flags().StringVar(&s.wait, "wait", "", "return when the transaction is `seen` by another node, or in a block: seen, block")
	cmd.Flags().StringVar(&s.txid, "txid", "", "send nothing, say what became of this transaction")
	cmd.Flags().BoolVar(&s.list, "list", false, "send nothing, say what became of all")
	return cmd
}

func (s *sending) run(cmd *cobra.Command, args []string) error {
	until, err := s.until()
	if err != nil {
		return err
	}
	given := len(args)
	for _, other := range []bool{s.txid != "", s.list} {
		if other {
			given++
		}
	}
	switch {
	case given != 1:
		return usagef("want one of a file, - for standard input, --txid or --list; see `blockgate send --help`")
	case s.list:
		return s.printAll(cmd)
	}
	result, err := s.begin(cmd, args)
	if err != nil {
		return err
	}
	if result, err = s.await(cmd.Context(), result, until); err != nil {
		return err
	}
	return s.answer(cmd, &result, until)
}

// until returns the state that is waited for, 0 for none.
func (s *sending) until() (node.TxState, error) {
	switch s.wait {
	case "":
		return 0, nil
	case "seen":
		return node.TxSeen, nil
	case "block":
		return node.TxInBlock, nil
	}
	return 0, usagef("--wait %.20q: want seen or block", s.wait)
}

// begin sends a transaction, or asks for one.
func (s *sending) begin(cmd *cobra.Command, args []string) (adapter.TxResult, error) {
	var result adapter.TxResult
	if s.txid != "" {
		txid, err := btc.ParseHash(s.txid)
		if err != nil {
			return result, usagef("--txid: %w", err)
		}
		return result, s.ask(cmd.Context(), verbTransaction, txidArgs{txid}, &result)
	}
	input, err := readInput(&patientReader{cmd.Context(), cmd.InOrStdin()}, args[0], maxSendInput)
	if err != nil {
		return result, err
	}
	raw := fromHex(input)
	if len(raw) > txstore.MaxTransaction {
		return result, exitf(exitNo, "refused: more than %d bytes; nodes relay no transaction of that size", txstore.MaxTransaction)
	}
	return result, s.ask(cmd.Context(), verbSend, sendArgs{raw}, &result)
}

// await asks again and again until the state is reached or will not be.
func (s *sending) await(ctx context.Context, result adapter.TxResult, until node.TxState) (adapter.TxResult, error) {
	ticker := time.NewTicker(sendPoll)
	defer ticker.Stop()
	for result.State < until && result.State != node.TxMalformed {
		select {
		case <-ctx.Done():
			return result, ctx.Err()
		case <-ticker.C:
		}
		next := adapter.TxResult{Size: result.Size, StrippedSize: result.StrippedSize, Weight: result.Weight}
		if err := s.ask(ctx, verbTransaction, txidArgs{result.Txid}, &next); err != nil {
			return result, err
		}
		result = next
	}
	return result, nil
}

// answer prints what became of a transaction. What is malformed, and what expired while
// somebody waited, is a no.
func (s *sending) answer(cmd *cobra.Command, result *adapter.TxResult, until node.TxState) error {
	if err := s.print(cmd, result, func() string { return txText(result) }); err != nil {
		return err
	}
	switch {
	case result.State == node.TxMalformed:
		return exitf(exitNo, "malformed transaction: %s", result.Reason)
	case result.State == node.TxExpired && until != 0:
		return exitf(exitNo, "the transaction has expired")
	}
	return nil
}

func (s *sending) printAll(cmd *cobra.Command) error {
	all := []node.Transaction{}
	if err := s.ask(cmd.Context(), verbTransactions, struct{}{}, &all); err != nil {
		return err
	}
	return s.print(cmd, all, func() string {
		var b strings.Builder
		for i := range all {
			b.WriteString(txText(&adapter.TxResult{Transaction: all[i]}))
		}
		return b.String()
	})
}

// txText says what became of a transaction, for people.
func txText(r *adapter.TxResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", strings.ToUpper(r.State.String()))
	if r.State == node.TxMalformed {
		fmt.Fprintf(&b, "  reason         %s\n", r.Reason)
		return b.String()
	}
	fmt.Fprintf(&b, "  txid           %s\n  wtxid          %s\n", r.Txid, r.Wtxid)
	if r.Size > 0 {
		fmt.Fprintf(&b, "  size           %d bytes, %d without witness\n  weight         %d\n", r.Size, r.StrippedSize, r.Weight)
	}
	fmt.Fprintf(&b, "  told           %d peers, %d a round; %d took it\n  seen by        %d observers\n", r.Told, r.Wanted, r.Taken, r.SeenBy)
	if r.State == node.TxInBlock {
		fmt.Fprintf(&b, "  block          %d %s, %d confirmations\n", r.Height, r.Block, r.Confirmations)
	}
	fmt.Fprintf(&b, "  expires        %s\n", r.Expires.UTC().Format(time.RFC3339))
	return b.String()
}
