package adapter_test

import (
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/txstore"
	"blockgate/internal/btc"
)

// TestTxLifetime: a transaction expires when the operator says so, within the bounds.
func TestTxLifetime(t *testing.T) {
	t.Parallel()
	const day, most = adapter.DefaultTxLifetime, adapter.MaxTxLifetime
	for _, c := range []struct{ asked, want time.Duration }{
		{-time.Second, day}, {0, day}, {time.Hour, time.Hour}, {most - time.Second, most - time.Second}, {most, most}, {most + time.Second, most},
	} {
		t.Run(c.asked.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, txChain(t, 1), fakepeer.Script{})
			store, err := txstore.Open(t.TempDir(), txstore.Limits{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			desk := adapter.NewTransactions(store, &txCell{txid: btc.Hash{1}}, c.asked)
			w.config.Transactions = desk
			w.run()
			got, err := desk.Submit(t.Context(), payment)
			if life := got.Expires.Sub(got.Submitted); err != nil || life != c.want {
				t.Errorf("it lives for %s, want %s; %v", life, c.want, err)
			}
			w.stop()
		})
	}
}
