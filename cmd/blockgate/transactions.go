package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/txstore"
	"blockgate/internal/btc"
	"blockgate/ops"
)

// transactionFolder is where transactions wait, in the adapter's own folder.
const transactionFolder = "transactions"

// The verbs of the control socket that are about transactions.
const (
	verbSend         = "send"
	verbTransaction  = "transaction"
	verbTransactions = "transactions"
)

// sendArgs bring a transaction; JSON has its bytes in base64.
type sendArgs struct {
	Raw []byte `json:"raw"`
}

// txidArgs name a transaction.
type txidArgs struct {
	Txid btc.Hash `json:"txid"`
}

// openTransactions opens the folder in which transactions wait, and answers for them.
func (d *desk) openTransactions(folder string, lifetime time.Duration, checker adapter.TxCell, log *slog.Logger) (*adapter.Transactions, error) {
	store, err := txstore.Open(filepath.Join(folder, transactionFolder), txstore.Limits{}, func(err error) {
		log.Warn("transaction left out", slog.String("error", err.Error()))
	})
	if err != nil {
		return nil, exitf(exitData, "%w", err)
	}
	sent := adapter.NewTransactions(store, checker, lifetime)
	d.handleTransactions(sent)
	return sent, nil
}

// handleTransactions answers the verbs that are about transactions.
func (d *desk) handleTransactions(sent *adapter.Transactions) {
	d.control.Handle(verbSend, func(ctx context.Context, args []byte) (any, error) {
		var a sendArgs
		if err := ops.DecodeArgs(args, &a); err != nil {
			return nil, err
		}
		result, err := sent.Submit(ctx, a.Raw)
		return result, refusal(err)
	})
	d.control.Handle(verbTransaction, func(ctx context.Context, args []byte) (any, error) {
		var a txidArgs
		if err := ops.DecodeArgs(args, &a); err != nil {
			return nil, err
		}
		result, err := sent.Find(ctx, a.Txid)
		return result, refusal(err)
	})
	d.control.Handle(verbTransactions, func(ctx context.Context, _ []byte) (any, error) { return sent.All(ctx) })
}

// refusal marks what is an answer and no failure.
func refusal(err error) error {
	for _, kind := range []error{adapter.ErrTxBusy, adapter.ErrTxUnknown, txstore.ErrFull, txstore.ErrTooLarge} {
		if errors.Is(err, kind) {
			return &ops.RefusedError{Why: err.Error()}
		}
	}
	return err
}
