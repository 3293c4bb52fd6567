package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// Inventory types of a transaction: by txid, the same with its witness (BIP-0144), and
// by wtxid (BIP-0339).
const (
	msgTx        = 1
	msgWitnessTx = 1<<30 | msgTx
	msgWtx       = 5
)

// inventorySize is the length of an entry of inv and getdata: type 4, hash 32.
const inventorySize = 4 + btc.HashSize

// TxTaken says that the peer of a carrier asked for the transaction that was announced,
// that it was sent, and that the peer answered the ping behind it: so it has read it.
type TxTaken struct{ Txid btc.Hash }

// TxHeard says that the peer of an observer announced a transaction that is waited for.
// It comes once for each.
type TxHeard struct{ Txid btc.Hash }

var (
	// ErrPurpose says that the session is not for that, or has done it already.
	ErrPurpose    = errors.New("session is for something else")
	errInventory  = errors.New("its length is not that of its entries")
	errEntryCount = errors.New("count of entries")
)

// offer is the one transaction that a carrier brings.
type offer struct {
	mu sync.Mutex
	// made is when it was said in an inv, asked when it was sent, read when that is sure.
	made, asked, read bool
	txid, wtxid       btc.Hash
	raw               func() ([]byte, error)
	nonce             uint64 // of the ping behind the transaction
}

// Announce tells the peer of a transaction by its txid, and sends it once the peer asks,
// whole, whichever way it asks: by txid, with witness, or by wtxid. raw is called then,
// by the goroutine that reads. A carrier announces one transaction.
//
// It returns [ErrPurpose], [ErrNotReady] or [ErrEnded].
func (s *Session) Announce(txid, wtxid btc.Hash, raw func() ([]byte, error)) error {
	o := &s.offer
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.cfg.Purpose != link.Carrier || o.made {
		return ErrPurpose
	}
	inv := btc.AppendCompactSize(make([]byte, 0, 1+inventorySize), 1)
	inv = binary.LittleEndian.AppendUint32(inv, msgTx)
	if err := s.request("inv", append(inv, txid[:]...)); err != nil {
		return err
	}
	o.made, o.txid, o.wtxid, o.raw = true, txid, wtxid, raw
	return nil
}

// is reports whether an entry names the transaction that was announced.
func (o *offer) is(kind uint32, hash btc.Hash) bool {
	switch kind {
	case msgTx, msgWitnessTx:
		return o.made && hash == o.txid
	case msgWtx:
		return o.made && hash == o.wtxid
	}
	return false
}

// getDataReceived sends the transaction if it is among what the peer asks for, once. What
// else it asks for is not answered: there is nothing.
func (s *Session) getDataReceived(payload []byte) error {
	o := &s.offer
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := false
	err := eachEntry(payload, func(kind uint32, hash btc.Hash) { asked = asked || o.is(kind, hash) })
	if err != nil || !asked || o.asked {
		return err
	}
	o.asked = true
	raw, err := o.raw()
	if err != nil { // ours
		s.Close(link.ReasonLocal, "transaction: "+err.Error())
		return nil // not the peer's fault
	}
	o.nonce = rand.Uint64()
	if s.request("tx", raw) == nil {
		_ = s.request("ping", binary.LittleEndian.AppendUint64(nil, o.nonce)) // Closed tells
	}
	return nil
}

// pongReceived looks for the answer to the ping behind the transaction.
func (s *Session) pongReceived(nonce uint64) {
	o := &s.offer
	o.mu.Lock()
	first := o.asked && !o.read && nonce == o.nonce
	o.read = o.read || first
	txid := o.txid
	o.mu.Unlock()
	if first {
		s.emit(TxTaken{txid})
	}
}

// txInvReceived compares the txids that a peer announces with those that are waited for.
// Nothing is asked for, and nothing but a match is remembered.
func (s *Session) txInvReceived(payload []byte) error {
	return eachEntry(payload, func(kind uint32, hash btc.Hash) {
		if kind == msgTx && len(s.heard) < maxHeard && s.cfg.Waits(hash) && !s.heard[hash] {
			s.heard[hash] = true
			s.emit(TxHeard{hash})
		}
	})
}

// eachEntry calls visit with each entry of an inv or getdata, once the length of the
// message is that of as many entries as it says.
func eachEntry(payload []byte, visit func(kind uint32, hash btc.Hash)) error {
	count, size, err := btc.CompactSize(payload)
	if err != nil {
		return fmt.Errorf("%w: %w", errEntryCount, err)
	}
	entries := payload[size:]
	if count > uint64(len(entries)) || len(entries) != int(count)*inventorySize {
		return errInventory
	}
	for ; len(entries) > 0; entries = entries[inventorySize:] {
		visit(binary.LittleEndian.Uint32(entries), btc.Hash(entries[4:inventorySize]))
	}
	return nil
}

// taken gets the payloads that link took for us.
func (s *Session) taken(command link.Command, payload []byte) error {
	switch command {
	case link.CommandOf("getdata"):
		return s.getDataReceived(payload)
	case link.CommandOf("inv"):
		return s.txInvReceived(payload)
	}
	return s.addrsReceived(command, payload)
}

// services are what our version message claims. A carrier can give its transaction with
// its witness, and says so, or it would be asked for it without (BIP-0144).
func (s *Session) services() wire.ServiceFlag {
	if s.cfg.Purpose == link.Carrier {
		return wire.SFNodeWitness
	}
	return 0
}

// startHeight is what our version message says. A carrier says nothing of what we know.
func (s *Session) startHeight() int32 {
	if s.cfg.Purpose == link.Carrier {
		return 0
	}
	return int32(s.cfg.BestHeight)
}
