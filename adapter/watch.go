package adapter

import (
	"maps"
	"sync"
	"sync/atomic"

	"blockgate/internal/btc"
)

// watch is the set of transactions that wait. Any goroutine may ask it, without a lock:
// one asks for every transaction of every block and every announcement.
type watch struct {
	mu    sync.Mutex                        // of those who change it
	txids atomic.Pointer[map[btc.Hash]bool] // never changed once it is there
}

func (w *watch) set() map[btc.Hash]bool {
	if p := w.txids.Load(); p != nil {
		return *p
	}
	return nil
}

func (w *watch) has(txid btc.Hash) bool { return w.set()[txid] }

func (w *watch) add(txid btc.Hash) { w.change(func(m map[btc.Hash]bool) { m[txid] = true }) }

func (w *watch) remove(txid btc.Hash) { w.change(func(m map[btc.Hash]bool) { delete(m, txid) }) }

func (w *watch) change(edit func(map[btc.Hash]bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := maps.Clone(w.set())
	if next == nil {
		next = map[btc.Hash]bool{}
	}
	edit(next)
	w.txids.Store(&next)
}

// in returns which of the transactions a block holds. It allocates nothing if there is
// none.
func (w *watch) in(block Proven) (found []btc.Hash) {
	txids := w.set()
	if len(txids) == 0 {
		return nil
	}
	for i := range block.TxCount() {
		if txid := block.Txid(i); txids[txid] {
			found = append(found, txid)
		}
	}
	return found
}
